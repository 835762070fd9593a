//! Confirms, looks after and refunds payments at the provider; beside that, and never before it, looks into webhooks.

use anyhow::Result;
use konnect::job::Queue;

#[tokio::main]
async fn main() -> Result<()> {
    konnect_start::work_beside(Queue::Payment, Some(Queue::Inbox)).await
}

//! Reminds people of their sessions.

use anyhow::Result;
use konnect::job::Queue;

#[tokio::main]
async fn main() -> Result<()> {
    konnect_start::work(Queue::Reminder).await
}

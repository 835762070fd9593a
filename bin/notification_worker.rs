//! Tells people what happened: notices, mails, pushes.

use anyhow::Result;
use konnect::job::Queue;

#[tokio::main]
async fn main() -> Result<()> {
    konnect_start::work(Queue::Notification).await
}

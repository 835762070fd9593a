//! Confirms, looks after and refunds payments at the provider.

use anyhow::Result;
use konnect::job::Queue;

#[tokio::main]
async fn main() -> Result<()> {
    konnect_start::work(Queue::Payment).await
}

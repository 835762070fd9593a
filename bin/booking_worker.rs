//! Ends holds and requests, starts and completes sessions.

use anyhow::Result;
use konnect::job::Queue;

#[tokio::main]
async fn main() -> Result<()> {
    konnect_start::work(Queue::Booking).await
}

//! Accrues what mentors earned, and audits the money.

use anyhow::Result;
use konnect::job::Queue;

#[tokio::main]
async fn main() -> Result<()> {
    konnect_start::work(Queue::Settlement).await
}

//! A worker process: one queue, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use konnect::job::Queue;
use konnect::queue;
use tokio_util::sync::CancellationToken;

use crate::{Executor, Services};

/// Runs the jobs of a queue until `stop` is cancelled, then finishes what runs, and after `drain` hands back what
/// is left.
pub async fn run(
    services: Services,
    queue: Queue,
    concurrency: usize,
    drain: Duration,
    stop: CancellationToken,
) -> Result<()> {
    let name = format!("{}-worker-{}", queue.name(), std::process::id());
    let core = services.core.clone();
    let executor = Executor::new(services, name);
    tracing::info!(queue = queue.name(), concurrency, "worker started");
    let consuming = queue::consume(&core, queue, concurrency, Arc::new(executor.clone()), stop.clone());
    tokio::select! {
        () = consuming => {}
        () = async { stop.cancelled().await; tokio::time::sleep(drain).await } => {
            tracing::warn!(queue = queue.name(), "drain took too long; handing back");
            executor.hand_back().await;
        }
    }
    tracing::info!(queue = queue.name(), "worker stopped");
    Ok(())
}

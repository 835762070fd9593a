//! A worker process: its queues, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use konnect::job::Queue;
use konnect::queue;
use tokio_util::sync::CancellationToken;

use crate::{Executor, Services};

/// Runs the jobs of some queues until `stop` is cancelled, then finishes what runs, and after `drain` hands back what
/// is left. `name`: the process', as in the Procfile. With each queue stands how many of its jobs run at the same time:
/// none takes the room of another.
pub async fn run(
    services: Services,
    name: &str,
    queues: &[(Queue, usize)],
    drain: Duration,
    stop: CancellationToken,
) -> Result<()> {
    let core = services.core.clone();
    let executor = Executor::new(services, format!("{name}-{}", std::process::id()));
    let consuming = queues.iter().map(|(queue, concurrency)| {
        tracing::info!(queue = queue.name(), concurrency, "worker started");
        queue::consume(&core, *queue, *concurrency, Arc::new(executor.clone()), stop.clone())
    });
    tokio::select! {
        _ = join_all(consuming) => {}
        () = async { stop.cancelled().await; tokio::time::sleep(drain).await } => {
            tracing::warn!(name, "drain took too long; handing back");
            executor.hand_back().await;
        }
    }
    tracing::info!(name, "worker stopped");
    Ok(())
}

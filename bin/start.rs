//! How every process starts and stops.

#[path = "start/logs.rs"]
mod logs;
#[path = "start/traces.rs"]
mod traces;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use konnect::api::ops;
use konnect::clock::Clock;
use konnect::config::{Config, WorkerConfig};
use konnect::core::Core;
use konnect::job::Queue;
use konnect::{process, skew, watch};
use konnect_jobs::{Services, worker};
use tikv_jemallocator::Jemalloc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use traces::Traces;

/// What a peak of sockets or jobs took goes back to the system within seconds, by threads of jemalloc's own that also look
/// after processes with nothing to do; with glibc's allocator it stayed (docs/CHAOS.md, Soak).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// A started process.
pub struct Process {
    pub core: Core,
    /// Cancelled by SIGTERM and SIGINT.
    pub stop: CancellationToken,
    /// How long work in progress may take after that.
    pub drain: Duration,
    /// To be dropped last: sends the last spans.
    pub traces: Traces,
}

/// Starts a process, by its name in the Procfile: cryptography, traces, logs, signals, metrics, stores, and the operators'
/// address.
///
/// # Errors
/// A store cannot be reached or a setting is wrong: the process ends and its supervisor starts it again.
pub async fn start(config: &Config, name: &str) -> Result<Process> {
    cryptography();
    let traces = Traces::new(&config.traces, name)?;
    logs::start(config.log_format, &traces);
    let stop = stopped_by_signals()?;
    tokio::spawn(ops::keep_up(ops::metrics(), stop.clone()));
    tokio::spawn(process::watch(stop.clone()));
    let core = Core::connect(config, Clock::system()).await.context("the stores cannot be reached")?;
    tokio::spawn(skew::watch(core.db.pool().clone(), stop.clone()));
    tokio::spawn(watch::stores(core.clone(), stop.clone()));
    if let Some(bind) = config.ops_bind {
        let (core, stop) = (core.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = ops::serve(core, bind, stop).await {
                tracing::error!(%error, %bind, "health and metrics are not served");
            }
        });
    }
    Ok(Process { core, stop, drain: Duration::from_secs(config.drain_seconds), traces })
}

/// Makes aws-lc-rs the process' one provider of TLS. Whoever opens a connection calls it first.
pub fn cryptography() {
    // An error says that a provider is installed already, which is as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The first SIGTERM or SIGINT asks to stop; the second one ends the process at once.
fn stopped_by_signals() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopping = stop.clone();
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if stopping.is_cancelled() {
                tracing::warn!(signal = name, "stopping at once");
                std::process::exit(130);
            }
            tracing::info!(signal = name, "stopping");
            stopping.cancel();
        }
    });
    Ok(stop)
}

#[derive(Parser)]
#[command(version, about = "Runs the jobs of its queues until it is told to stop.")]
struct WorkerSettings {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    worker: WorkerConfig,
}

/// A whole worker process, named after its queue.
pub async fn work(queue: Queue) -> Result<()> {
    work_beside(queue, None).await
}

/// The same with a second queue, a quarter as many of whose jobs run at the same time, in room of their own.
pub async fn work_beside(queue: Queue, second: Option<Queue>) -> Result<()> {
    let settings = WorkerSettings::parse();
    let name = format!("{}-worker", queue.name());
    let process = start(&settings.config, &name).await?;
    let services = Services::new(process.core, &settings.worker)?;
    let concurrency = settings.worker.concurrency;
    let mut queues = vec![(queue, concurrency)];
    queues.extend(second.map(|second| (second, concurrency.div_ceil(4))));
    worker::run(services, &name, &queues, process.drain, process.stop).await
}

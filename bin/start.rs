//! How every process starts and stops.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use konnect::api::ops;
use konnect::clock::Clock;
use konnect::config::{Config, LogFormat, WorkerConfig};
use konnect::core::Core;
use konnect::job::Queue;
use konnect::{process, skew};
use konnect_jobs::{Services, worker};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// What is logged when `RUST_LOG` does not say otherwise.
const LOG: &str = "info,sqlx=warn,apalis=warn,apalis_core=warn,apalis_redis=warn,redis=warn,mongodb=warn,\
    hyper=warn,h2=warn,reqwest=warn,rustls=warn,lettre=warn,poem=warn";

/// A started process.
pub struct Process {
    pub core: Core,
    /// Cancelled by SIGTERM and SIGINT.
    pub stop: CancellationToken,
    /// How long work in progress may take after that.
    pub drain: Duration,
}

/// Starts a process: cryptography, logs, signals, metrics, stores, and the operators' address.
///
/// # Errors
/// A store cannot be reached or a setting is wrong: the process ends and its supervisor starts it again.
pub async fn start(config: &Config) -> Result<Process> {
    cryptography();
    logs(config.log_format);
    let stop = stopped_by_signals()?;
    tokio::spawn(ops::keep_up(ops::metrics(), stop.clone()));
    tokio::spawn(process::watch(stop.clone()));
    let core = Core::connect(config, Clock::system()).await.context("the stores cannot be reached")?;
    tokio::spawn(skew::watch(core.db.pool().clone(), stop.clone()));
    if let Some(bind) = config.ops_bind {
        let (core, stop) = (core.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = ops::serve(core, bind, stop).await {
                tracing::error!(%error, %bind, "health and metrics are not served");
            }
        });
    }
    Ok(Process { core, stop, drain: Duration::from_secs(config.drain_seconds) })
}

/// Makes aws-lc-rs the process' one provider of TLS. Whoever opens a connection calls it first.
pub fn cryptography() {
    // An error says that a provider is installed already, which is as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Logs to standard output, and panics among them: what a task panics with would be lost on standard error.
fn logs(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a panic without words");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(message, place, thread = std::thread::current().name(), "panic");
    }));
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
#[command(version, about = "Runs the jobs of one queue until it is told to stop.")]
struct WorkerSettings {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    worker: WorkerConfig,
}

/// A whole worker process.
pub async fn work(queue: Queue) -> Result<()> {
    let settings = WorkerSettings::parse();
    let process = start(&settings.config).await?;
    let services = Services::new(process.core, &settings.worker)?;
    worker::run(services, queue, settings.worker.concurrency, process.drain, process.stop).await
}

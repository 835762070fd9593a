//! Takes due rows of the outbox to the workers, and counts what alarms look at. Any number may run.

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use konnect::activity;
use konnect::config::Config;
use konnect::core::Core;
use konnect::office::Alarms;
use konnect::relay::Relay;
use tokio_util::sync::CancellationToken;

/// How old a figure of an alarm may be.
const FIGURES: Duration = Duration::from_secs(15);

#[derive(Parser)]
#[command(version, about = "Takes due jobs from the outbox to the workers.")]
struct Settings {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let process = konnect_start::start(&settings.config).await?;
    tracing::info!("relay started");
    tokio::spawn(count(process.core.clone(), process.stop.clone()));
    Relay::new(process.core).run(process.stop).await;
    tracing::info!("relay stopped");
    Ok(())
}

/// Counts again and again until `stop` is cancelled. A database that is away is seen by the age of the figures.
async fn count(core: Core, stop: CancellationToken) {
    let (mut alarms, mut timer) = (Alarms::default(), tokio::time::interval(FIGURES));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
        }
        if let Err(error) = alarms.measure(&core.db).await {
            tracing::warn!(%error, "the figures of alarms cannot be counted");
        }
        if let Err(error) = activity::measure_lag(&core).await {
            tracing::warn!(%error, "the lag of the activity log cannot be measured");
        }
    }
}

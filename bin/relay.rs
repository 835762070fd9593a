//! Takes due rows of the outbox to the workers, and counts what alarms look at. Any number may run.

use anyhow::Result;
use clap::Parser;
use konnect::config::Config;
use konnect::relay::Relay;

#[derive(Parser)]
#[command(version, about = "Takes due jobs from the outbox to the workers.")]
struct Settings {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let process = konnect_start::start(&settings.config, "relay").await?;
    tracing::info!("relay started");
    tokio::spawn(konnect_jobs::census::watch(process.core.clone(), process.stop.clone()));
    Relay::new(process.core).run(process.stop).await;
    tracing::info!("relay stopped");
    Ok(())
}

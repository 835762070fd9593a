//! REST and sockets. Checks, writes state, enqueues; everything slow is done by workers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use konnect::api::{self, App};
use konnect::auth::{HashCost, Hasher, SigningKeys, Tokens};
use konnect::config::{ApiConfig, Config, LingerConfig};
use konnect::realtime::live::Turn;
use konnect::realtime::{House, Hub};
use konnect::seal::Sealer;
use tokio::net::TcpListener;

#[derive(Parser)]
#[command(version, about = "The api: REST, webhooks and sockets.")]
struct Settings {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    api: ApiConfig,
    #[command(flatten)]
    linger: LingerConfig,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Settings { config, api: settings, linger } = Settings::parse();
    let process = konnect_start::start(&config, "api").await?;
    let tokens = Tokens::new(SigningKeys::load(&settings.tokens)?, &settings.tokens);
    let hasher = Hasher::new(HashCost::Production)?;
    let listener =
        TcpListener::bind(settings.bind).await.with_context(|| format!("{} is not free", settings.bind))?;
    tracing::info!(address = %listener.local_addr()?, url = settings.public_url, "api started");
    let stop = api::later(&process.stop, Duration::from_secs(linger.linger_seconds));
    let hub = Hub::start(&process.core, settings.sockets_per_user, stop.clone());
    let house = House::open(hub.clone(), Turn::new(&settings.turn)?);
    let sealer = Sealer::new(&settings.data_key)?;
    let identities = api::identities(&settings.identity, &process.core.clock)?;
    let app = Arc::new(App {
        core: process.core,
        tokens,
        hasher,
        config: settings,
        hub,
        house,
        identities,
        sealer,
        intake: Default::default(),
    });
    api::serve_until(app, listener, process.stop, stop, process.drain).await?;
    tracing::info!("api stopped");
    Ok(())
}

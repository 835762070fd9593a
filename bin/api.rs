//! REST and sockets. Checks, writes state, enqueues; everything slow is done by workers.

use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use konnect::api::{App, server};
use konnect::auth::{HashCost, Hasher, SigningKeys, Tokens};
use konnect::config::{ApiConfig, Config};
use tokio::net::TcpListener;

#[derive(Parser)]
#[command(version, about = "The api: REST, webhooks and sockets.")]
struct Settings {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    api: ApiConfig,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Settings { config, api } = Settings::parse();
    let process = konnect_start::start(&config).await?;
    let tokens = Tokens::new(SigningKeys::load(&api.tokens)?, &api.tokens);
    let hasher = Hasher::new(HashCost::Production)?;
    let listener = TcpListener::bind(api.bind).await.with_context(|| format!("{} is not free", api.bind))?;
    tracing::info!(address = %listener.local_addr()?, url = api.public_url, "api started");
    let app = Arc::new(App { core: process.core, tokens, hasher, config: api });
    server::serve(app, listener, process.stop, process.drain).await?;
    tracing::info!("api stopped");
    Ok(())
}

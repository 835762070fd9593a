//! Measures Konnect's processes on real servers and compares what they do with what the servers allow.
//! `./dev bench` starts the servers and this.

#[path = "../bench/mod.rs"]
mod bench;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use konnect::config::{Config, TokenConfig};

use bench::{Bench, Part, Plan};

#[derive(Parser)]
#[command(
    version,
    about = "Measures reservations, slot listings, jobs, webhooks, notices, live sessions, latency against load, the audit, the catalogue and cost against data size; the database must be empty."
)]
struct Settings {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    tokens: TokenConfig,
    /// Where the api that is measured listens.
    #[arg(long, env = "KONNECT_BIND", default_value = "127.0.0.1:3000")]
    api: SocketAddr,
    /// Where the stand-in for the providers listens.
    #[arg(long, env = "SANDBOX_BIND", default_value = "127.0.0.1:4000")]
    sandbox: SocketAddr,
    /// Holds the programs that are measured.
    #[arg(long, env = "KONNECT_BIN_DIR", default_value = "target/release")]
    programs: PathBuf,
    /// Prints Markdown instead of text.
    #[arg(long)]
    markdown: bool,
    /// Draws latency against load and cost against data size into this folder, as SVG.
    #[arg(long, overrides_with = "pictures")]
    pictures: Option<PathBuf>,
    /// Does little of everything: shows that it runs, the figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Measures these parts alone.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["reservations", "slots", "jobs", "webhooks", "notices", "live", "load", "audit", "catalogue", "growth"])]
    only: Vec<Part>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Serves a constant, for comparison.
    Constant {
        #[arg(long)]
        bind: SocketAddr,
        #[arg(long)]
        bytes: usize,
    },
    /// Inserts webhooks and does nothing else, for comparison.
    Intake {
        #[arg(long)]
        bind: SocketAddr,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    match settings.role {
        Some(Role::Constant { bind, bytes }) => return bench::constant::serve(bind, bytes).await,
        Some(Role::Intake { bind }) => return bench::intake::serve(bind, &settings.config).await,
        None => {}
    }
    // An error says that a provider of TLS is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let plan = if settings.quick { Plan::QUICK } else { Plan::FULL };
    let addresses = [settings.api, settings.sandbox];
    let bench = Bench::open(plan, &settings.config, &settings.tokens, addresses, settings.programs).await?;
    let report = bench.run(&settings.only).await?;
    if let Some(folder) = settings.pictures.filter(|_| !report.pictures.is_empty()) {
        report.draw(&folder)?;
        eprintln!("-- the pictures are in {}", folder.display());
    }
    print!("{}", if settings.markdown { report.markdown() } else { report.text() });
    Ok(())
}

//! The stand-in as a process: `./dev up` starts it, browsers and the other processes use it.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use konnect_sandbox::{Sandbox, SandboxOptions, TEST_SECURITY_KEY};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Stand-in for Toss Payments, FCM and SMTP. Development and tests only: everything in it is open to whoever
/// reaches its ports.
#[derive(Parser)]
struct Args {
    #[arg(long, env = "SANDBOX_BIND", default_value = "127.0.0.1:4000")]
    bind: String,
    #[arg(long, env = "SANDBOX_SMTP_BIND", default_value = "127.0.0.1:4025")]
    smtp_bind: String,
    /// Where payment webhooks go; none are sent when absent.
    #[arg(long, env = "SANDBOX_WEBHOOK_URL")]
    webhook_url: Option<String>,
    #[arg(long, env = "TOSS_SECRET_KEY", hide_env_values = true)]
    secret_key: String,
    /// 64 hexadecimal digits: opens the bodies of the payout service and signs its webhooks. An empty one is the
    /// test key.
    #[arg(long, env = "TOSS_SECURITY_KEY", default_value = TEST_SECURITY_KEY, hide_env_values = true)]
    security_key: String,
    /// A file with an offset in seconds that moves the clock of all processes.
    #[arg(long, env = "KONNECT_CLOCK_FILE")]
    clock_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let sandbox = Sandbox::start(SandboxOptions {
        bind: args.bind,
        smtp_bind: args.smtp_bind,
        webhook_url: args.webhook_url.filter(|url| !url.is_empty()),
        secret_key: args.secret_key,
        security_key: Some(args.security_key)
            .filter(|key| !key.is_empty())
            .unwrap_or(TEST_SECURITY_KEY.into()),
        clock_file: args.clock_file,
    })
    .await?;
    tracing::info!(url = sandbox.url(), smtp = sandbox.smtp_url(), "sandbox ready");
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("SIGINT")?,
    }
    sandbox.stop().await;
    Ok(())
}

//! What most commands need: the stores, and a context to act in.

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use konnect::clock::Clock;
use konnect::config::Config;
use konnect::context::{Actor, Context};
use konnect::core::Core;

#[derive(Args)]
pub struct Stores {
    #[command(flatten)]
    pub config: Box<Config>,
}

impl Stores {
    pub async fn connect(&self) -> Result<Core> {
        Core::connect(&self.config, Clock::system()).await.context("the stores cannot be reached")
    }
}

/// The context of an operator's transaction.
pub fn context() -> Context {
    Context::new(Actor::Operator, "admin")
}

/// A bar on standard error; silent where that is no terminal.
pub fn progress(length: usize, what: &'static str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {human_pos}/{human_len} {per_sec} {eta}")?;
    Ok(ProgressBar::new(length as u64).with_style(style.progress_chars("=> ")).with_message(what))
}

//! What most commands need: the stores, and a context to act in.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use konnect::clock::Clock;
use konnect::config::Config;
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::settlement;

#[derive(Args)]
pub struct Stores {
    #[command(flatten)]
    pub config: Box<Config>,
}

impl Stores {
    pub async fn connect(&self) -> Result<Core> {
        Core::connect(&self.config, Clock::system()).await.context("the stores cannot be reached")
    }

    /// Prints every row that breaks an invariant.
    pub async fn audit(&self) -> Result<ExitCode> {
        let core = self.connect().await?;
        let violations = settlement::audit(core.db.pool(), core.clock.now()).await?;
        for violation in &violations {
            say!("{:<12} {}", violation.invariant, violation.id);
        }
        if violations.is_empty() {
            say!("every invariant holds");
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("{} violations", violations.len());
        Ok(ExitCode::FAILURE)
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

//! What most commands need: the stores, and a context to act in.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use konnect::clock::Clock;
use konnect::config::Config;
use konnect::context::{Actor, Context, Deed};
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

/// The context of an operator's transaction, which is written down with the words of the command before its options.
pub fn context() -> Context {
    let words: Vec<String> = std::env::args().skip(1).take_while(|word| !word.starts_with('-')).collect();
    let object_id = words.iter().find_map(|word| word.parse().ok());
    // What follows may be somebody's address.
    let operation = format!("admin {}", words[..words.len().min(2)].join(" ")).chars().take(120).collect();
    let deed = Deed { operation, object_id, ..Deed::default() };
    Context::new(Actor::Operator, "admin").doing(Some(Arc::new(deed)))
}

/// A bar on standard error; silent where that is no terminal.
pub fn progress(length: usize, what: &'static str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {human_pos}/{human_len} {per_sec} {eta}")?;
    Ok(ProgressBar::new(length as u64).with_style(style.progress_chars("=> ")).with_message(what))
}

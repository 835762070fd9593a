//! Payouts: list them, stop and release them, run a batch.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use konnect::payout::{self, Filter, PayoutState};
use konnect::transact;

use crate::stores::{Stores, context};

#[derive(Subcommand)]
pub enum Command {
    /// List payouts, newest first, and whether they are paused
    List {
        #[arg(long)]
        state: Option<State>,
        /// Rows to print at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        #[command(flatten)]
        stores: Stores,
    },
    /// Let nothing leave until payouts are released
    Pause {
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        stores: Stores,
    },
    /// Let payouts go on
    Release {
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        stores: Stores,
    },
    /// Run a batch now, beside that of the week
    Batch(Stores),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum State {
    Queued,
    Sent,
    Unknown,
    InProgress,
    Paid,
    Failed,
    Cancelled,
    ManualReview,
}

impl From<State> for PayoutState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Sent => Self::Sent,
            State::Unknown => Self::Unknown,
            State::InProgress => Self::InProgress,
            State::Paid => Self::Paid,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
            State::ManualReview => Self::ManualReview,
        }
    }
}

impl Command {
    pub async fn run(self) -> Result<()> {
        match self {
            Self::List { state, limit, stores } => list(&stores, state, limit).await,
            Self::Pause { reason, stores } => pause(&stores, &reason).await,
            Self::Release { reason, stores } => release(&stores, &reason).await,
            Self::Batch(stores) => batch(&stores).await,
        }
    }
}

async fn list(stores: &Stores, state: Option<State>, limit: u32) -> Result<()> {
    let core = stores.connect().await?;
    let filter = Filter { state: state.map(PayoutState::from), ..Filter::default() };
    for payout in payout::list(core.db.pool(), &filter, limit).await? {
        say!(
            "{}  {:<13}  {:>12}  {}  {}  {}",
            payout.id,
            payout.state.name(),
            payout.amount_krw.0,
            payout.mentor_id,
            payout.created_at.format("%Y-%m-%dT%H:%M:%SZ"),
            payout.alert.or(payout.error_code).unwrap_or_default(),
        );
    }
    let control = payout::control(core.db.pool()).await?;
    if control.paused {
        say!("payouts are paused since {}: {}", control.since.to_rfc3339(), control.reason);
    }
    Ok(())
}

async fn pause(stores: &Stores, reason: &str) -> Result<()> {
    let core = stores.connect().await?;
    let paused =
        transact!(core.db, context(), anyhow::Error, tx => { Ok(payout::pause(tx, reason).await?) })?;
    say!("{}", if paused { "payouts are paused" } else { "payouts were paused already" });
    Ok(())
}

async fn release(stores: &Stores, reason: &str) -> Result<()> {
    let core = stores.connect().await?;
    transact!(core.db, context(), anyhow::Error, tx => { Ok(payout::release(tx, reason).await?) })?;
    say!("payouts go on");
    Ok(())
}

async fn batch(stores: &Stores) -> Result<()> {
    let core = stores.connect().await?;
    let batch = transact!(core.db, context(), anyhow::Error, tx => { Ok(payout::open_now(tx).await?) })?;
    say!("batch {} is open; a settlement worker runs it", batch.id);
    Ok(())
}

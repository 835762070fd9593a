//! The audit: whether slots, states and money are as the rules say, and whether the provider's books agree with ours.
//! What it finds is kept, raises an alarm, and stops payouts where it is about money.

mod checks;
mod error;
mod model;
mod pass;
mod provider;
mod query;
mod record;

use chrono::TimeDelta;
use sqlx::MySqlPool;

use crate::clock::Instant;

pub use error::Error;
pub use model::{Finding, Offender, PROVIDER, Pace, meaning};
pub use pass::{Outcome, Progress, pass};
pub use provider::{
    DayReport, MatchState, ProviderRow, StoredRow, TransactionKind, again_at, compare, day, day_of, due,
    reports, store, stretch,
};
pub use record::{findings, last_full, open_counts, record};

/// A recent pass looks back so much beyond the one before: longer than the grace of any check, so that what was still
/// in time then is judged now.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// What the first recent pass looks at.
const FIRST: TimeDelta = TimeDelta::days(1);

/// How far back a recent pass at `now` looks.
pub async fn recent(pool: &MySqlPool, now: Instant) -> sqlx::Result<Pace> {
    let last = query::last_pass(pool, "recent").await?;
    Ok(Pace::Since(last.map_or(now - FIRST, |at| at.min(now) - OVERLAP)))
}

/// The names of all checks of the live data.
pub fn check_names() -> Vec<&'static str> {
    checks::all().into_iter().map(|check| check.name).collect()
}

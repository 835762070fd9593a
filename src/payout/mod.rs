//! Payouts: what mentors earned leaves for their banks, once, and counts as paid on the provider's evidence alone.
//!
//! ```text
//! queued ──► sent ──► in_progress ──► paid
//!   │          │ ▲         │
//!   │          ▼ │         └────────► failed ─► the lines are ready for the next batch
//!   ▼        unknown ──(13 days)──► manual_review ─► two administrators decide
//! cancelled
//! ```
//!
//! A payout is one transfer to one mentor. Its id is the reference by which the provider's records are searched when
//! an answer is lost; while its outcome is open nothing is sent under another one.

mod account;
mod batch;
mod calendar;
mod choice;
mod control;
mod error;
mod model;
mod outcome;
mod query;
mod resolve;
mod send;

use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::id::{PayoutId, UserId};
use crate::job::{Job, SendPayout};

pub use account::{
    AccountState, BusinessType, Destination, Found, NewAccount, PayoutAccount, RegisterIntent, Registration,
    Seller, SellerStatus, Standing, ask_again as ask_seller_again, find_account, mark_warned,
    prepare_registration, registered, reject, renew_key, seller_found, sellers_to_read, set_account,
    standing, unregistered, was_warned,
};
pub use batch::{
    Looked, WEEKLY_LIMIT, batch, batches, block, debts, finish, look_at, open_batches, open_now, open_weekly,
    skips, tallies,
};
pub use control::{control, pause, release};
pub use error::Error;
pub use model::{
    Batch, BatchState, Block, Cause, Control, Debt, Evidence, Filter, Finding, Outcome, Payout, PayoutState,
    Resolution, Skip, SkipRow, Tally,
};
pub use outcome::{Applied, adopt, apply, doubled, give_up, not_there};
pub use resolve::{requery, resolve};
pub use send::{Intent, Next, Order, Refusal, ask_again, prepare, refused, resend, unknown};

pub async fn find(pool: &MySqlPool, id: PayoutId) -> sqlx::Result<Option<Payout>> {
    query::payout(pool, id).await
}

/// A mentor's own payout; that of another one is not found.
pub async fn find_of_mentor(pool: &MySqlPool, id: PayoutId, mentor: UserId) -> Result<Payout, Error> {
    query::payout(pool, id).await?.filter(|payout| payout.mentor_id == mentor).ok_or(Error::NotFound)
}

/// Newest first.
pub async fn list(pool: &MySqlPool, filter: &Filter, limit: u32) -> sqlx::Result<Vec<Payout>> {
    query::list(pool, filter, limit).await
}

/// What two administrators said of a payout, or one says in its present review, if anybody did.
pub async fn resolution(pool: &MySqlPool, payout: &Payout) -> sqlx::Result<Option<Resolution>> {
    Ok(query::resolution(pool, payout.id).await?.filter(|said| said.stands(payout)))
}

/// Payouts last touched before `before` that the provider has not taken, as far as we know, and that no job sends or
/// looks for.
pub async fn unsent(pool: &MySqlPool, before: Instant) -> sqlx::Result<Vec<PayoutId>> {
    query::unsent(pool, before, SendPayout::KIND, 200).await
}

/// The provider's ids of payouts that it has taken, last read before `before`.
pub async fn unread(pool: &MySqlPool, before: Instant) -> sqlx::Result<Vec<String>> {
    query::unread(pool, before, 200).await
}

//! The ledger: every won that moves, by double entry. Append-only (triggers refuse anything else), every entry
//! sums to zero, and its posting key makes a repeated happening post once. `docs/MONEY.md` shows each flow.

mod error;
mod model;
mod posting;
mod query;

pub use error::Error;
pub use model::{About, Account, Entry, Line, Split};
pub use posting::{
    post_capture, post_goodwill, post_goodwill_undone, post_payout_paid, post_payout_returned,
    post_payout_sent, post_refund, post_refund_by_hand, post_split, post_uncapture,
};
pub use query::{Balance, EntryRow, balances, balances_of_mentor, entries_of_payout, entries_of_reservation};

use crate::db::{Tx, duplicate_key};
use crate::id::{LedgerEntryId, ReservationId, UserId};
use crate::money::Krw;

/// Posts an entry. `false`: it was posted before, nothing was written.
///
/// # Errors
/// `Unbalanced` when the lines do not sum to zero; nothing is written then.
pub async fn post(tx: &mut Tx, entry: &Entry) -> Result<bool, Error> {
    let sum = entry.lines.iter().fold(Krw::ZERO, |sum, line| sum.plus(line.amount));
    if sum != Krw::ZERO || entry.lines.len() < 2 {
        return Err(Error::Unbalanced { key: entry.key.clone() });
    }
    let id = LedgerEntryId::generate();
    match query::insert_entry(tx, id, entry).await {
        Ok(()) => {}
        Err(error) if duplicate_key(&error).as_deref() == Some("ledger_once") => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    query::insert_postings(tx, id, entry).await?;
    Ok(true)
}

/// What is still held for a reservation; never negative in a sound ledger.
pub async fn held(tx: &mut Tx, r: ReservationId) -> Result<Krw, Error> {
    Ok(query::balance(tx, r, Account::Held).await?.negated())
}

/// What the platform has given for a reservation out of its own pocket, and not taken back.
pub async fn goodwill(tx: &mut Tx, r: ReservationId) -> Result<Krw, Error> {
    Ok(query::balance(tx, r, Account::Goodwill).await?)
}

/// What a mentor has earned and was not yet sent; negative when the mentor owes us.
pub async fn payable(tx: &mut Tx, mentor: UserId) -> Result<Krw, Error> {
    Ok(query::balance_of_owner(tx, mentor, Account::MentorPayable).await?.negated())
}

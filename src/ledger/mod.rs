//! The ledger: every won that moves, by double entry. Append-only (triggers refuse anything else), every entry
//! sums to zero, and its posting key makes a repeated happening post once.

mod error;
mod model;
mod query;

pub use error::Error;
pub use model::{Account, Entry, Line};
pub use query::{Balance, EntryRow, balances_of_mentor, entries_of_reservation};

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

/// The mentee's money has reached the provider: it is ours to hold, not ours.
pub async fn post_capture(tx: &mut Tx, r: ReservationId, key: String, amount: Krw) -> Result<bool, Error> {
    let lines =
        vec![Line::new(Account::Provider, None, amount), Line::new(Account::Held, None, amount.negated())];
    post(tx, &Entry { key, kind: "capture", reservation_id: r, lines }).await
}

/// Money has gone back to the mentee.
pub async fn post_refund(tx: &mut Tx, r: ReservationId, key: String, amount: Krw) -> Result<bool, Error> {
    let lines =
        vec![Line::new(Account::Held, None, amount), Line::new(Account::Provider, None, amount.negated())];
    post(tx, &Entry { key, kind: "refund", reservation_id: r, lines }).await
}

/// What was held is split between the mentor and the platform.
pub async fn post_split(
    tx: &mut Tx,
    r: ReservationId,
    mentor: UserId,
    fee: Krw,
    net: Krw,
) -> Result<bool, Error> {
    let mut lines = vec![Line::new(Account::Held, None, fee.plus(net))];
    if net.is_positive() {
        lines.push(Line::new(Account::MentorPayable, Some(mentor), net.negated()));
    }
    if fee.is_positive() {
        lines.push(Line::new(Account::PlatformRevenue, None, fee.negated()));
    }
    post(tx, &Entry { key: format!("split:{r}"), kind: "split", reservation_id: r, lines }).await
}

/// What is still held for a reservation; never negative in a sound ledger.
pub async fn held(tx: &mut Tx, r: ReservationId) -> Result<Krw, Error> {
    Ok(query::balance(tx, r, Account::Held).await?.negated())
}

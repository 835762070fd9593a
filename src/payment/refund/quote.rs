//! Quotes: what a cancellation gives back, promised for two minutes and then honoured exactly.

use chrono::TimeDelta;
use sqlx::mysql::MySqlExecutor;

use super::{Choice, lock_capture, query};
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{QuoteId, ReservationId, UserId};
use crate::money::{BasisPoints, Krw};
use crate::payment::Error;
use crate::reservation::{self, Reservation, Side, State};

/// A row of `cancellation_quotes`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CancellationQuote {
    pub id: QuoteId,
    pub reservation_id: ReservationId,
    /// It is good for this version alone.
    pub reservation_version: i64,
    pub user_id: UserId,
    pub refund_krw: Krw,
    /// Of the price, in basis points.
    pub share_bps: u32,
    /// The last instant of the tier it was made in, and what comes after; absent when nothing will change.
    pub next_at: Option<Instant>,
    pub next_refund_krw: Option<Krw>,
    pub next_share_bps: Option<u32>,
    pub created_at: Instant,
    /// The instant itself is still good. Ends with the time in which this person may cancel.
    pub valid_until: Instant,
    pub used_at: Option<Instant>,
}

/// Promises `user`, who is on this side of the reservation, what a cancellation gives back now.
///
/// # Errors
/// `NotAllowed` of the reservation when this side could not cancel.
pub async fn quote_cancellation(
    tx: &mut Tx,
    rules: &Rules,
    r: &Reservation,
    side: Side,
    user: UserId,
) -> Result<CancellationQuote, Error> {
    if !reservation::may_cancel(r, side, tx.now) {
        return Err(reservation::Error::NotAllowed.into());
    }
    let given = match lock_capture(tx, r.id).await {
        Ok(captured) => captured.given,
        Err(Error::NothingCaptured) => Krw::ZERO,
        Err(error) => return Err(error),
    };
    let now = reservation::quote(r, side, tx.now, given);
    let ends = (r.state == State::Confirmed && side == Side::Mentee)
        .then(|| r.starts_at - TimeDelta::microseconds(1));
    let life = tx.now + rules.quote_life();
    let quote = CancellationQuote {
        id: QuoteId::generate(),
        reservation_id: r.id,
        reservation_version: r.version,
        user_id: user,
        refund_krw: now.refund,
        share_bps: now.share.0,
        next_at: now.valid_until,
        next_refund_krw: now.next.map(|next| next.refund),
        next_share_bps: now.next.map(|next| next.share.0),
        created_at: tx.now,
        valid_until: ends.map_or(life, |ends| life.min(ends)),
        used_at: None,
    };
    query::insert_quote(tx, &quote).await?;
    Ok(quote)
}

/// A person's own quote.
pub async fn find_quote(
    executor: impl MySqlExecutor<'_>,
    id: QuoteId,
    user: UserId,
) -> Result<CancellationQuote, Error> {
    query::quote(executor, id, user).await?.ok_or(Error::QuoteNotFound)
}

/// Uses a quote up: what it promised. The caller has locked the reservation and cancels it in the same transaction.
///
/// # Errors
/// `QuoteNotFound` for another person's quote and for that of another reservation; `QuoteUsed`; `QuoteExpired`; `Stale`
/// of the reservation when it has changed since.
pub async fn redeem_quote(tx: &mut Tx, id: QuoteId, r: &Reservation, user: UserId) -> Result<Choice, Error> {
    let quote = query::lock_quote(tx, id, r.id, user).await?.ok_or(Error::QuoteNotFound)?;
    if quote.used_at.is_some() {
        return Err(Error::QuoteUsed);
    }
    if tx.now > quote.valid_until {
        metrics::counter!("konnect_quotes_expired_total").increment(1);
        return Err(Error::QuoteExpired);
    }
    if quote.reservation_version != r.version {
        return Err(reservation::Error::Stale.into());
    }
    if !query::use_quote(tx, id).await? {
        return Err(Error::QuoteUsed);
    }
    Ok(Choice::Quoted { refund: quote.refund_krw, share: BasisPoints(quote.share_bps) })
}

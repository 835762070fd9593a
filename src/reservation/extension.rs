//! More time, right after a session: a reservation of its own in the same room.

use chrono::TimeDelta;
use serde_json::json;

use super::announce::announce;
use super::error::Error;
use super::model::{Reservation, State};
use super::{deadline, history, query};
use crate::availability::{self, Members};
use crate::config::Rules;
use crate::db::Tx;
use crate::id::ReservationId;
use crate::job::EndExtensions;
use crate::money::Krw;
use crate::outbox;

/// What an extension costs: the session's price for as many minutes, in whole won, rounded down. The fraction of a won
/// that is left over is the mentee's.
pub fn extension_price(session: &Reservation, minutes: u32) -> Krw {
    let exact =
        i128::from(session.price_krw.0) * i128::from(minutes) / i128::from(session.duration_min.max(1));
    Krw(i64::try_from(exact).unwrap_or(i64::MAX))
}

/// Asks for more time after `tail`, the last of the chain that `session` begins, and claims its cells. REQUESTED until
/// the mentor answers, for some minutes and at the latest until `tail` ends. The calendars, the session and `tail` are
/// locked; whether the session may be extended is the caller's to know.
///
/// # Errors
/// `Availability` when the cells are taken after all: the transaction must be rolled back.
pub async fn extend(
    tx: &mut Tx,
    rules: &Rules,
    session: &Reservation,
    tail: &Reservation,
    minutes: u32,
) -> Result<Reservation, Error> {
    let extension = Reservation {
        id: ReservationId::generate(),
        price_krw: extension_price(session, minutes),
        duration_min: minutes,
        starts_at: tail.ends_at,
        ends_at: tail.ends_at + TimeDelta::minutes(minutes.into()),
        schedule_version: 1,
        state: State::Requested,
        version: 1,
        request_deadline: Some(deadline::for_extension(rules, tail.ends_at, tx.now)),
        hold_until: None,
        payment_failed: false,
        refund_krw: None,
        absent: None,
        extends_id: Some(session.id),
        ended_at: None,
        needs_approval: false,
        moves_freely: false,
        move_proposals: 0,
        refund_cap_bps: None,
        created_at: tx.now,
        updated_at: tx.now,
        ..session.clone()
    };
    query::insert(tx, &extension).await?;
    availability::claim_after(tx, tail.id, extension.id, of(session), tail.ends_at, minutes).await?;
    history::add(tx, None, &extension, "reserved", None, None).await?;
    deadline::write(tx, &extension).await?;
    announce(tx, &extension, "reserved", json!({ "price": extension.price_krw })).await?;
    Ok(extension)
}

fn of(r: &Reservation) -> Members {
    Members { mentor: r.mentor_id, mentee: r.mentee_id }
}

/// Minutes right after `tail` that both sides have free, at most `most`; both are multiples of 15. The calendars are
/// locked.
pub async fn free_minutes_after(tx: &mut Tx, tail: &Reservation, most: u32) -> Result<u32, Error> {
    let cells = i64::from(most / availability::CELL_MIN);
    let free = availability::free_after(tx, tail.id, of(tail), tail.ends_at, cells).await?;
    Ok(u32::try_from(free).unwrap_or(0) * availability::CELL_MIN)
}

/// An extension that loses its place gives the buffer back to what stands before it, where that still has one.
pub(super) async fn give_back(tx: &mut Tx, is: &Reservation) -> Result<(), Error> {
    if !is.is_extension() {
        return Ok(());
    }
    availability::lock_calendars(tx, &mut [is.mentor_id, is.mentee_id]).await?;
    if let Some(before) = query::live_before(tx, is).await? {
        availability::hand_back(tx, is.id, before, of(is), is.starts_at, is.ends_at).await?;
    }
    Ok(())
}

/// A session that came to nothing takes its extensions with it.
pub(super) async fn follow(tx: &mut Tx, was: &Reservation, is: &Reservation) -> sqlx::Result<()> {
    let came_to_nothing = matches!(is.state, State::Cancelled | State::NoShow);
    if was.state == State::InSession && came_to_nothing && !is.is_extension() {
        outbox::enqueue(tx, &EndExtensions { reservation_id: is.id }).await?;
    }
    Ok(())
}

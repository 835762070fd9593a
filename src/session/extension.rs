//! Going on after the end, when the time is free for both.

use super::early_end::lock_chain;
use super::error::Error;
use super::model::Role;
use crate::availability;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{ReservationId, UserId};
use crate::reservation::{self, Reservation, State};

/// The longest extension that is looked for, in minutes.
const LONGEST: u32 = 60;

/// The mentee asks for `minutes` (15, 30, 45 or 60) more, right after the running session and what extends it. The
/// cells are claimed at once; the mentor answers within some minutes. The mentor's hours and notice do not apply.
///
/// # Errors
/// `NotFound` for strangers; `NotAllowed` for the mentor and unless the session is running and its end lies ahead;
/// `ExtensionPending` while another one waits; `ExtensionTaken` with what is free.
pub async fn extend(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    mentee: UserId,
    minutes: u32,
) -> Result<Reservation, Error> {
    let seen = reservation::find_for_member(tx.conn(), id, mentee).await?.ok_or(Error::NotFound)?;
    availability::lock_calendars(tx, &mut [seen.mentor_id, seen.mentee_id]).await?;
    let (chain, role) = lock_chain(tx, id, mentee).await?;
    if role != Role::Mentee || !chain.is_running() || tx.now >= chain.ends_at() {
        return Err(Error::NotAllowed);
    }
    if chain.pending().is_some() {
        return Err(Error::ExtensionPending);
    }
    let tail = chain.tail();
    let minutes_left = (tail.ends_at - tx.now).num_minutes();
    let taken = |minutes_free| Error::ExtensionTaken { minutes_left, minutes_free };
    let free = reservation::free_minutes_after(tx, tail, LONGEST).await?;
    if free < minutes {
        return Err(taken(free));
    }
    match reservation::extend(tx, rules, &chain.root, tail, minutes).await {
        // The keys have the last word.
        Err(reservation::Error::Availability(
            availability::Error::SlotTaken | availability::Error::OwnConflict,
        )) => Err(taken(0)),
        other => Ok(other?),
    }
}

/// The mentor gives an extension for nothing: it is confirmed at once, without a payment.
///
/// # Errors
/// `NotFound` for strangers and where it extends another session; `reservation.not_allowed` for the mentee, and when it
/// does not wait for its answer; `session.extension_over` after its deadline.
pub async fn give_free(
    tx: &mut Tx,
    id: ReservationId,
    extension: ReservationId,
    mentor: UserId,
) -> Result<Reservation, Error> {
    let (chain, role) = lock_chain(tx, id, mentor).await?;
    let found = chain.extensions.iter().find(|e| e.id == extension).ok_or(Error::NotFound)?;
    if role != Role::Mentor || found.state != State::Requested {
        return Err(Error::NotAllowed);
    }
    Ok(reservation::give_free(tx, found, mentor).await?)
}

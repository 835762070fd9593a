//! Waiting for a slot of an offering (C10). What becomes free is offered in the order in which people began to wait, to
//! one of each mentor's at a time: a hold is made for them, longer than those that people make themselves. Whoever lets
//! it run out or cancels it is off the list, and the next one is asked.

mod model;
mod query;

use chrono::TimeDelta;
use serde_json::json;
use sqlx::MySqlPool;

use super::deadline::Expiry;
use super::error::Error;
use super::model::{Reservation, State};
use super::reserve::{NewReservation, reserve};
use crate::availability;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::id::{OfferingId, UserId, WaitlistId};
use crate::job::{NotifyEvent, OfferFreed};
use crate::mentor::{self, Kind};
use crate::{outbox, user};

pub use model::{Waiting, WaitlistEntry};

/// The longest stretch of time that one entry is about.
const LONGEST: TimeDelta = TimeDelta::days(14);
/// No mentor can be booked further ahead.
const FARTHEST: TimeDelta = TimeDelta::days(180);
/// Entries of one person that wait or are offered something.
const MOST_LIVE: i64 = 5;
/// How many of those who wait are looked at in one go.
const LOOKED_AT: usize = 20;
/// Starts that are looked at for one of them.
const STARTS: usize = 400;

/// What somebody waits for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub offering_id: OfferingId,
    pub mentee_id: UserId,
    /// One of the offering's durations; the first where nobody says.
    pub duration_min: Option<u32>,
    pub from: Instant,
    pub to: Instant,
}

/// Begins to wait for a start within a stretch of time. What is free already is offered at once.
///
/// # Errors
/// `OwnOffering`; `WaitNotPossible` for offerings that their mentor approves; `WaitRange`; `AccountClosed`;
/// `WaitLimit`; `WaitsAlready`; `DurationUnknown` of the availability; `OfferingNotFound` of the mentor.
pub async fn join(tx: &mut Tx, wish: &Wish) -> Result<WaitlistId, Error> {
    let offering = mentor::find_public_offering(tx.conn(), wish.offering_id).await?;
    if offering.mentor_id == wish.mentee_id {
        return Err(Error::OwnOffering);
    }
    if offering.kind != Kind::Instant {
        return Err(Error::WaitNotPossible);
    }
    let option = offering.option(wish.duration_min).ok_or(availability::Error::DurationUnknown)?;
    let is_ahead = wish.to > wish.from.max(tx.now) && wish.from <= tx.now + FARTHEST;
    if !is_ahead || wish.to - wish.from > LONGEST {
        return Err(Error::WaitRange);
    }
    availability::lock_calendars(tx, &mut [wish.mentee_id]).await?;
    if !user::is_active(tx.conn(), wish.mentee_id).await? {
        return Err(Error::AccountClosed);
    }
    if query::count_live(tx, wish.mentee_id).await? >= MOST_LIVE {
        return Err(Error::WaitLimit);
    }
    let entry = WaitlistEntry {
        id: WaitlistId::generate(),
        offering_id: offering.id,
        mentor_id: offering.mentor_id,
        mentee_id: wish.mentee_id,
        duration_min: option.duration_min,
        from_at: wish.from,
        to_at: wish.to,
        state: Waiting::Waiting,
        reservation_id: None,
        created_at: tx.now,
    };
    match query::insert(tx, &entry).await {
        Err(error) if duplicate_key(&error).is_some() => return Err(Error::WaitsAlready),
        other => other?,
    }
    outbox::enqueue(tx, &OfferFreed::of(entry.mentor_id)).await?;
    Ok(entry.id)
}

/// Stops to wait. A hold that was offered stays, and is cancelled like any other.
///
/// # Errors
/// `WaitNotFound` for what is somebody else's or waits no more.
pub async fn leave(tx: &mut Tx, id: WaitlistId, mentee: UserId) -> Result<(), Error> {
    if query::leave(tx, id, mentee).await? { Ok(()) } else { Err(Error::WaitNotFound) }
}

/// Somebody waits for nothing any more: their account closes.
pub async fn leave_all(tx: &mut Tx, mentee: UserId) -> sqlx::Result<()> {
    query::leave_all(tx, mentee).await
}

/// What somebody waits or waited for, newest first, at most `limit`.
pub async fn waitlist(pool: &MySqlPool, mentee: UserId, limit: u32) -> sqlx::Result<Vec<WaitlistEntry>> {
    query::of_mentee(pool, mentee, limit).await
}

/// Offers what is free to the first who can take it, unless something is offered to one of the mentor's already: then
/// the end of that offer asks again.
pub async fn offer_freed(tx: &mut Tx, rules: &Rules, job: &OfferFreed) -> Result<Expiry, Error> {
    // One look at a time of each mentor, so that two jobs do not offer to two.
    availability::lock_calendars(tx, &mut [job.mentor_id]).await?;
    query::end_past(tx, job.mentor_id).await?;
    query::end_closed(tx, job.mentor_id).await?;
    settle_ended(tx, job.mentor_id).await?;
    if query::is_offered(tx, job.mentor_id).await? {
        return Ok(Expiry::Moot);
    }
    let looked_at = query::waiting(tx, job.mentor_id, job.after, LOOKED_AT).await?;
    for entry in &looked_at {
        if let Some(made) = offer(tx, rules, entry).await? {
            // A free session is theirs at once.
            let state = if made.state == State::Confirmed { Waiting::Taken } else { Waiting::Offered };
            query::offer(tx, entry.id, made.id, state).await?;
            tell(tx, &made).await?;
            return Ok(Expiry::Done);
        }
    }
    // Whoever wants what is free may stand behind many who want something else.
    if let Some(last) = looked_at.get(LOOKED_AT - 1) {
        outbox::enqueue(tx, &OfferFreed { mentor_id: job.mentor_id, after: Some(last.id) }).await?;
        return Ok(Expiry::Done);
    }
    Ok(Expiry::Moot)
}

/// An offer lasts as long as its reservation is live and unpaid. One that outlived it would keep the mentor's slots
/// from everybody else who waits.
async fn settle_ended(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    for (reservation, state) in query::offers(tx, mentor).await? {
        match state {
            State::Requested | State::AwaitingPayment | State::Paying => {}
            State::Confirmed | State::InSession | State::Completed | State::NoShow => {
                query::settle(tx, reservation, Waiting::Taken).await?;
            }
            State::Rejected | State::Expired | State::PaymentFailed | State::Cancelled => {
                query::settle(tx, reservation, Waiting::Passed).await?;
            }
        }
    }
    Ok(())
}

/// Holds the first start that suits one of those who wait; `None`: there is none, or they may not hold it now.
async fn offer(tx: &mut Tx, rules: &Rules, entry: &WaitlistEntry) -> Result<Option<Reservation>, Error> {
    // What they wait for may have left the market, or be given by its mentor's consent alone by now.
    match mentor::find_public_offering(tx.conn(), entry.offering_id).await {
        Ok(offering) if offering.kind == Kind::Instant => {}
        Ok(_) | Err(mentor::Error::OfferingNotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let from = entry.from_at.max(tx.now);
    let free = availability::alternatives(
        tx,
        entry.mentor_id,
        Kind::Instant,
        Some(entry.mentee_id),
        entry.duration_min,
        from,
        STARTS,
    )
    .await;
    let free = match free {
        Err(availability::Error::Missing) => return Ok(None),
        other => other?,
    };
    let Some(starts_at) = free.into_iter().find(|start| *start >= from && *start < entry.to_at) else {
        return Ok(None);
    };
    let new = NewReservation {
        offering_id: entry.offering_id,
        mentee_id: entry.mentee_id,
        starts_at,
        duration_min: Some(entry.duration_min),
        expected_price: None,
        hold: Some(rules.waitlist_hold()),
    };
    match reserve(tx, rules, &new).await {
        Ok(reserved) if reserved.is_new => Ok(Some(reserved.reservation)),
        // Refused before anything was written.
        Ok(_)
        | Err(
            Error::HoldLimit { .. }
            | Error::CoolDown { .. }
            | Error::FreeUsed
            | Error::AccountClosed
            | Error::Mentor(mentor::Error::OfferingNotFound)
            | Error::Availability(availability::Error::DurationUnknown),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn tell(tx: &mut Tx, r: &Reservation) -> sqlx::Result<()> {
    let notice = NotifyEvent {
        event_key: format!("{}:slot_offered", r.id),
        kind: "reservation.slot_offered".to_owned(),
        people: vec![r.mentee_id],
        reservation_id: Some(r.id),
        data: json!({
            "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
            "holdUntil": r.hold_until, "price": r.price_krw,
        }),
        expires_at: r.hold_until,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// What a step of a reservation means for those who wait: an offer is taken or not, and what becomes free is looked at.
pub(super) async fn follow(tx: &mut Tx, was: &Reservation, is: &Reservation) -> sqlx::Result<()> {
    let ended = was.state.holds_slot() && !is.state.holds_slot();
    let was_unpaid = matches!(was.state, State::Requested | State::AwaitingPayment | State::Paying);
    if was_unpaid && is.state == State::Confirmed {
        query::settle(tx, is.id, Waiting::Taken).await?;
    } else if was_unpaid && ended {
        query::settle(tx, is.id, Waiting::Passed).await?;
    }
    let moved =
        was.schedule_version != is.schedule_version || (was.move_id.is_some() && is.move_id.is_none());
    let frees = moved || (ended && is.state != State::Completed);
    // An offer that was taken lets the next one be asked as well.
    let next = frees || (was_unpaid && is.state == State::Confirmed);
    if next && query::is_waited_for(tx, is.mentor_id).await? {
        outbox::enqueue(tx, &OfferFreed::of(is.mentor_id)).await?;
    }
    Ok(())
}

/// Mentors behind `after` for whom somebody waits or has an offer, in the order of their ids, for the reconciler: hours
/// that were opened are found by it alone.
pub async fn waited_for(
    pool: &MySqlPool,
    now: Instant,
    after: Option<UserId>,
    limit: u32,
) -> sqlx::Result<Vec<UserId>> {
    query::waited_for(pool, now, after, limit).await
}

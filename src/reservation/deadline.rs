//! Deadlines are rows: each is an outbox job, written by the transition that makes it and checked again when it
//! fires.

use chrono::TimeDelta;
use serde_json::json;

use super::error::Error;
use super::model::{Reservation, State};
use super::{flow, query};
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::{Db, Tx};
use crate::id::ReservationId;
use crate::job::{
    CompleteReservation, DecideNoShow, ExpireHold, ExpireMove, ExpireRequest, Lead, NotifyEvent,
    RemindReservation, StartReservation, WarnHold,
};
use crate::outbox;

/// A request, and a proposal to move, is answered at the latest this long before the session. No request comes as late:
/// the notice of offerings that the mentor approves is longer.
pub(super) const ANSWER_BEFORE: TimeDelta = TimeDelta::hours(1);

/// How long before the end of a hold its owner is told that it ends. A hold of an extension is no longer than that.
const HOLD_WARNING: TimeDelta = TimeDelta::minutes(5);

/// min(48 h, start − 1 h), never in the past.
pub(super) fn for_request(rules: &Rules, r: &Reservation, now: Instant) -> Instant {
    (now + rules.request_window()).min(r.starts_at - ANSWER_BEFORE).max(now)
}

/// An extension is answered, and then paid, within minutes, and before the session ends.
pub(super) fn for_extension(rules: &Rules, starts_at: Instant, now: Instant) -> Instant {
    (now + rules.extension_window()).min(starts_at)
}

/// A hold ends with its minutes, and at the latest when the session begins.
pub(super) fn for_hold(rules: &Rules, r: &Reservation, now: Instant) -> Instant {
    if r.is_extension() {
        return for_extension(rules, r.starts_at, now);
    }
    (now + rules.hold()).min(r.starts_at)
}

/// min(48 h, 1 h before either start): until when a proposal to move it to `to` can be agreed to. May lie in the past.
pub(super) fn for_move(rules: &Rules, r: &Reservation, to: Instant, now: Instant) -> Instant {
    (now + rules.move_window()).min(r.starts_at.min(to) - ANSWER_BEFORE)
}

/// Writes the jobs of every deadline the reservation has in its present state. Deduplicated, so that writing
/// them again is free. Reminders whose moment has passed are not written (S58).
pub(super) async fn write(tx: &mut Tx, r: &Reservation) -> sqlx::Result<()> {
    let (reservation_id, schedule_version) = (r.id, r.schedule_version);
    match r.state {
        State::Requested => {
            if let Some(deadline) = r.request_deadline {
                outbox::enqueue_at(tx, &ExpireRequest { reservation_id, deadline }, deadline).await?;
            }
        }
        State::AwaitingPayment => {
            if let Some(deadline) = r.hold_until {
                outbox::enqueue_at(tx, &ExpireHold { reservation_id, deadline }, deadline).await?;
                let warning = deadline - HOLD_WARNING;
                if warning > tx.now {
                    outbox::enqueue_at(tx, &WarnHold { reservation_id, deadline }, warning).await?;
                }
            }
        }
        State::Confirmed => {
            let start = StartReservation { reservation_id, schedule_version };
            outbox::enqueue_at(tx, &start, r.starts_at).await?;
            if let Some(deadline) = r.move_until {
                outbox::enqueue_at(tx, &ExpireMove { reservation_id, deadline }, deadline).await?;
            }
            // Whoever is in the session needs no reminder of its extension.
            for lead in Lead::ALL.into_iter().filter(|_| !r.is_extension()) {
                let at = r.starts_at - lead.length();
                if at > tx.now {
                    let reminder = RemindReservation { reservation_id, schedule_version, lead };
                    outbox::enqueue_at(tx, &reminder, at).await?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// What became of a deadline that fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    Done,
    /// The reservation has moved on: nothing to do.
    Moot,
    /// A payment is being confirmed: ask again at this instant.
    Pinned(Instant),
}

pub async fn expire_request(tx: &mut Tx, job: &ExpireRequest) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if r.state != State::Requested || r.request_deadline != Some(job.deadline) {
        return Ok(Expiry::Moot);
    }
    flow::request_expired(tx, &r, None).await?;
    Ok(Expiry::Done)
}

/// Tells the mentee that the hold ends soon, unless it is paid, is being paid, or another hold runs.
pub async fn warn_hold(tx: &mut Tx, job: &WarnHold) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    let runs = r.state == State::AwaitingPayment && r.hold_until == Some(job.deadline);
    if !runs || tx.now >= job.deadline {
        return Ok(Expiry::Moot);
    }
    let notice = NotifyEvent {
        event_key: format!("{}:hold_ending:{}", r.id, job.deadline.timestamp_micros()),
        kind: "reservation.hold_ending".to_owned(),
        people: vec![r.mentee_id],
        reservation_id: Some(r.id),
        data: json!({
            "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
            "holdUntil": r.hold_until,
        }),
        expires_at: Some(job.deadline),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(Expiry::Done)
}

/// Opens the slot again, unless a payment is in flight (S15).
pub async fn expire_hold(tx: &mut Tx, job: &ExpireHold) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if r.hold_until != Some(job.deadline) {
        return Ok(Expiry::Moot);
    }
    match r.state {
        State::Paying => Ok(Expiry::Pinned(tx.now + TimeDelta::seconds(30))),
        State::AwaitingPayment => {
            flow::hold_over(tx, &r, None).await?;
            Ok(Expiry::Done)
        }
        _ => Ok(Expiry::Moot),
    }
}

/// Ends a proposal to move it that nobody answered.
pub async fn expire_move(tx: &mut Tx, job: &ExpireMove) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if r.state != State::Confirmed || r.move_until != Some(job.deadline) {
        return Ok(Expiry::Moot);
    }
    flow::move_expired(tx, &r).await?;
    Ok(Expiry::Done)
}

/// The deadlines of a session that has begun: who came, which is asked of no extension, and its completion.
async fn write_session(tx: &mut Tx, rules: &Rules, r: &Reservation) -> sqlx::Result<()> {
    let (reservation_id, schedule_version) = (r.id, r.schedule_version);
    if let Some(after) = rules.no_show_after().filter(|_| !r.is_extension()) {
        let decide = DecideNoShow { reservation_id, schedule_version };
        outbox::enqueue_at(tx, &decide, r.starts_at + after).await?;
    }
    let complete = CompleteReservation { reservation_id, schedule_version };
    outbox::enqueue_at(tx, &complete, r.ends_at + rules.auto_complete()).await?;
    Ok(())
}

/// The session begins; who came and its completion are written as the next deadlines.
pub async fn start(tx: &mut Tx, rules: &Rules, job: &StartReservation) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if r.state != State::Confirmed || r.schedule_version != job.schedule_version {
        return Ok(Expiry::Moot);
    }
    let r = flow::begin_session(tx, &r).await?;
    write_session(tx, rules, &r).await?;
    Ok(Expiry::Done)
}

/// The session counts as done; see [`CompleteReservation`].
pub async fn auto_complete(tx: &mut Tx, job: &CompleteReservation) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if r.state != State::InSession || r.schedule_version != job.schedule_version {
        return Ok(Expiry::Moot);
    }
    flow::complete(tx, &r).await?;
    Ok(Expiry::Done)
}

/// Announces the session to both sides, unless it was cancelled or moved, or has begun (S57). A reminder that is as late
/// as the next one is dropped: that one is told in its place, so that they never come together (S58).
pub async fn remind(tx: &mut Tx, job: &RemindReservation) -> Result<Expiry, Error> {
    let Some(r) = query::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    let current = r.state == State::Confirmed && r.schedule_version == job.schedule_version;
    let until = job.lead.next().map_or(r.starts_at, |next| r.starts_at - next.length());
    if !current || tx.now >= until {
        return Ok(Expiry::Moot);
    }
    let people = vec![r.mentor_id, r.mentee_id];
    let data = json!({
        "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
        "lead": job.lead.name(),
    });
    let notice = NotifyEvent {
        event_key: format!("{}:{}:reminder:{}", r.id, r.schedule_version, job.lead.name()),
        kind: "reservation.reminder".to_owned(),
        people,
        reservation_id: Some(r.id),
        data,
        expires_at: Some(until),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(Expiry::Done)
}

/// The reservations whose deadline has passed by more than a minute: their job is lost or dead.
pub async fn overdue(db: &Db, rules: &Rules, limit: u32) -> sqlx::Result<Vec<ReservationId>> {
    let late = db.now() - TimeDelta::minutes(1);
    query::overdue(db.pool(), late, late - rules.auto_complete(), limit).await
}

/// Writes the deadline jobs that a live reservation should have. Jobs that exist stay as they are.
pub async fn reconcile(tx: &mut Tx, rules: &Rules, id: ReservationId) -> Result<(), Error> {
    let Some(r) = query::lock(tx, id).await? else { return Ok(()) };
    write(tx, &r).await?;
    if r.state == State::InSession {
        write_session(tx, rules, &r).await?;
    }
    Ok(())
}

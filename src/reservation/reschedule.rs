//! Moving a booking that stands to another time: proposed by one side, agreed to by the other, or at once where nobody
//! need be asked. The new cells are claimed beside the old ones as soon as they are proposed, so that whoever agrees gets
//! what was proposed. Nothing is paid again: price and duration stay as they were booked.

use serde_json::{Value, json};

use super::actions::may_propose_move;
use super::error::Error;
use super::flow::step;
use super::history::Times;
use super::model::{Move, Proposal, Reservation, Side};
use super::reserve::{Slot, claimable_instead_of, or_alternatives};
use super::{deadline, policy, query};
use crate::availability::{self, Rules as Hours};
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{ReservationId, UserId};
use crate::job::{ExpireMove, Job, RemindReservation, StartReservation};
use crate::outbox;

/// Locks the calendars of both sides and then a member's reservation: whatever changes its cells begins with this.
pub async fn lock_to_move(
    tx: &mut Tx,
    id: ReservationId,
    member: UserId,
) -> sqlx::Result<Option<Reservation>> {
    let Some(seen) = query::find_for_member(tx.conn(), id, member).await? else { return Ok(None) };
    availability::lock_calendars(tx, &mut [seen.mentor_id, seen.mentee_id]).await?;
    query::lock_for_member(tx, id, member).await
}

/// Whether a move of this side needs nobody's consent at `now`.
pub fn moves_at_once(rules: &Rules, r: &Reservation, side: Side, now: Instant) -> bool {
    side == Side::Mentee && r.moves_freely && r.starts_at - now >= rules.move_free()
}

/// One side wants the session to start at `to` (UTC). A mentee moves an instant booking at once while its start is far;
/// everybody else proposes, and the other side answers in time. The new slot passes the rules that any booking passes,
/// and may overlap the booking's own. The row comes from [`lock_to_move`].
///
/// # Errors
/// `MovePending`, `MoveLimit`, `MoveTooLate`, `MoveSame`, `NotAllowed`; `SlotTaken` and the engine's other refusals, after
/// which the transaction must be rolled back.
pub async fn propose_move(
    tx: &mut Tx,
    rules: &Rules,
    was: &Reservation,
    side: Side,
    to: Instant,
    reason: &str,
) -> Result<Reservation, Error> {
    may_propose_move(rules, was, tx.now)?;
    if to == was.starts_at {
        return Err(Error::MoveSame);
    }
    let slot = Slot { starts_at: to, ..Slot::from(was) };
    let hours = claimable_instead_of(tx, slot, Some(was.id)).await?;
    let id = ReservationId::generate();
    let (at_once, until) =
        (moves_at_once(rules, was, side, tx.now), deadline::for_move(rules, was, to, tx.now));
    if !at_once && until <= tx.now {
        return Err(Error::MoveTooLate);
    }
    let claimed = availability::claim_beside(tx, slot.members(), was.id, id, to, slot.duration_min, &hours);
    let judged = claimed.await;
    or_alternatives(tx, slot, judged).await?;
    let proposal = Proposal { id, by: side, starts_at: to, until };
    if at_once {
        return swap(tx, was, proposal, &hours, Some(reason)).await;
    }
    step(tx, was, Move::ProposeMove, Some(reason), |r| {
        r.set_proposal(Some(proposal));
        r.move_proposals += 1;
    })
    .await
}

/// The other side agrees: the booking is at the new time from now on. The row comes from [`lock_to_move`].
///
/// # Errors
/// `MoveOver` when no proposal of the other side can be agreed to.
pub async fn accept_move(tx: &mut Tx, was: &Reservation, side: Side) -> Result<Reservation, Error> {
    let proposal = waiting(was).filter(|p| p.by != side && tx.now < p.until).ok_or(Error::MoveOver)?;
    // The claims hold what was proposed, whatever the mentor's hours say by now.
    let hours = availability::rules_of(tx.conn(), was.mentor_id).await?;
    swap(tx, was, proposal, &hours, None).await
}

/// The other side does not agree. The row comes from [`lock_to_move`].
///
/// # Errors
/// `MoveOver`
pub async fn decline_move(
    tx: &mut Tx,
    was: &Reservation,
    side: Side,
    reason: &str,
) -> Result<Reservation, Error> {
    waiting(was).filter(|p| p.by != side).ok_or(Error::MoveOver)?;
    step(tx, was, Move::DeclineMove, Some(reason), |r| r.set_proposal(None)).await
}

/// Whoever proposed takes it back. The row comes from [`lock_to_move`].
///
/// # Errors
/// `MoveOver`
pub async fn withdraw_move(tx: &mut Tx, was: &Reservation, side: Side) -> Result<Reservation, Error> {
    waiting(was).filter(|p| p.by == side).ok_or(Error::MoveOver)?;
    step(tx, was, Move::WithdrawMove, None, |r| r.set_proposal(None)).await
}

fn waiting(r: &Reservation) -> Option<Proposal> {
    r.proposal().filter(|_| r.state.after(Move::Reschedule).is_some())
}

/// The new time takes the place of the old one: claims, instants, deadlines.
async fn swap(
    tx: &mut Tx,
    was: &Reservation,
    to: Proposal,
    hours: &Hours,
    reason: Option<&str>,
) -> Result<Reservation, Error> {
    let slot = Slot { starts_at: to.starts_at, ..Slot::from(was) };
    availability::take_place(tx, slot.members(), was.id, to.id, to.starts_at, slot.duration_min, hours)
        .await?;
    let now = tx.now;
    step(tx, was, Move::Reschedule, reason, |r| {
        if to.by == Side::Mentee {
            r.refund_cap_bps = policy::cap_after_move(was, now);
        }
        r.ends_at = to.starts_at + (was.ends_at - was.starts_at);
        r.starts_at = to.starts_at;
        r.schedule_version += 1;
        r.set_proposal(None);
    })
    .await
}

/// What follows from a step for a proposal that waited, and for the jobs of a time that has changed: they find another
/// version of the schedule if they are on their way, and are taken back if they wait (S57).
pub(super) async fn end_proposal(
    tx: &mut Tx,
    was: &Reservation,
    is: &Reservation,
    step: Move,
) -> Result<(), Error> {
    if let Some(ended) = was.move_id.filter(|_| is.move_id.is_none()) {
        if step != Move::Reschedule {
            availability::release(tx, ended).await?;
        }
        outbox::cancel_waiting(tx, is.id.0, &[ExpireMove::KIND]).await?;
    }
    if was.schedule_version != is.schedule_version {
        outbox::cancel_waiting(tx, is.id.0, &[RemindReservation::KIND, StartReservation::KIND]).await?;
    }
    Ok(())
}

/// What an event says beside the reservation's own facts: of a step about the time, both times and who wants it.
pub(super) fn facts(
    times: Option<Times>,
    was: &Reservation,
    is: &Reservation,
    reason: Option<&str>,
) -> Value {
    let Some(times) = times else { return json!({ "reason": reason }) };
    let by = is.move_by.or(was.move_by).unwrap_or(Side::Mentee);
    json!({
        "reason": reason, "by": by, "fromStartsAt": times.from, "toStartsAt": times.to, "answerBy": is.move_until,
    })
}

//! The moves of a reservation.

use chrono::TimeDelta;

use super::actions::may_cancel;
use super::announce::announce;
use super::error::Error;
use super::model::{Absent, Move, Reservation, Side, State};
use super::operator::not_own_case;
use super::strike::{Strike, strike};
use super::{deadline, extension, history, holds, query, reschedule, reserve, waitlist};
use crate::availability;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::UserId;
use crate::job::{
    AccrueSettlement, AskReview, CompleteReservation, DecideNoShow, ExpireHold, ExpireRequest, Job,
    RemindReservation, StartReservation, WarnHold,
};
use crate::mentor;
use crate::money::Krw;
use crate::outbox;

/// How long after its end a session is asked about.
const REVIEW_AFTER: TimeDelta = TimeDelta::hours(2);

/// The one way a reservation changes: looks the move up in the table, compares and sets, writes the history,
/// frees the slot where the new state holds none, takes back jobs that lost their meaning, writes the deadlines
/// of the new state, and tells both sides.
pub(super) async fn step(
    tx: &mut Tx,
    was: &Reservation,
    step: Move,
    reason: Option<&str>,
    change: impl FnOnce(&mut Reservation),
) -> Result<Reservation, Error> {
    let state = was.state.after(step).ok_or(Error::NotAllowed)?;
    let mut is = was.clone();
    is.state = state;
    is.version += 1;
    is.updated_at = tx.now;
    change(&mut is);
    if state != State::Confirmed {
        is.set_proposal(None);
    }
    if !query::compare_and_set(tx, was, &is).await? {
        return Err(Error::Stale);
    }
    let times = history::Times::of(step, was, &is);
    history::add(tx, Some(was.state), &is, step.cause(), reason, times).await?;
    if was.state.holds_slot() && !is.state.holds_slot() {
        extension::give_back(tx, &is).await?;
        availability::release(tx, is.id).await?;
    }
    reschedule::end_proposal(tx, was, &is, step).await?;
    outbox::cancel_waiting(tx, is.id.0, obsolete_in(state)).await?;
    if was.hold_until != is.hold_until {
        outbox::cancel_waiting(tx, is.id.0, &[ExpireHold::KIND, WarnHold::KIND]).await?;
    }
    deadline::write(tx, &is).await?;
    extension::follow(tx, was, &is).await?;
    waitlist::follow(tx, was, &is).await?;
    announce(tx, &is, step.cause(), reschedule::facts(times, was, &is, reason)).await?;
    Ok(is)
}

/// Kinds of waiting jobs that a reservation in this state has no use for. One that is on its way already finds
/// the state changed and does nothing.
fn obsolete_in(state: State) -> &'static [&'static str] {
    const REQUEST: &str = ExpireRequest::KIND;
    const HOLD: &str = ExpireHold::KIND;
    const WARN: &str = WarnHold::KIND;
    const REMIND: &str = RemindReservation::KIND;
    const START: &str = StartReservation::KIND;
    const DECIDE: &str = DecideNoShow::KIND;
    const COMPLETE: &str = CompleteReservation::KIND;
    match state {
        State::Requested => &[REQUEST],
        // Also after a capture that was taken back.
        State::AwaitingPayment => &[REQUEST, REMIND, START],
        State::Paying => &[],
        // A request that was given for nothing.
        State::Confirmed => &[REQUEST, HOLD, WARN],
        State::InSession => &[REMIND],
        State::Completed | State::NoShow => &[DECIDE, COMPLETE],
        State::Rejected | State::Expired => &[REQUEST, HOLD, WARN],
        State::PaymentFailed => &[HOLD, WARN],
        State::Cancelled => &[REQUEST, HOLD, WARN, REMIND, START, DECIDE, COMPLETE],
    }
}

/// The mentor takes a request; from now on the mentee has the hold's time to pay.
///
/// # Errors
/// `NotAllowed` for everybody else; `ExtensionOver`; `Stale`
pub async fn approve(
    tx: &mut Tx,
    rules: &Rules,
    was: &Reservation,
    mentor: UserId,
) -> Result<Reservation, Error> {
    if was.mentor_id != mentor {
        return Err(Error::NotAllowed);
    }
    answered_in_time(tx, was)?;
    approve_because(tx, rules, was, None).await
}

/// The same for the mentor.
pub(super) async fn approve_because(
    tx: &mut Tx,
    rules: &Rules,
    was: &Reservation,
    reason: Option<&str>,
) -> Result<Reservation, Error> {
    // There is nothing to pay for.
    if !was.price_krw.is_positive() {
        return confirm_free(tx, was, reason).await;
    }
    let hold_until = deadline::for_hold(rules, was, tx.now);
    step(tx, was, Move::Approve, reason, |r| {
        r.request_deadline = None;
        r.needs_approval = false;
        r.hold_until = Some(hold_until);
    })
    .await
}

/// The mentor's time to answer an extension is over with its deadline, whenever the job runs that ends it: the session
/// may be over, too.
fn answered_in_time(tx: &Tx, was: &Reservation) -> Result<(), Error> {
    let is_over = was.is_extension() && was.request_deadline.is_some_and(|until| tx.now >= until);
    if is_over { Err(Error::ExtensionOver) } else { Ok(()) }
}

/// A session that costs nothing is confirmed without a payment.
pub(super) async fn confirm_free(
    tx: &mut Tx,
    was: &Reservation,
    reason: Option<&str>,
) -> Result<Reservation, Error> {
    if was.price_krw.is_positive() {
        return Err(Error::NotAllowed);
    }
    step(tx, was, Move::Free, reason, |r| {
        r.request_deadline = None;
        r.needs_approval = false;
    })
    .await
}

/// The mentor gives an extension for nothing: it is confirmed without a payment, at a price of 0 won.
///
/// # Errors
/// `NotAllowed` for everybody else, and for what is no extension that waits for its answer; `ExtensionOver`.
pub async fn give_free(tx: &mut Tx, was: &Reservation, mentor: UserId) -> Result<Reservation, Error> {
    if was.mentor_id != mentor || !was.is_extension() {
        return Err(Error::NotAllowed);
    }
    answered_in_time(tx, was)?;
    step(tx, was, Move::Free, None, |r| {
        r.request_deadline = None;
        r.price_krw = Krw::ZERO;
    })
    .await
}

pub async fn reject(
    tx: &mut Tx,
    was: &Reservation,
    mentor: UserId,
    reason: &str,
) -> Result<Reservation, Error> {
    if was.mentor_id != mentor {
        return Err(Error::NotAllowed);
    }
    step(tx, was, Move::Reject, Some(reason), |r| r.request_deadline = None).await
}

/// A payment is on its way to the provider: the hold is pinned until the outcome is known.
pub async fn begin_payment(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    step(tx, was, Move::ConfirmAsked, None, |_| {}).await
}

/// The provider said no. While the hold lives the mentee may try again; afterwards the slot is free. The
/// provider's code stays with the attempt: it is the payer's business, and this is told to both.
pub async fn declined(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    let hold_lives = was.hold_until.is_some_and(|until| until > tx.now);
    if hold_lives {
        step(tx, was, Move::Declined, None, |r| r.payment_failed = true).await
    } else {
        failed(tx, was).await
    }
}

/// The payment came to nothing and cannot be tried again within this hold.
pub async fn failed(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    step(tx, was, Move::PaymentFailed, None, |r| {
        r.payment_failed = true;
        r.hold_until = None;
    })
    .await
}

/// The payer tries a dead reservation again: as [`reclaim`], and one of the holds a person may have.
///
/// # Errors
/// Those of [`reclaim`]; `HoldLimit`.
pub async fn retry(tx: &mut Tx, rules: &Rules, was: &Reservation) -> Result<Reservation, Error> {
    holds::check_limit(tx, rules, was.mentee_id).await?;
    reclaim(tx, rules, was).await
}

/// The payer holds a dead reservation again without paying yet: as [`retry`], and not after too many holds that ran out.
///
/// # Errors
/// Those of [`retry`]; `CoolDown`.
pub async fn hold_again(tx: &mut Tx, rules: &Rules, was: &Reservation) -> Result<Reservation, Error> {
    holds::check_pause(tx, rules, was.mentee_id).await?;
    retry(tx, rules, was).await
}

/// The money is taken.
pub async fn captured(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    step(tx, was, Move::Captured, None, |r| {
        r.hold_until = None;
        r.payment_failed = false;
    })
    .await
}

/// Holds the slot again after the reservation died, when it is still free by all rules, its offering is still on the
/// market, and both accounts are active: as if it were booked now.
///
/// # Errors
/// `SlotTaken` and the engine's other refusals; `OfferingNotFound` of the mentor; `AccountClosed`; `NotAllowed` when the
/// reservation died of something else than time or a failed payment. The caller must have locked the calendars before
/// the reservation.
pub async fn reclaim(tx: &mut Tx, rules: &Rules, was: &Reservation) -> Result<Reservation, Error> {
    // The moment of an extension passes with it, and a mentor who did not answer has not agreed.
    if was.state.after(Move::Reclaim).is_none() || was.is_extension() || was.needs_approval {
        return Err(Error::NotAllowed);
    }
    mentor::find_public_offering(tx.conn(), was.offering_id).await?;
    reserve::check_accounts(tx, was.mentor_id, was.mentee_id).await?;
    let hours = reserve::claimable(tx, was.into()).await?;
    reserve::claim(tx, was.into(), was.id, &hours).await?;
    let hold_until = deadline::for_hold(rules, was, tx.now);
    step(tx, was, Move::Reclaim, None, |r| {
        r.hold_until = Some(hold_until);
        r.payment_failed = false;
    })
    .await
}

/// Cancels for `side`. `refund` is written down as what the cancellation gives back; the money itself is given back
/// by a refund, which the caller writes in the same transaction. A mentor who lets a mentee down who has paid gets a
/// strike (S23).
pub async fn cancel(
    tx: &mut Tx,
    was: &Reservation,
    side: Side,
    reason: &str,
    refund: Krw,
) -> Result<Reservation, Error> {
    if side == Side::Admin {
        not_own_case(tx, was)?;
    }
    if !may_cancel(was, side, tx.now) {
        return Err(Error::NotAllowed);
    }
    let is = step(tx, was, Move::Cancel, Some(reason), |r| {
        r.hold_until = None;
        r.request_deadline = None;
        r.refund_krw = was.is_paid().then_some(refund);
    })
    .await?;
    if was.is_paid() && was.price_krw.is_positive() && side == Side::Mentor {
        strike(tx, &is, Strike::CANCELLED).await?;
    }
    Ok(is)
}

/// The session took place: the mentor's share can be accrued.
pub async fn complete(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    complete_because(tx, was, None).await
}

pub(super) async fn complete_because(
    tx: &mut Tx,
    was: &Reservation,
    reason: Option<&str>,
) -> Result<Reservation, Error> {
    if tx.now < was.ends_at {
        return Err(Error::NotAllowed);
    }
    let is = step(tx, was, Move::Complete, reason, |_| {}).await?;
    follow_up(tx, &is, is.ends_at).await?;
    Ok(is)
}

/// Both sides ended the session before its time. The money is that of a whole session.
///
/// # Errors
/// `NotAllowed` after its end, and unless it is running.
pub async fn end_early(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    let now = tx.now;
    if now >= was.ends_at {
        return Err(Error::NotAllowed);
    }
    let is = step(tx, was, Move::EndEarly, None, |r| r.ended_at = Some(now)).await?;
    follow_up(tx, &is, now).await?;
    Ok(is)
}

/// What follows a session that took place and was over at `ended_at` (UTC).
async fn follow_up(tx: &mut Tx, r: &Reservation, ended_at: Instant) -> Result<(), Error> {
    outbox::enqueue(tx, &AccrueSettlement { reservation_id: r.id }).await?;
    if !r.is_extension() {
        let at = (ended_at + REVIEW_AFTER).max(tx.now);
        outbox::enqueue_at(tx, &AskReview { reservation_id: r.id }, at).await?;
    }
    Ok(())
}

/// The payer was given a bank account: the slot waits for the deposit, until `until` (UTC).
pub async fn await_deposit(tx: &mut Tx, was: &Reservation, until: Instant) -> Result<Reservation, Error> {
    step(tx, was, Move::DepositAwaited, None, |r| r.hold_until = Some(until)).await
}

/// What was captured is gone again: the slot waits for another payment, until `until` (UTC).
pub async fn capture_reversed(tx: &mut Tx, was: &Reservation, until: Instant) -> Result<Reservation, Error> {
    step(tx, was, Move::CaptureReversed, None, |r| r.hold_until = Some(until)).await
}

/// Somebody did not come. The money follows by the caller: to the mentor when the mentee was absent, back to the
/// mentee when the mentor was, nowhere before a decision when nobody came.
///
/// # Errors
/// `NotAllowed` before the start or after the end of the session's states.
pub async fn no_show(
    tx: &mut Tx,
    was: &Reservation,
    absent: Absent,
    reason: &str,
) -> Result<Reservation, Error> {
    if tx.now < was.starts_at {
        return Err(Error::NotAllowed);
    }
    step(tx, was, Move::NoShow, Some(reason), |r| r.absent = Some(absent)).await
}

/// Nobody answered a proposal to move it.
pub(super) async fn move_expired(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    step(tx, was, Move::MoveExpired, None, |r| r.set_proposal(None)).await
}

pub(super) async fn request_expired(
    tx: &mut Tx,
    was: &Reservation,
    reason: Option<&str>,
) -> Result<Reservation, Error> {
    step(tx, was, Move::RequestExpired, reason, |r| r.request_deadline = None).await
}

/// Nobody paid in time: EXPIRED, or PAYMENT_FAILED when somebody tried.
pub(super) async fn hold_over(
    tx: &mut Tx,
    was: &Reservation,
    reason: Option<&str>,
) -> Result<Reservation, Error> {
    let how = if was.payment_failed { Move::PaymentFailed } else { Move::HoldOver };
    step(tx, was, how, reason, |r| r.hold_until = None).await
}

pub(super) async fn begin_session(tx: &mut Tx, was: &Reservation) -> Result<Reservation, Error> {
    step(tx, was, Move::Start, None, |_| {}).await
}

//! Giving money back.
//!
//! ```text
//!  awaiting_approval ──agreed──► queued ──► sent ──► done
//!         │                        ▲ │       │ ▲
//!         └──not agreed─► rejected │ │       ▼ │ looked up, asked again
//!                                  │ │     unknown ──asked for too long, or refused for good──► manual_review
//!         payer names an account   │ ▼       │                                                   │
//!                              needs_account ◄┘             by_hand │ abandoned ◄── operator ────┤
//!                                                                   unknown ◄── asked again ─────┘
//! ```
//!
//! A refund counts against the capture as long as it is promised or paid (I7), under the lock of the payment's row.
//! It never fails by itself: what the provider does not make ends before a person, with what to do.

mod account;
mod cancel;
mod ending;
mod goodwill;
mod model;
mod outcome;
mod query;
mod quote;
mod suspension;

use serde_json::json;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Attempt, AttemptState, Payment};
use super::query as payments;
use crate::clock::Instant;
use crate::db::Tx;
use crate::event;
use crate::id::{AttemptId, RefundId, ReservationId, UserId, secret};
use crate::job::{CloseRefund, NotifyEvent, RefundPayment};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::reservation;

pub use account::{PayerAccount, open_account, set_refund_account};
pub use cancel::{Choice, cancel_reservation, cancel_with};
pub use ending::{
    EndingIntent, ask_refund_again, conclude_ending, end_refund, prepare_ending, reopen_refund,
};
pub(super) use ending::{abandon, shrink};
pub use goodwill::{RefundWish, approve_wish, check_wish, given_alone, lock_wish, reject_refund, write_wish};
pub use model::{Bearer, Ending, Refund, RefundChange, RefundState};
pub use outcome::{
    RefundAsk, RefundIntent, apply_refund, park_refund, prepare_refund, refund_needs_account, refund_unknown,
};
pub use query::{list_refunds, refund as find_refund, refund_history, refunds_of, refunds_of_attempt};
pub(super) use query::{lock_refunds_of_attempt, refund_sum};
pub use quote::{CancellationQuote, find_quote, quote_cancellation, redeem_quote};
pub use suspension::{cancel_ahead, cancel_for_suspended};

/// The capture that pays for a reservation, under the lock of the payment's row.
#[derive(Clone, Debug)]
pub struct Captured {
    pub payment: Payment,
    pub attempt: Attempt,
    pub amount: Krw,
    /// Won of it that were given back, or are promised.
    pub given: Krw,
}

impl Captured {
    /// Won that can still be promised.
    pub fn left(&self) -> Krw {
        self.amount.minus(self.given)
    }
}

/// Locks the payment of a reservation. The caller has locked the reservation, where it needs it.
///
/// # Errors
/// `NothingCaptured`
pub async fn lock_capture(tx: &mut Tx, id: ReservationId) -> Result<Captured, Error> {
    let payment = payments::lock_payment_of_reservation(tx, id).await?.ok_or(Error::NothingCaptured)?;
    let attempts = payments::attempts_of(tx.conn(), payment.id).await?;
    let paid = attempts.into_iter().find(|a| a.state == AttemptState::Done);
    let attempt = paid.ok_or(Error::NothingCaptured)?;
    let amount = attempt.captured_krw.unwrap_or(payment.amount_krw);
    let given = query::refund_sum(tx, attempt.id).await?;
    Ok(Captured { payment, attempt, amount, given })
}

/// Gives a part of what pays for a reservation back: the refund and its job. A second time with the same cause and
/// reference changes nothing and gives the same refund.
///
/// Where something of the reservation may be settled already, the caller has called `settlement::take_back` before, in
/// the same transaction.
///
/// # Errors
/// `RefundExceedsCapture` (I7), `NothingCaptured`, `RefundAmount`
pub async fn refund(
    tx: &mut Tx,
    id: ReservationId,
    amount: Krw,
    cause: &str,
    cause_ref: &str,
) -> Result<RefundId, Error> {
    let captured = lock_capture(tx, id).await?;
    give_back(tx, &captured.payment, captured.attempt.id, amount, cause, cause_ref).await
}

/// Writes a refund of a captured attempt and its job. The caller holds the payment's row lock, so that two refunds
/// together cannot exceed the capture (I7).
pub(super) async fn give_back(
    tx: &mut Tx,
    payment: &Payment,
    attempt: AttemptId,
    amount: Krw,
    cause: &str,
    cause_ref: &str,
) -> Result<RefundId, Error> {
    if let Some(twin) = query::refund_named(tx, attempt, cause, cause_ref).await? {
        return Ok(twin.id);
    }
    let attempt = payments::attempt(tx.conn(), attempt).await?.ok_or(Error::NotFound)?;
    let mut refund = draft(tx.now, payment, &attempt, amount, cause, cause_ref);
    promise(tx, payment, &attempt, &mut refund).await?;
    Ok(refund.id)
}

fn draft(
    now: Instant,
    payment: &Payment,
    attempt: &Attempt,
    amount: Krw,
    cause: &str,
    cause_ref: &str,
) -> Refund {
    Refund {
        id: RefundId::generate(),
        payment_id: payment.id,
        attempt_id: attempt.id,
        reservation_id: payment.reservation_id,
        amount_krw: amount,
        cause: cause.to_owned(),
        cause_ref: cause_ref.to_owned(),
        state: RefundState::Queued,
        idempotency_key: secret(),
        sent_at: None,
        transaction_key: None,
        error_code: None,
        bearer: None,
        reason: None,
        requested_by: None,
        decided_by: None,
        account_sealed: None,
        ending: None,
        evidence: None,
        changes: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Writes a draft that is promised from now on, and sends it on its way.
async fn promise(
    tx: &mut Tx,
    payment: &Payment,
    attempt: &Attempt,
    refund: &mut Refund,
) -> Result<(), Error> {
    check_amount(tx, attempt, refund.amount_krw).await?;
    refund.state = first_state(attempt);
    query::insert_refund(tx, refund).await?;
    send_off(tx, payment, refund).await
}

/// Writes what somebody gave back at the provider without us, as done. The caller holds the payment's row lock.
/// Named by the provider's key of the transaction, it is written once.
pub(super) async fn adopt(
    tx: &mut Tx,
    payment: &Payment,
    attempt: &Attempt,
    amount: Krw,
    cause: &str,
    transaction_key: &str,
) -> Result<(), Error> {
    let mut refund = draft(tx.now, payment, attempt, amount, cause, transaction_key);
    refund.state = RefundState::Sent;
    query::insert_refund(tx, &refund).await?;
    apply_refund(tx, refund.id, Some(transaction_key)).await
}

/// I7. The caller holds the payment's row lock.
async fn check_amount(tx: &mut Tx, attempt: &Attempt, amount: Krw) -> Result<(), Error> {
    if !amount.is_positive() {
        return Err(Error::RefundAmount);
    }
    let captured = attempt.captured_krw.unwrap_or(Krw::ZERO);
    if query::refund_sum(tx, attempt.id).await?.plus(amount) > captured {
        return Err(Error::RefundExceedsCapture);
    }
    Ok(())
}

/// What was paid into a virtual account has no way back by itself.
fn first_state(attempt: &Attempt) -> RefundState {
    if attempt.account_number.is_some() { RefundState::NeedsAccount } else { RefundState::Queued }
}

/// The job of a refund that has begun, or the question to its payer.
async fn send_off(tx: &mut Tx, payment: &Payment, refund: &Refund) -> Result<(), Error> {
    if refund.state == RefundState::NeedsAccount {
        return ask_for_account(tx, payment, refund).await;
    }
    outbox::enqueue(tx, &RefundPayment { refund_id: refund.id }).await?;
    Ok(())
}

/// Tells the payer that the money cannot be sent before they name a bank account.
async fn ask_for_account(tx: &mut Tx, payment: &Payment, refund: &Refund) -> Result<(), Error> {
    let event_key = format!("refund:{}:account:{}", refund.id, refund.changes);
    tell(tx, payment, refund, "payment.refund_account_needed", event_key).await
}

/// An event and a notice to the payer.
async fn tell(
    tx: &mut Tx,
    payment: &Payment,
    refund: &Refund,
    kind: &str,
    event_key: String,
) -> Result<(), Error> {
    let data = json!({
        "reservationId": refund.reservation_id, "refundId": refund.id, "amount": refund.amount_krw,
        "cause": refund.cause, "state": refund.state,
    });
    event::append(tx, &[payment.mentee_id], kind, data.clone()).await?;
    let notice = NotifyEvent {
        event_key,
        kind: kind.to_owned(),
        people: vec![payment.mentee_id],
        reservation_id: Some(refund.reservation_id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// Locks a refund, after its payment, as everywhere.
async fn lock(tx: &mut Tx, id: RefundId) -> Result<(Payment, Refund), Error> {
    let seen = query::refund(tx.conn(), id).await?.ok_or(Error::RefundNotFound)?;
    let payment = payments::lock_payment(tx, seen.payment_id).await?.ok_or(Error::NotFound)?;
    let refund = query::lock_refund(tx, id).await?.ok_or(Error::RefundNotFound)?;
    Ok((payment, refund))
}

/// The same for an administrator who decides about it: the reservation first, and nobody decides about their own.
///
/// # Errors
/// `reservation::Error::OwnCase`
async fn lock_to_decide(tx: &mut Tx, id: RefundId) -> Result<Refund, Error> {
    let seen = query::refund(tx.conn(), id).await?.ok_or(Error::RefundNotFound)?;
    let reservation = reservation::lock(tx, seen.reservation_id).await?.ok_or(Error::NotFound)?;
    reservation::not_own_case(tx, &reservation)?;
    Ok(lock(tx, id).await?.1)
}

/// The one way a refund changes: looks the move up in the table, compares and sets, and writes the history when there
/// is something new in it. What names the payer's bank account is wiped with the end of the refund.
async fn step(
    tx: &mut Tx,
    was: &Refund,
    state: RefundState,
    reason: Option<&str>,
    change: impl FnOnce(&mut Refund),
) -> Result<Refund, Error> {
    if !was.state.may_become(state) {
        return Err(Error::RefundNotAllowed);
    }
    let mut is = was.clone();
    is.state = state;
    is.updated_at = tx.now;
    change(&mut is);
    if !is.state.is_open() && is.state != RefundState::AwaitingApproval {
        is.account_sealed = None;
    }
    let news = is.state != was.state
        || is.error_code != was.error_code
        || is.ending != was.ending
        || is.amount_krw != was.amount_krw;
    is.changes += u32::from(news);
    if !query::save_refund(tx, was, &is, reason).await? {
        return Err(Error::InProgress);
    }
    Ok(is)
}

/// The platform takes back up to `amount` of what it gave for a reservation out of its own pocket: a refund that is due
/// to the mentee anyway pays for it. `key` names the posting.
pub async fn take_goodwill_back(
    tx: &mut Tx,
    id: ReservationId,
    amount: Krw,
    key: String,
) -> Result<(), Error> {
    let amount = amount.min(ledger::goodwill(tx, id).await?);
    if amount.is_positive() {
        ledger::post_goodwill_undone(tx, id, key, amount).await?;
    }
    Ok(())
}

/// As much of a text as a code column takes.
fn code_of(why: &str) -> String {
    why.chars().take(80).collect()
}

/// Won given back, or promised, of what pays for each of these reservations; those without are absent.
pub async fn given_of(pool: &MySqlPool, ids: &[ReservationId]) -> sqlx::Result<Vec<(ReservationId, Krw)>> {
    query::given_of(pool, ids).await
}

/// Whether money of this reservation is still on its way back.
pub async fn has_open_refund(tx: &mut Tx, reservation: ReservationId) -> sqlx::Result<bool> {
    Ok(promised(tx, reservation).await?.is_positive())
}

/// Whether a refund of somebody's stands still until they name a bank account, or until another administrator agrees.
pub async fn refund_waits(tx: &mut Tx, payer: UserId) -> sqlx::Result<bool> {
    query::has_refund_in(tx, payer, &[RefundState::NeedsAccount, RefundState::AwaitingApproval]).await
}

/// Whether money is on its way back to somebody, or may be: it may still need their account.
pub async fn owes_refund(tx: &mut Tx, payer: UserId) -> sqlx::Result<bool> {
    let is_unfinished = |state: &RefundState| state.is_open() || *state == RefundState::AwaitingApproval;
    let unfinished: Vec<_> = RefundState::ALL.iter().copied().filter(is_unfinished).collect();
    query::has_refund_in(tx, payer, &unfinished).await
}

/// Won of this reservation that are still on their way back.
pub async fn promised(tx: &mut Tx, reservation: ReservationId) -> sqlx::Result<Krw> {
    let refunds = query::refunds_of(tx.conn(), reservation).await?;
    let open = refunds.iter().filter(|f| f.state.is_open());
    Ok(open.fold(Krw::ZERO, |sum, f| sum.plus(f.amount_krw)))
}

/// Refunds for which nobody asks any more.
pub async fn stuck_refunds(pool: &MySqlPool, since: Instant) -> sqlx::Result<Vec<RefundId>> {
    query::stuck_refunds(pool, since, 200).await
}

/// Writes the job a refund lacks.
pub async fn retry_refund(tx: &mut Tx, id: RefundId) -> sqlx::Result<bool> {
    match query::refund(tx.conn(), id).await? {
        Some(refund) if refund.ending.is_some() => outbox::enqueue(tx, &CloseRefund { refund_id: id }).await,
        Some(_) => outbox::enqueue(tx, &RefundPayment { refund_id: id }).await,
        None => Ok(false),
    }
}

/// A payer's own reservation's payment, locked.
async fn lock_for_payer(tx: &mut Tx, id: ReservationId, payer: UserId) -> Result<Payment, Error> {
    let payment = payments::lock_payment_of_reservation(tx, id).await?;
    payment.filter(|payment| payment.mentee_id == payer).ok_or(Error::NotFound)
}

//! Virtual accounts: the payer is given a bank account, and the money comes later, or not at all, or is taken back.

mod query;

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use serde_json::json;

use super::error::Error;
use super::model::{Attempt, AttemptState, Deposit, Payment, PaymentState};
use super::outcome::{Locked, MISMATCH, lock_all, tell_payer};
use super::query as rows;
use super::refund;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{AttemptId, ReservationId};
use crate::job::{CloseDeposit, NotifyEvent};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::reservation::{self, Reservation, State};
use crate::seal::Sealer;

/// A slot waits for a deposit until this long before the session, so that both know whether it takes place.
const KNOWN_BEFORE: TimeDelta = TimeDelta::hours(1);
/// The account was issued when nobody could wait for a deposit any more.
const TOO_LATE: &str = "DEPOSIT_TOO_LATE";

/// Until when (UTC) a slot waits for a deposit: the account's own deadline, the marketplace's rule, an hour before
/// the session, whichever is first. `since`: when the slot began to wait for one.
fn waits_until(rules: &Rules, r: &Reservation, due_at: Instant, since: Instant) -> Instant {
    due_at.min(since + rules.deposit_hold()).min(r.starts_at - KNOWN_BEFORE)
}

/// The provider gave the payer an account and waits for the deposit. The slot waits with it, and the payer may still
/// pay in another way. An account that comes too late, or for another amount, is closed again.
///
/// # Errors
/// `ProviderMismatch`: the account is not for this order.
pub async fn await_deposit(
    tx: &mut Tx,
    rules: &Rules,
    sealer: &Sealer,
    id: AttemptId,
    deposit: &Deposit,
) -> Result<(), Error> {
    let Locked { reservation, payment, attempt } = lock_all(tx, id).await?;
    // What was captured and waits again was taken back: see `plan_reversal`.
    if attempt.state.is_captured() {
        return Ok(());
    }
    if attempt.state == AttemptState::WaitingForDeposit {
        return Ok(rows::mark_attempt_read(tx, id).await?);
    }
    let key_fits = attempt.payment_key.as_deref().is_none_or(|key| key == deposit.payment_key);
    if deposit.order_id != id.to_string() || deposit.currency != "KRW" || !key_fits {
        return Err(Error::ProviderMismatch);
    }
    let due_at = deposit.due_at.unwrap_or(tx.now + rules.deposit_hold());
    // Another account does not begin the wait anew, or a slot could be held unpaid for ever.
    let since = query::first_asked(tx, &payment, id).await?.unwrap_or(tx.now);
    let until = waits_until(rules, &reservation, due_at, since);
    let unwanted = if deposit.amount != payment.amount_krw {
        Some((MISMATCH, "new_payment"))
    } else if until <= tx.now {
        Some((TOO_LATE, "other_method"))
    } else {
        None
    };
    let sealed = deposit.secret.as_ref().map(|secret| sealer.seal(secret.expose_secret(), id.0.as_bytes()));
    if !query::set_waiting(tx, &attempt, deposit, due_at, sealed.as_deref(), unwanted).await? {
        return Err(Error::InProgress);
    }
    let asked_for = attempt.state.is_open();
    if asked_for && payment.state.is_open() {
        rows::set_payment_state(tx, &payment, PaymentState::Ready).await?;
    }
    if let Some((code, class)) = unwanted {
        outbox::enqueue(tx, &CloseDeposit { attempt_id: id }).await?;
        tell_payer(tx, &payment, id, "payment.declined", json!({ "code": code, "class": class })).await?;
        if asked_for && reservation.state == State::Paying {
            reservation::declined(tx, &reservation).await?;
        }
        return Ok(());
    }
    // A hold that is longer already stays as it is.
    let until = reservation.hold_until.map_or(until, |hold| hold.max(until));
    outbox::enqueue_at(tx, &CloseDeposit { attempt_id: id }, until).await?;
    if asked_for && reservation.state == State::Paying {
        reservation::await_deposit(tx, &reservation, until).await?;
        tell_account(tx, &payment, id, deposit, until).await?;
    }
    Ok(())
}

async fn tell_account(
    tx: &mut Tx,
    payment: &Payment,
    id: AttemptId,
    deposit: &Deposit,
    until: Instant,
) -> Result<(), Error> {
    let account = json!({
        "accountNumber": deposit.account_number, "bank": deposit.bank, "holder": deposit.holder,
        "payBy": until,
    });
    tell_payer(tx, payment, id, "payment.deposit_awaited", account.clone()).await?;
    let mut data = account;
    data["reservationId"] = json!(payment.reservation_id);
    data["amount"] = json!(payment.amount_krw);
    let notice = NotifyEvent {
        event_key: format!("deposit:{id}"),
        kind: "payment.deposit_awaited".to_owned(),
        people: vec![payment.mentee_id],
        reservation_id: Some(payment.reservation_id),
        data,
        expires_at: Some(until),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// What a job may do about an account now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It does not wait any more.
    Over,
    /// Somebody still waits for the deposit: ask again at this instant.
    Later(Instant),
    /// Nobody wants the deposit: look it up, and cancel it when it still waits.
    Close { payment_key: String },
}

/// Looks whether the account of an attempt is to be closed.
pub async fn prepare_close(tx: &mut Tx, id: AttemptId) -> Result<Closing, Error> {
    let Locked { reservation, payment, attempt } = lock_all(tx, id).await?;
    let (AttemptState::WaitingForDeposit, Some(payment_key)) = (attempt.state, attempt.payment_key) else {
        return Ok(Closing::Over);
    };
    // A code says why it is unwanted.
    if payment.state.is_captured() || attempt.error_code.is_some() {
        return Ok(Closing::Close { payment_key });
    }
    let later = match reservation.state {
        State::AwaitingPayment => reservation.hold_until,
        // The outcome of another attempt is awaited.
        State::Paying => Some(tx.now + TimeDelta::seconds(30)),
        State::InSession | State::Completed | State::NoShow if attempt.reversals > 0 => {
            attempt.account_due_at
        }
        _ => None,
    };
    match later.filter(|at| *at > tx.now) {
        Some(at) => Ok(Closing::Later(at)),
        None => Ok(Closing::Close { payment_key }),
    }
}

/// Accounts of a payment that another attempt has paid: nobody wants a deposit any more.
pub(super) async fn close_others(tx: &mut Tx, payment: &Payment, paid: AttemptId) -> Result<(), Error> {
    for other in rows::attempts_of(tx.conn(), payment.id).await? {
        if other.id != paid && other.state == AttemptState::WaitingForDeposit {
            outbox::enqueue_or_hasten(tx, &CloseDeposit { attempt_id: other.id }).await?;
        }
    }
    Ok(())
}

/// A capture that the provider's bank took back: nothing is paid after all.
#[derive(Clone, Debug)]
pub struct Reversal {
    pub reservation_id: ReservationId,
    /// Won that are gone from what is held.
    pub amount: Krw,
    /// Names this reversal of this attempt.
    pub key: String,
    /// The session has begun or is over: what it earned must not be paid.
    pub has_begun: bool,
    attempt: Attempt,
    payment: Payment,
    reservation: Reservation,
}

/// Looks whether a capture that waits for a deposit again was not undone yet, and drops the refunds on their way:
/// there is nothing to give back. `None`: it is no capture of ours any more.
///
/// The caller takes back what was split (`settlement::take_back`, by the reversal's key), then calls
/// [`apply_reversal`], all in one transaction.
pub async fn plan_reversal(tx: &mut Tx, id: AttemptId) -> Result<Option<Reversal>, Error> {
    let Locked { reservation, payment, attempt } = lock_all(tx, id).await?;
    if !attempt.state.is_captured() {
        return Ok(None);
    }
    let mut amount = attempt.captured_krw.unwrap_or(payment.amount_krw);
    for given_back in refund::lock_refunds_of_attempt(tx, id).await? {
        if given_back.state.is_paid() {
            amount = amount.minus(given_back.amount_krw);
        } else if given_back.state.is_open() {
            refund::abandon(tx, &given_back, "CAPTURE_REVERSED").await?;
        }
    }
    let has_begun = attempt.state == AttemptState::Done
        && matches!(
            reservation.state,
            State::InSession | State::Completed | State::NoShow | State::Cancelled
        );
    Ok(Some(Reversal {
        reservation_id: reservation.id,
        amount,
        key: format!("uncapture:{id}:{}", attempt.reversals + 1),
        has_begun,
        attempt,
        payment,
        reservation,
    }))
}

/// Undoes a capture: posts it, makes a session that lies ahead payable again, and tells both (S38).
pub async fn apply_reversal(
    tx: &mut Tx,
    rules: &Rules,
    reversal: &Reversal,
    due_at: Option<Instant>,
) -> Result<(), Error> {
    let Reversal { attempt, payment, reservation, .. } = reversal;
    metrics::counter!("konnect_captures_reversed_total").increment(1);
    tracing::error!(attempt_id = %attempt.id, reservation_id = %reservation.id, "a deposit was taken back");
    if !query::set_reversed(tx, attempt, due_at).await? {
        return Err(Error::InProgress);
    }
    if reversal.amount.is_positive() {
        ledger::post_uncapture(tx, reservation.id, reversal.key.clone(), reversal.amount).await?;
    }
    let is_surplus = attempt.state == AttemptState::Surplus;
    if !is_surplus {
        rows::set_payment_state(tx, payment, PaymentState::Ready).await?;
    }
    tell_payer(tx, payment, attempt.id, "payment.reversed", json!({})).await?;
    if is_surplus {
        return Ok(());
    }
    if reservation.state == State::Confirmed {
        let due_at = due_at.or(attempt.account_due_at).unwrap_or(reservation.starts_at);
        let until = waits_until(rules, reservation, due_at, tx.now);
        // At the least what anybody has who pays, but the session does not wait.
        let until = until.max(tx.now + rules.hold()).min(reservation.starts_at);
        reservation::capture_reversed(tx, reservation, until).await?;
        outbox::enqueue_at(tx, &CloseDeposit { attempt_id: attempt.id }, until).await?;
    } else {
        tell_reversed(tx, reversal).await?;
    }
    Ok(())
}

/// A session that was not paid after all: its mentee can still pay into the account.
async fn tell_reversed(tx: &mut Tx, reversal: &Reversal) -> Result<(), Error> {
    let notice = NotifyEvent {
        event_key: reversal.key.clone(),
        kind: "payment.reversed".to_owned(),
        people: vec![reversal.payment.mentee_id],
        reservation_id: Some(reversal.reservation_id),
        data: json!({ "reservationId": reversal.reservation_id, "amount": reversal.amount }),
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

//! From the wish to pay to a confirmation on its way.

use super::error::Error;
use super::model::{Attempt, AttemptState, Payment, PaymentState};
use super::query;
use crate::availability;
use crate::config::Rules;
use crate::db::{Tx, duplicate_key};
use crate::id::{AttemptId, PaymentId, ReservationId, UserId, secret};
use crate::job::ConfirmPayment;
use crate::money::Krw;
use crate::outbox;
use crate::reservation::{self, Reservation, State};

/// Attempts of one payment: far more than anybody needs whose cards are declined.
const MOST_ATTEMPTS: usize = 20;

/// What a checkout needs.
#[derive(Clone, Debug)]
pub struct Order {
    pub payment: Payment,
    pub attempt: Attempt,
    pub reservation: Reservation,
}

/// Gives the payer an attempt to take to the checkout: the one that waits, or a new one. Each attempt has an
/// `orderId` of its own, because a provider's order that failed cannot be paid.
///
/// A reservation that died of time or of a failed payment is re-claimed first, when its slot is still free.
///
/// # Errors
/// `InProgress`, `AlreadyConfirmed`, `TooManyAttempts`, and those of claiming the slot again.
pub async fn open_order(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    payer: UserId,
) -> Result<Order, Error> {
    let reservation = payable(tx, rules, id, payer, Purpose::Order).await?;
    if reservation.state != State::AwaitingPayment {
        return Err(if reservation.state == State::Paying {
            Error::InProgress
        } else {
            reservation::Error::NotAllowed.into()
        });
    }
    let payment = match query::lock_payment_of_reservation(tx, id).await? {
        Some(payment) => payment,
        None => new_payment(tx, &reservation).await?,
    };
    if payment.state.is_captured() {
        return Err(Error::AlreadyConfirmed);
    }
    let attempts = query::attempts_of(tx.conn(), payment.id).await?;
    let so_many = attempts.len();
    let attempt = match attempts.into_iter().find(|a| a.state == AttemptState::Ready) {
        Some(attempt) => attempt,
        None if so_many >= MOST_ATTEMPTS => return Err(Error::TooManyAttempts),
        None => new_attempt(tx, &payment).await?,
    };
    Ok(Order { payment, attempt, reservation })
}

/// What a payer is about to do. Whoever pays at once waits for nothing; whoever holds a slot once more may have to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Order,
    Pay,
}

/// Locks the payer's reservation, re-claiming a dead one. Calendars are locked before the reservation, as
/// everywhere.
async fn payable(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    payer: UserId,
    purpose: Purpose,
) -> Result<Reservation, Error> {
    let seen = reservation::find_for_member(tx.conn(), id, payer)
        .await?
        .filter(|r| r.mentee_id == payer)
        .ok_or(reservation::Error::NotFound)?;
    let (mentor, mentee) = (seen.mentor_id, seen.mentee_id);
    if is_dead(&seen) {
        availability::lock_calendars(tx, &mut [mentor, mentee]).await?;
    }
    let current = reservation::lock(tx, id).await?.ok_or(reservation::Error::NotFound)?;
    if !is_dead(&current) {
        return Ok(current);
    }
    if !is_dead(&seen) {
        // It died while its row was waited for: the calendars come after it this once, as where a slot is freed.
        availability::lock_calendars(tx, &mut [mentor, mentee]).await?;
    }
    Ok(match purpose {
        Purpose::Order => reservation::hold_again(tx, rules, &current).await?,
        Purpose::Pay => reservation::retry(tx, rules, &current).await?,
    })
}

fn is_dead(reservation: &Reservation) -> bool {
    matches!(reservation.state, State::Expired | State::PaymentFailed)
}

async fn new_payment(tx: &mut Tx, reservation: &Reservation) -> Result<Payment, Error> {
    let payment = Payment {
        id: PaymentId::generate(),
        reservation_id: reservation.id,
        mentee_id: reservation.mentee_id,
        amount_krw: reservation.price_krw,
        state: PaymentState::Ready,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    query::insert_payment(tx, &payment).await?;
    Ok(payment)
}

async fn new_attempt(tx: &mut Tx, payment: &Payment) -> Result<Attempt, Error> {
    let attempt = Attempt {
        id: AttemptId::generate(),
        payment_id: payment.id,
        payment_key: None,
        state: AttemptState::Ready,
        idempotency_key: secret(),
        sent_at: None,
        error_code: None,
        error_class: None,
        method: None,
        captured_krw: None,
        account_number: None,
        account_bank: None,
        account_holder: None,
        account_due_at: None,
        secret_sealed: None,
        reversals: 0,
        closed_by: None,
        closed_reason: None,
        created_at: tx.now,
        updated_at: tx.now,
    };
    query::insert_attempt(tx, &attempt).await?;
    Ok(attempt)
}

/// What the payer brings back from the checkout. All of it is the payer's word.
#[derive(Clone, Debug)]
pub struct Confirmation {
    pub order_id: AttemptId,
    pub payment_key: String,
    pub amount: Krw,
}

/// Checks the redirect against our own order and sends the confirmation on its way. Asking twice is answered
/// with what became of the first (S20).
///
/// # Errors
/// `NotFound` for another person's order (S19), `AmountMismatch` (S18): the provider is not asked then.
/// `SlotTaken` when the hold was over and somebody else has the slot (S14): no money moves.
pub async fn request_confirm(
    tx: &mut Tx,
    rules: &Rules,
    payer: UserId,
    asked: &Confirmation,
) -> Result<Payment, Error> {
    if !is_payment_key(&asked.payment_key) {
        return Err(Error::KeyInvalid);
    }
    let seen = query::attempt(tx.conn(), asked.order_id).await?.ok_or(Error::NotFound)?;
    let payment =
        query::payment_for_payer(tx.conn(), seen.payment_id, payer).await?.ok_or(Error::NotFound)?;
    if asked.amount != payment.amount_krw {
        metrics::counter!("konnect_payment_amount_mismatch_total").increment(1);
        tracing::warn!(order_id = %asked.order_id, asked = asked.amount.0, due = payment.amount_krw.0, "amount differs");
        return Err(Error::AmountMismatch);
    }
    if let Some(answer) = answered(&seen, &payment, asked) {
        return answer;
    }
    let reservation = payable(tx, rules, payment.reservation_id, payer, Purpose::Pay).await?;
    let payment = query::lock_payment(tx, payment.id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, asked.order_id).await?.ok_or(Error::NotFound)?;
    if let Some(answer) = answered(&attempt, &payment, asked) {
        return answer;
    }
    match reservation.state {
        State::AwaitingPayment if payment.state.is_captured() => return Err(Error::AlreadyConfirmed),
        State::AwaitingPayment => {}
        State::Paying => return Err(Error::InProgress),
        State::Confirmed | State::InSession | State::Completed => return Err(Error::AlreadyConfirmed),
        _ => return Err(reservation::Error::NotAllowed.into()),
    }
    reservation::begin_payment(tx, &reservation).await?;
    match query::begin_attempt(tx, attempt.id, &asked.payment_key).await {
        Ok(true) => {}
        Ok(false) => return Err(Error::AttemptOver),
        // The key belongs to another order (S19).
        Err(error) if duplicate_key(&error).is_some() => return Err(Error::NotFound),
        Err(error) => return Err(error.into()),
    }
    if !query::set_payment_state(tx, &payment, PaymentState::Confirming).await? {
        return Err(Error::InProgress);
    }
    outbox::enqueue(tx, &ConfirmPayment { attempt_id: attempt.id }).await?;
    Ok(Payment { state: PaymentState::Confirming, version: payment.version + 1, ..payment })
}

/// The answer to a confirmation that was asked before; `None` for a fresh attempt.
fn answered(attempt: &Attempt, payment: &Payment, asked: &Confirmation) -> Option<Result<Payment, Error>> {
    let same_key = attempt.payment_key.as_deref() == Some(asked.payment_key.as_str());
    match attempt.state {
        AttemptState::Ready => None,
        AttemptState::Failed => Some(Err(Error::AttemptOver)),
        _ if same_key => Some(Ok(payment.clone())),
        _ => Some(Err(Error::AlreadyConfirmed)),
    }
}

/// At most 200 characters (the provider's limit), none of which could leave a path segment.
fn is_payment_key(key: &str) -> bool {
    (1..=200).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b))
}

//! What came of an attempt.

use serde_json::json;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Attempt, AttemptState, Capture, Decline, Payment, PaymentState};
use super::query::{self, AttemptOutcome};
use super::refund;
use crate::availability;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::{Tx, database_error};
use crate::event;
use crate::id::{AttemptId, ReservationId, UserId, secret};
use crate::job::{ConfirmPayment, Job, RequeryPayment};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::reservation::{self, State};

/// The code of an open attempt whose payment at the provider does not fit: only a person asks about it again.
pub const MISMATCH: &str = "PROVIDER_MISMATCH";

/// What a job may do about an attempt now.
#[derive(Clone, Debug)]
pub enum Intent {
    /// Ask the provider to take the money.
    Confirm { payment_key: String, amount: Krw, idempotency_key: String },
    /// The provider was asked before and we do not know what it did: look first.
    LookUp { payment_key: Option<String>, amount: Krw, idempotency_key: String },
    /// The outcome is known.
    Over,
}

/// Writes the intent to ask the provider, before it is asked (S21).
pub async fn prepare(tx: &mut Tx, id: AttemptId) -> Result<Intent, Error> {
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    let payment = query::lock_payment(tx, attempt.payment_id).await?.ok_or(Error::NotFound)?;
    let (amount, idempotency_key) = (payment.amount_krw, attempt.idempotency_key.clone());
    if attempt.state.is_captured() {
        return Ok(Intent::Over);
    }
    if attempt.state == AttemptState::Failed {
        // Asked about after all: the provider may have taken the money of what it declined. Without the payer's
        // key nothing can be asked for.
        return Ok(Intent::LookUp { payment_key: None, amount, idempotency_key });
    }
    let first = attempt.sent_at.is_none() && attempt.state == AttemptState::Confirming;
    match attempt.payment_key.clone() {
        Some(payment_key) if first => {
            query::mark_attempt_sent(tx, id).await?;
            Ok(Intent::Confirm { payment_key, amount, idempotency_key })
        }
        payment_key => Ok(Intent::LookUp { payment_key, amount, idempotency_key }),
    }
}

/// The provider took the money. Checks its answer against our order, posts the capture once, and confirms the
/// reservation; where that is dead, claims the slot again or gives everything back (S16, I9).
///
/// # Errors
/// `ProviderMismatch`: the answer is not about this order or not its amount. Nothing is written; a person looks.
pub async fn apply_capture(
    tx: &mut Tx,
    rules: &Rules,
    id: AttemptId,
    capture: &Capture,
) -> Result<(), Error> {
    let seen = query::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = query::payment(tx.conn(), seen.payment_id).await?.ok_or(Error::NotFound)?;
    let reservation = lock_reservation(tx, payment.reservation_id).await?;
    let payment = query::lock_payment(tx, payment.id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    if attempt.state.is_captured() {
        return Ok(());
    }
    let key_fits = attempt.payment_key.as_deref().is_none_or(|key| key == capture.payment_key);
    if capture.order_id != id.to_string()
        || capture.amount != payment.amount_krw
        || capture.currency != "KRW"
        || !key_fits
    {
        metrics::counter!("konnect_provider_mismatch_total").increment(1);
        return Err(Error::ProviderMismatch);
    }
    let bought = if payment.state.is_captured() {
        Bought::Nothing("surplus")
    } else {
        buy(tx, rules, reservation).await?
    };
    let state = match bought {
        Bought::Session(_) => AttemptState::Done,
        Bought::Nothing(_) => AttemptState::Surplus,
    };
    let outcome = AttemptOutcome {
        payment_key: Some(&capture.payment_key),
        method: capture.method.as_deref(),
        transaction_key: capture.transaction_key.as_deref(),
        evidence: Some(&capture.evidence),
        captured: Some(capture.amount),
        ..AttemptOutcome::default()
    };
    if !query::set_attempt_state(tx, &attempt, state, outcome).await? {
        return Err(Error::InProgress);
    }
    ledger::post_capture(tx, payment.reservation_id, format!("capture:{id}"), payment.amount_krw).await?;
    if !payment.state.is_captured() {
        tell_payer(tx, &payment, id, "payment.captured", json!({})).await?;
    }
    match bought {
        Bought::Session(reservation) => {
            query::set_payment_state(tx, &payment, PaymentState::Done).await?;
            reservation::captured(tx, &reservation).await?;
        }
        Bought::Nothing(cause) => {
            // The payer may retry the reservation, so its payment stays payable.
            if attempt.state.is_open() && payment.state.is_open() {
                query::set_payment_state(tx, &payment, PaymentState::Ready).await?;
            }
            refund::give_back(tx, &payment, id, payment.amount_krw, cause, "").await?;
        }
    }
    Ok(())
}

/// What captured money is for.
enum Bought {
    /// The reservation, PAYING.
    Session(Box<reservation::Reservation>),
    /// Given back in full, with this cause.
    Nothing(&'static str),
}

async fn buy(tx: &mut Tx, rules: &Rules, was: reservation::Reservation) -> Result<Bought, Error> {
    Ok(match was.state {
        // Found out too late: a hold ends with the start of the session, and nobody was told to come.
        State::Paying | State::AwaitingPayment if tx.now >= was.starts_at => {
            reservation::failed(tx, &was).await?;
            Bought::Nothing("slot_gone")
        }
        State::Paying => Bought::Session(Box::new(was)),
        State::AwaitingPayment => Bought::Session(Box::new(reservation::begin_payment(tx, &was).await?)),
        State::Expired | State::PaymentFailed => match reservation::reclaim(tx, rules, &was).await {
            Ok(reclaimed) => Bought::Session(Box::new(reservation::begin_payment(tx, &reclaimed).await?)),
            // An error of the database may have rolled everything back: it says nothing about the slot.
            Err(error) if database_error(&error).is_some() => return Err(error.into()),
            Err(_) => {
                // The mentor's cells may be claimed already when the mentee's turn out to be taken (I4).
                availability::release(tx, was.id).await?;
                Bought::Nothing("slot_gone")
            }
        },
        _ => Bought::Nothing("reservation_over"),
    })
}

/// Calendars before the reservation, because a dead one may be re-claimed.
async fn lock_reservation(tx: &mut Tx, id: ReservationId) -> Result<reservation::Reservation, Error> {
    let seen = reservation::find(tx.conn(), id).await?.ok_or(reservation::Error::NotFound)?;
    availability::lock_calendars(tx, &mut [seen.mentor_id, seen.mentee_id]).await?;
    Ok(reservation::lock(tx, id).await?.ok_or(reservation::Error::NotFound)?)
}

/// The provider said no. The reservation stays payable while its hold lives.
pub async fn apply_decline(tx: &mut Tx, id: AttemptId, decline: &Decline) -> Result<(), Error> {
    let seen = query::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = query::payment(tx.conn(), seen.payment_id).await?.ok_or(Error::NotFound)?;
    let reservation = lock_reservation(tx, payment.reservation_id).await?;
    let payment = query::lock_payment(tx, payment.id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    if attempt.state.is_captured() || attempt.state == AttemptState::Failed {
        return Ok(());
    }
    let was_open = attempt.state.is_open();
    let outcome = AttemptOutcome {
        error_code: Some(&decline.code),
        error_class: Some(decline.class),
        ..AttemptOutcome::default()
    };
    if !query::set_attempt_state(tx, &attempt, AttemptState::Failed, outcome).await? {
        return Err(Error::InProgress);
    }
    if !was_open {
        return Ok(());
    }
    // Another attempt may have paid meanwhile.
    if payment.state.is_open() {
        query::set_payment_state(tx, &payment, PaymentState::Ready).await?;
    }
    let data = json!({ "code": decline.code, "class": decline.class });
    tell_payer(tx, &payment, id, "payment.declined", data).await?;
    if reservation.state == State::Paying {
        reservation::declined(tx, &reservation).await?;
    }
    Ok(())
}

/// No answer is no failure (I13): the attempt is unknown until the provider has been asked again.
///
/// `fresh_key`: the provider refused without deciding, and would repeat that refusal for the same idempotency
/// key for 15 days. A new key is safe because an unknown attempt is looked up before it is asked for again.
pub async fn mark_unknown(tx: &mut Tx, id: AttemptId, why: &str, fresh_key: bool) -> Result<(), Error> {
    let seen = query::attempt(tx.conn(), id).await?.ok_or(Error::NotFound)?;
    let payment = query::lock_payment(tx, seen.payment_id).await?.ok_or(Error::NotFound)?;
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    if !attempt.state.is_open() {
        return Ok(());
    }
    let code: String = why.chars().take(80).collect();
    let outcome = AttemptOutcome { error_code: Some(&code), ..AttemptOutcome::default() };
    query::set_attempt_state(tx, &attempt, AttemptState::Unknown, outcome).await?;
    if fresh_key {
        query::renew_attempt_key(tx, id, &secret()).await?;
    }
    if payment.state == PaymentState::Confirming {
        query::set_payment_state(tx, &payment, PaymentState::Unknown).await?;
        tell_payer(tx, &payment, id, "payment.checking", json!({})).await?;
    }
    Ok(())
}

async fn tell_payer(
    tx: &mut Tx,
    payment: &Payment,
    attempt: AttemptId,
    kind: &str,
    more: serde_json::Value,
) -> Result<(), Error> {
    let mut data = json!({
        "paymentId": payment.id,
        "orderId": attempt,
        "reservationId": payment.reservation_id,
        "amount": payment.amount_krw,
    });
    if let (Some(data), serde_json::Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    event::append(tx, &[payment.mentee_id], kind, data).await?;
    Ok(())
}

/// A payer's payment with its attempts.
pub async fn view(
    pool: &MySqlPool,
    reservation: ReservationId,
    payer: UserId,
) -> Result<(Payment, Vec<Attempt>), Error> {
    let payment = query::payment_of_reservation(pool, reservation)
        .await?
        .filter(|p| p.mentee_id == payer)
        .ok_or(Error::NotFound)?;
    let attempts = query::attempts_of(pool, payment.id).await?;
    Ok((payment, attempts))
}

/// Attempts without an outcome since before `since`, for which no job asks.
pub async fn open_attempts(pool: &MySqlPool, since: Instant) -> sqlx::Result<Vec<AttemptId>> {
    query::open_attempts(pool, since, MISMATCH, 200).await
}

/// Asks again about an attempt for which nobody asks any more. `false`: somebody does.
pub async fn requery(tx: &mut Tx, id: AttemptId) -> Result<bool, Error> {
    if outbox::live_by_subject(tx, id.0, ConfirmPayment::KIND).await? {
        return Ok(false);
    }
    Ok(outbox::enqueue(tx, &RequeryPayment { attempt_id: id }).await?)
}

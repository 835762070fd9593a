//! Giving money back.

use serde_json::json;
use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Attempt, AttemptState, Payment, PaymentState, Refund, RefundState};
use super::query;
use crate::clock::Instant;
use crate::db::Tx;
use crate::event;
use crate::id::{AttemptId, RefundId, ReservationId, secret};
use crate::job::{AccrueSettlement, NotifyEvent, RefundPayment};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::reservation::{self, Quote, Reservation, Side};

/// Cancels a reservation and sends on its way what the policy gives back, in one transaction (I9). What is not
/// given back is split as after a session, once the refund is done.
pub async fn cancel_reservation(
    tx: &mut Tx,
    was: &Reservation,
    side: Side,
    reason: &str,
) -> Result<(Reservation, Quote), Error> {
    let (reservation, quote) = reservation::cancel(tx, was, side, reason).await?;
    if let Some(payment) = query::lock_payment_of_reservation(tx, reservation.id).await?
        && payment.state == PaymentState::Done
    {
        if quote.refund.is_positive() {
            let attempt = captured_attempt(tx, &payment).await?;
            give_back(tx, &payment, attempt.id, quote.refund, "cancelled", "").await?;
        } else {
            outbox::enqueue(tx, &AccrueSettlement { reservation_id: reservation.id }).await?;
        }
    }
    Ok((reservation, quote))
}

async fn captured_attempt(tx: &mut Tx, payment: &Payment) -> Result<Attempt, Error> {
    let attempts = query::attempts_of(tx.conn(), payment.id).await?;
    attempts.into_iter().find(|a| a.state == AttemptState::Done).ok_or(Error::NotFound)
}

/// Writes a refund of a captured attempt and its job. The caller holds the payment's row lock, so that two
/// refunds together cannot exceed the capture (I7).
pub(super) async fn give_back(
    tx: &mut Tx,
    payment: &Payment,
    attempt: AttemptId,
    amount: Krw,
    cause: &str,
    cause_ref: &str,
) -> Result<(), Error> {
    let captured = query::captured(tx, attempt).await?;
    let asked = query::refund_sum(tx, attempt).await?;
    if asked.plus(amount) > captured {
        return Err(Error::RefundExceedsCapture);
    }
    let refund = Refund {
        id: RefundId::generate(),
        payment_id: payment.id,
        attempt_id: attempt,
        reservation_id: payment.reservation_id,
        amount_krw: amount,
        cause: cause.to_owned(),
        cause_ref: cause_ref.to_owned(),
        state: RefundState::Queued,
        idempotency_key: secret(),
        sent_at: None,
        transaction_key: None,
        error_code: None,
        created_at: tx.now,
    };
    query::insert_refund(tx, &refund).await?;
    outbox::enqueue(tx, &RefundPayment { refund_id: refund.id }).await?;
    Ok(())
}

/// What a job may do about a refund now.
#[derive(Clone, Debug)]
pub enum RefundIntent {
    /// Ask the provider to cancel that much.
    Cancel {
        payment_key: String,
        refund: Refund,
    },
    /// It was asked before: look for the cancel that carries this refund's id.
    LookUp {
        payment_key: String,
        refund: Refund,
    },
    Over,
}

/// Writes the intent before the provider is asked.
pub async fn prepare_refund(tx: &mut Tx, id: RefundId) -> Result<RefundIntent, Error> {
    let refund = query::lock_refund(tx, id).await?.ok_or(Error::NotFound)?;
    let attempt = query::attempt(tx.conn(), refund.attempt_id).await?.ok_or(Error::NotFound)?;
    let payment_key = attempt.payment_key.ok_or(Error::NotFound)?;
    match refund.state {
        RefundState::Done | RefundState::ManualReview | RefundState::Abandoned => Ok(RefundIntent::Over),
        RefundState::Queued => {
            query::set_refund_state(tx, &refund, RefundState::Sent, None, None).await?;
            Ok(RefundIntent::Cancel { payment_key, refund })
        }
        RefundState::Sent | RefundState::Unknown => Ok(RefundIntent::LookUp { payment_key, refund }),
    }
}

/// The provider gave the money back: posted once, told to the payer.
pub async fn apply_refund(tx: &mut Tx, id: RefundId, transaction_key: Option<&str>) -> Result<(), Error> {
    let refund = query::lock_refund(tx, id).await?.ok_or(Error::NotFound)?;
    if refund.state == RefundState::Done {
        return Ok(());
    }
    let payment = query::lock_payment(tx, refund.payment_id).await?.ok_or(Error::NotFound)?;
    if !query::set_refund_state(tx, &refund, RefundState::Done, transaction_key, None).await? {
        return Err(Error::InProgress);
    }
    ledger::post_refund(tx, refund.reservation_id, format!("refund:{id}"), refund.amount_krw).await?;
    let attempt = query::attempt(tx.conn(), refund.attempt_id).await?.ok_or(Error::NotFound)?;
    if attempt.state == AttemptState::Done {
        let captured = attempt.captured_krw.unwrap_or(payment.amount_krw);
        let all = query::refund_sum(tx, refund.attempt_id).await? == captured;
        let state = if all { PaymentState::Canceled } else { PaymentState::PartialCanceled };
        query::set_payment_state(tx, &payment, state).await?;
        if !all {
            outbox::enqueue(tx, &AccrueSettlement { reservation_id: refund.reservation_id }).await?;
        }
    }
    let data = json!({
        "reservationId": refund.reservation_id, "refundId": id, "amount": refund.amount_krw, "cause": refund.cause,
    });
    event::append(tx, &[payment.mentee_id], "payment.refunded", data.clone()).await?;
    let notice = NotifyEvent {
        event_key: format!("refund:{id}"),
        kind: "payment.refunded".to_owned(),
        people: vec![payment.mentee_id],
        reservation_id: Some(refund.reservation_id),
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// No answer: asked for again, after a look at the provider's cancels. For `fresh_key` see
/// [`mark_unknown`](super::mark_unknown).
pub async fn refund_unknown(tx: &mut Tx, id: RefundId, why: &str, fresh_key: bool) -> Result<(), Error> {
    leave(tx, id, RefundState::Unknown, why).await?;
    if fresh_key {
        query::renew_refund_key(tx, id, &secret()).await?;
    }
    Ok(())
}

/// The provider refuses for good: a person decides. The ledger still holds the money.
pub async fn park_refund(tx: &mut Tx, id: RefundId, code: &str) -> Result<(), Error> {
    metrics::counter!("konnect_refunds_manual_review_total").increment(1);
    leave(tx, id, RefundState::ManualReview, code).await
}

async fn leave(tx: &mut Tx, id: RefundId, state: RefundState, code: &str) -> Result<(), Error> {
    let refund = query::lock_refund(tx, id).await?.ok_or(Error::NotFound)?;
    if matches!(refund.state, RefundState::Done | RefundState::Abandoned) {
        return Ok(());
    }
    let code: String = code.chars().take(80).collect();
    query::set_refund_state(tx, &refund, state, None, Some(&code)).await?;
    Ok(())
}

/// Nothing is given back by this refund any more: the provider has nothing left to give back. The caller holds the
/// row's lock.
pub(super) async fn abandon(tx: &mut Tx, refund: &Refund, why: &str) -> Result<(), Error> {
    if !query::set_refund_state(tx, refund, RefundState::Abandoned, None, Some(why)).await? {
        return Err(Error::InProgress);
    }
    Ok(())
}

/// Gives back less, because the provider gave back the rest without us; asked for with a new key. The caller holds
/// the row's lock.
pub(super) async fn shrink(tx: &mut Tx, refund: &Refund, amount: Krw) -> Result<(), Error> {
    Ok(query::set_refund_amount(tx, refund.id, amount, &secret()).await?)
}

/// Whether money of this reservation is still on its way back.
pub async fn has_open_refund(tx: &mut Tx, reservation: ReservationId) -> sqlx::Result<bool> {
    Ok(promised(tx, reservation).await?.is_positive())
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
    outbox::enqueue(tx, &RefundPayment { refund_id: id }).await
}

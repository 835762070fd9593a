//! What can still be given back of a capture, for whoever decides about it.

use super::error::Error;
use super::model::AttemptState;
use super::query;
use super::refund::give_back;
use crate::db::Tx;
use crate::id::{RefundId, ReservationId};
use crate::money::Krw;

/// Won of the capture that pays for a reservation for which no refund stands; nothing where nothing was captured.
/// Locks the payment: until the transaction ends no refund of it begins or ends.
pub async fn refundable(tx: &mut Tx, id: ReservationId) -> Result<Krw, Error> {
    if query::lock_payment_of_reservation(tx, id).await?.is_none() {
        return Ok(Krw::ZERO);
    }
    let Some(capture) = query::capture_of(tx.conn(), id).await? else { return Ok(Krw::ZERO) };
    Ok(capture.amount_krw.minus(query::refund_sum(tx, capture.attempt_id).await?))
}

/// Writes a refund of a reservation's capture and its job. Where the money may be split already, the caller takes it
/// back first (`settlement::take_back`), in the same transaction. `cause` and `cause_ref` name it: a second one of
/// the same name is refused.
///
/// # Errors
/// `NotFound` where nothing was captured; `RefundExceedsCapture`.
pub async fn refund(
    tx: &mut Tx,
    id: ReservationId,
    amount: Krw,
    cause: &str,
    cause_ref: &str,
) -> Result<RefundId, Error> {
    let payment = query::lock_payment_of_reservation(tx, id).await?.ok_or(Error::NotFound)?;
    let attempts = query::attempts_of(tx.conn(), payment.id).await?;
    let captured = attempts.iter().find(|a| a.state == AttemptState::Done).ok_or(Error::NotFound)?;
    give_back(tx, &payment, captured.id, amount, cause, cause_ref).await
}

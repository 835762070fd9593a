//! Giving back what a session cost, in part or after it, by an administrator's decision: the refund and what must be
//! taken back for it, in one transaction.

use super::error::Error;
use super::take_back::take_back;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::{RefundId, ReservationId, UserId};
use crate::payment::{self, Bearer, Refund, RefundWish};
use crate::reservation;

/// Asks for a refund. Up to the limit for goodwill, all that was given of this reservation before counted, it is effective at once; above, a second administrator must agree,
/// and until then nothing is promised and nothing is taken back.
///
/// # Errors
/// `NotFound`; `OwnCase` for an administrator who is a side of it; those of [`payment::check_wish`].
pub async fn request_refund(
    tx: &mut Tx,
    rules: &Rules,
    id: ReservationId,
    wish: &RefundWish,
) -> Result<Refund, Error> {
    let reservation = reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    if reservation.has_member(wish.by) {
        return Err(Error::OwnCase);
    }
    let captured = payment::lock_capture(tx, id).await?;
    payment::check_wish(&reservation, &captured, wish.amount)?;
    let refund_id = RefundId::generate();
    // All of it counts, so that no limit is passed in small steps.
    let alone = payment::given_alone(tx, id).await?;
    let approved = wish.amount.plus(alone) <= rules.goodwill_limit();
    if approved {
        take_back(tx, id, wish.amount, wish.bearer, &refund_id.to_string()).await?;
    }
    Ok(payment::write_wish(tx, &captured, refund_id, wish, approved).await?)
}

/// A second administrator agrees. What is left by now decides, not what was left when it was asked for.
///
/// # Errors
/// `RefundNotFound`, `RefundNotAllowed`, `SamePerson`, `OwnCase`, and those of [`payment::check_wish`].
pub async fn approve_refund(tx: &mut Tx, id: RefundId, by: UserId) -> Result<Refund, Error> {
    let seen = payment::find_refund(tx.conn(), id).await?.ok_or(payment::Error::RefundNotFound)?;
    let reservation = reservation::lock(tx, seen.reservation_id).await?.ok_or(Error::NotFound)?;
    if reservation.has_member(by) {
        return Err(Error::OwnCase);
    }
    let captured = payment::lock_capture(tx, seen.reservation_id).await?;
    let waiting = payment::lock_wish(tx, id, by).await?;
    payment::check_wish(&reservation, &captured, waiting.amount_krw)?;
    let bearer = waiting.bearer.unwrap_or(Bearer::Shared);
    take_back(tx, reservation.id, waiting.amount_krw, bearer, &id.to_string()).await?;
    Ok(payment::approve_wish(tx, &captured, &waiting, by).await?)
}

//! Refunds that an administrator asks for, above a limit with the agreement of a second one. What must be taken back
//! from the mentor is the business of `settlement`, which calls these.

use super::model::{Bearer, Refund, RefundState};
use super::{
    Captured, check_amount, draft, first_state, lock, lock_to_decide, promise, query, send_off, step,
};
use crate::db::Tx;
use crate::id::{RefundId, ReservationId, UserId};
use crate::money::Krw;
use crate::payment::Error;
use crate::reservation::Reservation;

/// The cause of what administrators give back.
const GOODWILL: &str = "goodwill";

/// What an administrator asks for.
#[derive(Clone, Debug)]
pub struct RefundWish {
    pub amount: Krw,
    pub bearer: Bearer,
    /// 1 to 500 characters.
    pub reason: String,
    pub by: UserId,
}

/// Whether so much may be promised now.
///
/// # Errors
/// `RefundAmount`, `RefundExceedsCapture` (I7); `UseCancel` for the whole rest of a live reservation, which would stand
/// confirmed without money (I8).
pub fn check_wish(r: &Reservation, captured: &Captured, amount: Krw) -> Result<(), Error> {
    if !amount.is_positive() {
        return Err(Error::RefundAmount);
    }
    if amount > captured.left() {
        return Err(Error::RefundExceedsCapture);
    }
    if r.state.holds_slot() && amount == captured.left() {
        return Err(Error::UseCancel);
    }
    Ok(())
}

/// What single administrators have given back of a reservation's price by themselves: a limit for one of them counts all
/// of it.
pub async fn given_alone(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Krw> {
    let refunds = query::refunds_of(tx.conn(), id).await?;
    let alone = refunds.iter().filter(|f| f.cause == GOODWILL && f.state.is_live() && f.decided_by.is_none());
    Ok(alone.fold(Krw::ZERO, |sum, f| sum.plus(f.amount_krw)))
}

/// Writes the refund under this id: on its way when `approved`, else waiting for a second administrator. The caller
/// has checked it and, when approved, made room for it.
pub async fn write_wish(
    tx: &mut Tx,
    captured: &Captured,
    id: RefundId,
    wish: &RefundWish,
    approved: bool,
) -> Result<Refund, Error> {
    let Captured { payment, attempt, .. } = captured;
    let mut refund = draft(tx.now, payment, attempt, wish.amount, GOODWILL, &id.to_string());
    refund.id = id;
    refund.bearer = Some(wish.bearer);
    refund.reason = Some(wish.reason.clone());
    refund.requested_by = Some(wish.by);
    if approved {
        promise(tx, payment, attempt, &mut refund).await?;
    } else {
        refund.state = RefundState::AwaitingApproval;
        query::insert_refund(tx, &refund).await?;
    }
    Ok(refund)
}

/// Locks a refund that `by` is about to agree to.
///
/// # Errors
/// `RefundNotAllowed` when it is decided, `SamePerson`
pub async fn lock_wish(tx: &mut Tx, id: RefundId, by: UserId) -> Result<Refund, Error> {
    let (_, refund) = lock(tx, id).await?;
    if refund.state != RefundState::AwaitingApproval {
        return Err(Error::RefundNotAllowed);
    }
    if refund.requested_by == Some(by) {
        return Err(Error::SamePerson);
    }
    Ok(refund)
}

/// A second administrator agrees: the refund is promised from now on. The caller holds its lock and that of `captured`,
/// has checked it and made room for it.
///
/// # Errors
/// `RefundExceedsCapture`
pub async fn approve_wish(
    tx: &mut Tx,
    captured: &Captured,
    was: &Refund,
    by: UserId,
) -> Result<Refund, Error> {
    check_amount(tx, &captured.attempt, was.amount_krw).await?;
    let state = first_state(&captured.attempt);
    let refund = step(tx, was, state, None, |f| f.decided_by = Some(by)).await?;
    send_off(tx, &captured.payment, &refund).await?;
    Ok(refund)
}

/// An administrator does not agree, or takes back what they asked for: nothing was promised, nothing moves.
///
/// # Errors
/// `RefundNotAllowed` when it is decided; `reservation::Error::OwnCase` for an administrator who is a side.
pub async fn reject_refund(tx: &mut Tx, id: RefundId, by: UserId, reason: &str) -> Result<Refund, Error> {
    let was = lock_to_decide(tx, id).await?;
    if was.state != RefundState::AwaitingApproval {
        return Err(Error::RefundNotAllowed);
    }
    step(tx, &was, RefundState::Rejected, Some(reason), |f| f.decided_by = Some(by)).await
}

//! Cancelling a reservation together with what that gives back (I9).

use super::{give_back, lock_capture, take_goodwill_back};
use crate::db::Tx;
use crate::job::AccrueSettlement;
use crate::money::{BasisPoints, Krw};
use crate::outbox;
use crate::payment::Error;
use crate::reservation::{self, Reservation, Side};

/// How much a cancellation gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What is due when this side cancels: by the policy for a mentee, everything for all others.
    Due,
    /// What the policy gives a mentee now, whoever cancels.
    Policy,
    /// What a quote promised, and the share of the price that this was.
    Quoted { refund: Krw, share: BasisPoints },
    /// Everything that is left.
    Full,
    /// So many won.
    Amount(Krw),
}

/// Cancels with [`Choice::Due`].
pub async fn cancel_reservation(
    tx: &mut Tx,
    was: &Reservation,
    side: Side,
    reason: &str,
) -> Result<(Reservation, Krw), Error> {
    cancel_with(tx, was, side, reason, Choice::Due).await
}

/// Cancels a reservation, whose row the caller has locked, and sends on its way what is given back, in one
/// transaction. What is not given back is split as after a session, once the refund is done.
///
/// # Errors
/// `NotAllowed` and `Stale` of the reservation: somebody was faster, or a quote promised more than is left.
/// `RefundExceedsCapture` for an amount that is more than is left.
pub async fn cancel_with(
    tx: &mut Tx,
    was: &Reservation,
    side: Side,
    reason: &str,
    choice: Choice,
) -> Result<(Reservation, Krw), Error> {
    let captured = match lock_capture(tx, was.id).await {
        Ok(captured) if was.is_paid() => Some(captured),
        Ok(_) | Err(Error::NothingCaptured) => None,
        Err(error) => return Err(error),
    };
    let given = captured.as_ref().map_or(Krw::ZERO, |captured| captured.given);
    let left = captured.as_ref().map_or(Krw::ZERO, |captured| captured.left());
    let refund = match choice {
        Choice::Due => reservation::quote(was, side, tx.now, given).refund,
        Choice::Policy => reservation::quote(was, Side::Mentee, tx.now, given).refund,
        Choice::Full => left,
        Choice::Quoted { refund, .. } if refund > left => return Err(reservation::Error::Stale.into()),
        Choice::Amount(refund) if refund < Krw::ZERO => return Err(Error::RefundAmount),
        Choice::Amount(refund) if refund > left => return Err(Error::RefundExceedsCapture),
        Choice::Quoted { refund, .. } | Choice::Amount(refund) => refund,
    };
    // What would be due had nothing been given before: the part of it that is given already is no longer the
    // platform's to pay, where it paid that.
    let due = match choice {
        Choice::Due => reservation::quote(was, side, tx.now, Krw::ZERO).refund,
        Choice::Policy => reservation::quote(was, Side::Mentee, tx.now, Krw::ZERO).refund,
        // By the side and the tier of the quote, whatever holds now.
        Choice::Quoted { share, .. } => was.price_krw.share(share),
        Choice::Full => captured.as_ref().map_or(Krw::ZERO, |captured| captured.amount),
        Choice::Amount(_) => refund,
    };
    let reservation = reservation::cancel(tx, was, side, reason, refund).await?;
    if let Some(captured) = captured {
        let key = format!("goodwill-undone:{}:cancelled", reservation.id);
        take_goodwill_back(tx, reservation.id, due.minus(refund), key).await?;
        if refund.is_positive() {
            give_back(tx, &captured.payment, captured.attempt.id, refund, "cancelled", "").await?;
        } else {
            outbox::enqueue(tx, &AccrueSettlement { reservation_id: reservation.id }).await?;
        }
    }
    Ok((reservation, refund))
}

//! What a dispute that is over does to the money.

use super::error::Error;
use super::model::{Dispute, Outcome, Party};
use super::open;
use crate::config::Rules;
use crate::db::Tx;
use crate::id::ReservationId;
use crate::money::Krw;
use crate::payment;
use crate::reservation::{self, Absent, Reservation, Side, State as Stage};
use crate::settlement::{self, Bearer};

/// Why a session is reviewed to which nobody came.
pub(super) const NOBODY_CAME: &str = "Nobody came to the session.";

/// Carries out what was decided or agreed: takes back what was split, writes the refund and its job, pays the mentor
/// what was decided, and lets go of the lines. In the transaction that ends the dispute.
///
/// Where nobody came and this dispute stood in the way of the review of that, the money stays where it is and the review
/// begins.
///
/// # Errors
/// `RefundExceeds` when less than the refund is left of the capture.
pub(super) async fn settle(
    tx: &mut Tx,
    rules: &Rules,
    r: &Reservation,
    dispute: &Dispute,
) -> Result<(), Error> {
    let key = dispute.key();
    let refund = dispute.refund_krw.unwrap_or_default();
    let bearer = dispute.bearer.unwrap_or(Bearer::Shared);
    if refund.is_positive() {
        let reference = dispute.id.to_string();
        give_back(tx, r, refund, bearer, "dispute", &reference, &key).await?;
    }
    let compensation = dispute.compensation_krw.unwrap_or_default();
    if compensation.is_positive() {
        settlement::compensate(tx, r.id, compensation, &key).await?;
    } else if nobody_came(r) && !is_to_be_reviewed(r, dispute) {
        // What is not given back is the mentor's.
        settlement::award(tx, r.id, &key).await?;
    }
    settlement::thaw(tx, r.id, &key).await?;
    if is_to_be_reviewed(r, dispute) {
        open::open_review(tx, rules, r, NOBODY_CAME).await?;
    }
    Ok(())
}

/// Whether the absence of both is still to be decided: a claim of the mentor's came to nothing. It says nothing about the
/// price, which is the mentor's only where somebody decided that.
fn is_to_be_reviewed(r: &Reservation, dispute: &Dispute) -> bool {
    let moves_money = [dispute.refund_krw, dispute.compensation_krw]
        .into_iter()
        .any(|amount| amount.is_some_and(Krw::is_positive));
    let came_to_nothing = matches!(dispute.outcome, None | Some(Outcome::Dismissed)) && !moves_money;
    nobody_came(r) && dispute.opened_by == Party::Mentor && came_to_nothing
}

/// Gives back `amount` of what the mentee paid. `key` names what it is taken back for.
pub(super) async fn give_back(
    tx: &mut Tx,
    r: &Reservation,
    amount: Krw,
    bearer: Bearer,
    cause: &str,
    cause_ref: &str,
    key: &str,
) -> Result<(), Error> {
    let left = left(tx, r.id).await?;
    if amount > left {
        return Err(Error::RefundExceeds);
    }
    if amount == left && r.state == Stage::InSession {
        end_session(tx, r, amount).await?;
    }
    settlement::take_back(tx, r.id, amount, bearer, key).await?;
    payment::refund(tx, r.id, amount, cause, cause_ref).await?;
    Ok(())
}

/// Won that can still be given back of what the mentee paid; nothing where nothing was captured. Locks the payment, so that no refund ends meanwhile.
pub(super) async fn left(tx: &mut Tx, id: ReservationId) -> Result<Krw, Error> {
    match payment::lock_capture(tx, id).await {
        Ok(captured) => Ok(captured.left()),
        Err(payment::Error::NothingCaptured) => Ok(Krw::ZERO),
        Err(error) => Err(error.into()),
    }
}

/// A session of which everything is given back is not live (I8): it is completed, or ends early.
async fn end_session(tx: &mut Tx, r: &Reservation, refund: Krw) -> Result<(), Error> {
    if tx.now >= r.ends_at {
        reservation::complete(tx, r).await?;
    } else {
        reservation::cancel(tx, r, Side::Admin, "Everything is given back after a dispute.", refund).await?;
    }
    Ok(())
}

pub(super) fn nobody_came(r: &Reservation) -> bool {
    r.state == Stage::NoShow && r.absent == Some(Absent::Both)
}

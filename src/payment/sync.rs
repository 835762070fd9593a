//! Captured payments against what the provider says of them: cancels that are not ours, and ours that we lost.

use super::deposit;
use super::error::Error;
use super::model::{Attempt, AttemptState};
use super::outcome::{Locked, lock_all};
use super::refund::{Refund, RefundState};
use super::{query, refund};
use crate::db::Tx;
use crate::id::{AttemptId, RefundId, ReservationId};
use crate::money::Krw;
use crate::reservation::{self, Side, State};

/// The cause of a refund that somebody made at the provider without us.
const BY_PROVIDER: &str = "provider";
/// Why a reservation ends whose payment was cancelled there. Both sides read it.
const CANCELLED_THERE: &str =
    "결제사에서 결제가 취소되었습니다. (The payment was cancelled at the payment provider.)";

/// A cancel that is done, as the provider lists it.
#[derive(Clone, Debug)]
pub struct FoundCancel {
    pub transaction_key: String,
    pub amount: Krw,
    /// The refund whose id its reason carries.
    pub refund: Option<RefundId>,
}

/// What to do about a cancel that our rows do not know.
#[derive(Clone, Debug)]
pub enum Adoption {
    /// It is the refund we wait for, or what one of ours was meant to give back.
    Ours { refund: RefundId, transaction_key: String },
    /// Somebody gave money back without us. Before it is adopted, what was split is taken back.
    Foreign { amount: Krw, transaction_key: String },
}

/// The payment to read again; `None` when nothing is captured by this attempt.
pub async fn prepare_sync(tx: &mut Tx, id: AttemptId) -> Result<Option<Attempt>, Error> {
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    Ok(Some(attempt).filter(|a| a.state.is_captured() && a.payment_key.is_some()))
}

/// Finds what of the provider's cancels our rows lack (S28), and makes room for it: of our own refunds that are still
/// on their way, what was given back already is not given back again (I7).
///
/// The caller carries each adoption out in the same transaction: `Ours` by [`apply_refund`](super::apply_refund),
/// `Foreign` by `settlement::take_back` and [`adopt_cancel`]; then [`conclude_adoption`].
pub async fn plan_adoption(
    tx: &mut Tx,
    id: AttemptId,
    cancels: &[FoundCancel],
) -> Result<(ReservationId, Vec<Adoption>), Error> {
    let Locked { payment, attempt, .. } = lock_all(tx, id).await?;
    let captured = attempt.captured_krw.unwrap_or(payment.amount_krw);
    let mut refunds = refund::lock_refunds_of_attempt(tx, id).await?;
    let mut plan = Vec::new();
    // Those that name their refund first, lest another cancel of the same amount stand for it.
    let (named, others): (Vec<_>, Vec<_>) = cancels
        .iter()
        .filter(|c| !refunds.iter().any(|f| f.transaction_key.as_deref() == Some(&c.transaction_key)))
        .partition(|c| open_refund(&refunds, c).is_some());
    for cancel in named {
        let Some(refund) = open_refund(&refunds, cancel) else { continue };
        plan.push(Adoption::Ours { refund, transaction_key: cancel.transaction_key.clone() });
        refunds.retain(|f| f.id != refund);
    }
    for cancel in others {
        // An operator gave back at the provider what a refund of ours could not.
        let by_hand = refunds.iter().find(|f| is_at_rest(f) && f.amount_krw == cancel.amount).map(|f| f.id);
        if let Some(refund) = by_hand {
            plan.push(Adoption::Ours { refund, transaction_key: cancel.transaction_key.clone() });
            refunds.retain(|f| f.id != refund);
        } else {
            let (amount, transaction_key) = (cancel.amount, cancel.transaction_key.clone());
            plan.push(Adoption::Foreign { amount, transaction_key });
        }
    }
    let spent = plan_sum(&plan, cancels).plus(paid_sum(&refunds));
    make_room(tx, &refunds, captured.minus(spent)).await?;
    Ok((payment.reservation_id, plan))
}

/// The refund that a cancel names, when it waits for one of that amount.
fn open_refund(refunds: &[Refund], cancel: &FoundCancel) -> Option<RefundId> {
    let named = refunds.iter().find(|f| Some(f.id) == cancel.refund)?;
    (named.state.is_open() && named.amount_krw == cancel.amount).then_some(named.id)
}

/// No call of this refund is on its way.
fn is_at_rest(f: &Refund) -> bool {
    f.state.is_open() && !matches!(f.state, RefundState::Sent | RefundState::Unknown)
}

fn paid_sum(refunds: &[Refund]) -> Krw {
    let paid = refunds.iter().filter(|f| f.state.is_paid());
    paid.fold(Krw::ZERO, |sum, f| sum.plus(f.amount_krw))
}

fn plan_sum(plan: &[Adoption], cancels: &[FoundCancel]) -> Krw {
    let planned = |key: &str| {
        plan.iter().any(|adoption| match adoption {
            Adoption::Ours { transaction_key, .. } | Adoption::Foreign { transaction_key, .. } => {
                transaction_key == key
            }
        })
    };
    let planned = cancels.iter().filter(|c| planned(&c.transaction_key));
    planned.fold(Krw::ZERO, |sum, c| sum.plus(c.amount))
}

/// Sees to it that the refunds still on their way give back no more than `left`, the latest of them less first. The
/// provider would refuse them otherwise.
async fn make_room(tx: &mut Tx, refunds: &[Refund], left: Krw) -> Result<(), Error> {
    let mut left = left;
    for open in refunds.iter().filter(|f| f.state.is_open()) {
        let amount = if open.amount_krw < left { open.amount_krw } else { left };
        left = left.minus(amount);
        if !amount.is_positive() {
            refund::abandon(tx, open, "GIVEN_BACK_ALREADY").await?;
        } else if amount < open.amount_krw {
            refund::shrink(tx, open, amount).await?;
        }
    }
    Ok(())
}

/// Writes a refund that somebody made at the provider without us, and posts it once, named by the provider's key of
/// the transaction.
pub async fn adopt_cancel(
    tx: &mut Tx,
    id: AttemptId,
    amount: Krw,
    transaction_key: &str,
) -> Result<(), Error> {
    let attempt = query::lock_attempt(tx, id).await?.ok_or(Error::NotFound)?;
    let payment = query::lock_payment(tx, attempt.payment_id).await?.ok_or(Error::NotFound)?;
    metrics::counter!("konnect_refunds_adopted_total").increment(1);
    tracing::warn!(attempt_id = %id, amount = amount.0, transaction_key, "money was given back without us");
    refund::adopt(tx, &payment, &attempt, amount, BY_PROVIDER, transaction_key).await
}

/// Ends a reservation whose whole payment was given back at the provider: its slot is free, and both are told (I8).
pub async fn conclude_adoption(tx: &mut Tx, id: AttemptId) -> Result<(), Error> {
    query::mark_attempt_read(tx, id).await?;
    let Locked { reservation, payment, attempt } = lock_all(tx, id).await?;
    let captured = attempt.captured_krw.unwrap_or(payment.amount_krw);
    let given_back = paid_sum(&refund::lock_refunds_of_attempt(tx, id).await?);
    let is_live = matches!(reservation.state, State::Confirmed | State::InSession);
    if attempt.state == AttemptState::Done && given_back == captured && is_live {
        let key = format!("goodwill-undone:{}:cancelled", reservation.id);
        refund::take_goodwill_back(tx, reservation.id, captured, key).await?;
        reservation::cancel(tx, &reservation, Side::Provider, CANCELLED_THERE, given_back).await?;
        deposit::close_others(tx, &payment, id).await?;
    }
    Ok(())
}

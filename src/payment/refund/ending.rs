//! What an operator does about a refund that the provider does not make. Nothing is believed before a job has looked
//! at the provider's cancels: it may have given the money back after all, or somebody did so in its console.

use super::model::{Bearer, Ending, Refund, RefundState};
use super::outcome::{accrue_the_rest, apply_refund, settle_payment};
use super::{code_of, lock, lock_to_decide, query, step, take_goodwill_back};
use crate::db::Tx;
use crate::id::{AttemptId, RefundId, secret};
use crate::job::{CloseRefund, RefundPayment};
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::payment::model::AttemptState;
use crate::payment::{Error, query as payments};
use crate::reservation::{self, Absent};

/// Has the provider asked again: looked up first, then under a fresh key.
///
/// # Errors
/// `RefundNotAllowed` unless it waits for a person; `reservation::Error::OwnCase` for an administrator who is a side.
pub async fn ask_refund_again(tx: &mut Tx, id: RefundId) -> Result<Refund, Error> {
    let was = lock_to_decide(tx, id).await?;
    if was.state != RefundState::ManualReview || was.ending.is_some() {
        return Err(Error::RefundNotAllowed);
    }
    let refund = step(tx, &was, RefundState::Unknown, None, |f| {
        f.idempotency_key = secret();
        f.sent_at = None;
    })
    .await?;
    outbox::enqueue(tx, &RefundPayment { refund_id: id }).await?;
    Ok(refund)
}

/// Says how a refund ends, and why; a job compares that with the provider and carries it out.
///
/// # Errors
/// `RefundNotAllowed` unless it waits for a person or for the payer's account. `RefundOwed` when it should be abandoned
/// and the money bought nothing that a mentor could have earned: it is given back, by hand if need be.
/// `reservation::Error::OwnCase` for an administrator who is a side.
pub async fn end_refund(tx: &mut Tx, id: RefundId, ending: Ending, why: &str) -> Result<Refund, Error> {
    let was = lock_to_decide(tx, id).await?;
    let waits = matches!(was.state, RefundState::ManualReview | RefundState::NeedsAccount);
    if !waits || was.ending.is_some() {
        return Err(Error::RefundNotAllowed);
    }
    if ending == Ending::Abandoned && !may_be_kept(tx, &was).await? {
        return Err(Error::RefundOwed);
    }
    let refund = step(tx, &was, was.state, Some(why), |f| {
        f.ending = Some(ending);
        f.evidence = Some(why.to_owned());
    })
    .await?;
    outbox::enqueue(tx, &CloseRefund { refund_id: id }).await?;
    Ok(refund)
}

/// Whether somebody but the payer can have a claim to the money.
async fn may_be_kept(tx: &mut Tx, refund: &Refund) -> Result<bool, Error> {
    let attempt = payments::attempt(tx.conn(), refund.attempt_id).await?.ok_or(Error::NotFound)?;
    let r = reservation::find(tx.conn(), refund.reservation_id).await?.ok_or(Error::NotFound)?;
    // Where one side was absent, an award is what the platform pays on top of what it gives back.
    let nobody_came = r.absent == Some(Absent::Both);
    let is_mentors = r.is_paid() || r.is_earned() || (nobody_came && query::is_awarded(tx, r.id).await?);
    Ok(attempt.state == AttemptState::Done && is_mentors)
}

/// A refund that an operator ends.
#[derive(Clone, Debug)]
pub struct EndingIntent {
    pub payment_key: String,
    pub attempt_id: AttemptId,
    pub refund: Refund,
    pub ending: Ending,
    /// The provider's cancels of this payment that belong to our other refunds.
    pub taken: Vec<String>,
}

/// What there is to compare with the provider. `None`: it is over.
pub async fn prepare_ending(tx: &mut Tx, id: RefundId) -> Result<Option<EndingIntent>, Error> {
    let (_, refund) = lock(tx, id).await?;
    let Some(ending) = refund.ending.filter(|_| refund.state.is_open()) else { return Ok(None) };
    let attempt = payments::attempt(tx.conn(), refund.attempt_id).await?.ok_or(Error::NotFound)?;
    let payment_key = attempt.payment_key.ok_or(Error::NotFound)?;
    let ours = query::refunds_of(tx.conn(), refund.reservation_id).await?;
    let taken = ours
        .into_iter()
        .filter(|f| f.attempt_id == refund.attempt_id)
        .filter_map(|f| f.transaction_key)
        .collect();
    Ok(Some(EndingIntent { payment_key, attempt_id: attempt.id, refund, ending, taken }))
}

/// Ends the refund. `found`: the provider's cancel that is this refund after all. Without one, money that was given
/// back by hand is posted from the platform's own bank account, since the provider still has what it did not give
/// back; what is abandoned is the mentor's, or the platform's where that had paid for it.
pub async fn conclude_ending(tx: &mut Tx, id: RefundId, found: Option<&str>) -> Result<(), Error> {
    let (payment, was) = lock(tx, id).await?;
    let Some(ending) = was.ending.filter(|_| was.state.is_open()) else { return Ok(()) };
    if let Some(transaction_key) = found {
        return apply_refund(tx, id, Some(transaction_key)).await;
    }
    let why = was.evidence.clone();
    match ending {
        Ending::ByHand => {
            let refund = step(tx, &was, RefundState::ByHand, why.as_deref(), |_| {}).await?;
            let key = format!("refund:{id}");
            ledger::post_refund_by_hand(tx, refund.reservation_id, key, refund.amount_krw).await?;
            settle_payment(tx, &payment, &refund).await
        }
        Ending::Abandoned => {
            if !may_be_kept(tx, &was).await? {
                return back_to_review(tx, &was, "refund.owed").await;
            }
            let refund = step(tx, &was, RefundState::Abandoned, why.as_deref(), |_| {}).await?;
            undo_goodwill(tx, &refund, refund.amount_krw).await?;
            accrue_the_rest(tx, &refund).await
        }
    }
}

/// The platform takes back what it had added for a refund that is not made.
async fn undo_goodwill(tx: &mut Tx, refund: &Refund, amount: Krw) -> Result<(), Error> {
    if refund.bearer == Some(Bearer::Platform) {
        let key = format!("goodwill-undone:{}:{}", refund.id, refund.changes);
        take_goodwill_back(tx, refund.reservation_id, amount, key).await?;
    }
    Ok(())
}

/// Nothing is given back by this refund any more, because the provider has nothing left to give back. The caller holds
/// its lock.
pub(in crate::payment) async fn abandon(tx: &mut Tx, was: &Refund, why: &str) -> Result<(), Error> {
    let code = code_of(why);
    let refund =
        step(tx, was, RefundState::Abandoned, Some(&code), |f| f.error_code = Some(code.clone())).await?;
    undo_goodwill(tx, &refund, refund.amount_krw).await
}

/// Gives back less, because the provider gave back the rest without us; asked for with a new key. The caller holds its
/// lock.
pub(in crate::payment) async fn shrink(tx: &mut Tx, was: &Refund, amount: Krw) -> Result<(), Error> {
    let refund = step(tx, was, was.state, Some("given back elsewhere"), |f| {
        f.amount_krw = amount;
        f.idempotency_key = secret();
    })
    .await?;
    undo_goodwill(tx, &refund, was.amount_krw.minus(amount)).await
}

/// The provider could not be asked whether it made the refund: an operator decides again.
pub async fn reopen_refund(tx: &mut Tx, id: RefundId, why: &str) -> Result<(), Error> {
    let (_, was) = lock(tx, id).await?;
    if was.ending.is_none() || !was.state.is_open() {
        return Ok(());
    }
    back_to_review(tx, &was, why).await
}

async fn back_to_review(tx: &mut Tx, was: &Refund, why: &str) -> Result<(), Error> {
    let code = code_of(why);
    step(tx, was, was.state, Some(&code), |f| {
        f.error_code = Some(code.clone());
        f.ending = None;
        f.evidence = None;
    })
    .await?;
    Ok(())
}

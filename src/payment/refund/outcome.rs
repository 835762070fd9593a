//! What came of a refund at the provider.

use super::model::{Refund, RefundState};
use super::{ask_for_account, code_of, lock, query, step, tell};
use crate::db::Tx;
use crate::id::{AttemptId, RefundId, secret};
use crate::job::AccrueSettlement;
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::payment::model::{AttemptState, Payment, PaymentState};
use crate::payment::{Error, query as payments};
use crate::reservation;

/// What the provider is asked.
#[derive(Clone, Debug)]
pub struct RefundAsk {
    pub payment_key: String,
    pub attempt_id: AttemptId,
    pub refund: Refund,
    /// Won that the provider still has of this payment, as far as we know: it refuses when it is not so.
    pub refundable: Krw,
}

/// What a job may do about a refund now.
#[derive(Clone, Debug)]
pub enum RefundIntent {
    /// Ask the provider to cancel that much.
    Cancel(Box<RefundAsk>),
    /// It was asked before: look for the cancel that carries this refund's id.
    LookUp(Box<RefundAsk>),
    Over,
}

/// Writes the intent before the provider is asked.
pub async fn prepare_refund(tx: &mut Tx, id: RefundId) -> Result<RefundIntent, Error> {
    let (_, refund) = lock(tx, id).await?;
    let attempt = payments::attempt(tx.conn(), refund.attempt_id).await?.ok_or(Error::NotFound)?;
    let payment_key = attempt.payment_key.ok_or(Error::NotFound)?;
    let (through_provider, _) = query::given_sums(tx, attempt.id).await?;
    let refundable = attempt.captured_krw.unwrap_or(Krw::ZERO).minus(through_provider);
    let first = refund.state == RefundState::Queued;
    let state = match refund.state {
        RefundState::Queued => RefundState::Sent,
        asked @ (RefundState::Sent | RefundState::Unknown) => asked,
        _ => return Ok(RefundIntent::Over),
    };
    let now = tx.now;
    let refund = step(tx, &refund, state, None, |f| f.sent_at = f.sent_at.or(Some(now))).await?;
    let ask = Box::new(RefundAsk { payment_key, attempt_id: attempt.id, refund, refundable });
    Ok(if first { RefundIntent::Cancel(ask) } else { RefundIntent::LookUp(ask) })
}

/// The provider gave the money back: posted once, told to the payer.
pub async fn apply_refund(tx: &mut Tx, id: RefundId, transaction_key: Option<&str>) -> Result<(), Error> {
    let (payment, refund) = lock(tx, id).await?;
    if refund.state.is_paid() {
        return Ok(());
    }
    let refund = step(tx, &refund, RefundState::Done, None, |f| {
        f.transaction_key = transaction_key.map(str::to_owned);
        f.error_code = None;
        f.ending = None;
    })
    .await?;
    ledger::post_refund(tx, refund.reservation_id, format!("refund:{id}"), refund.amount_krw).await?;
    settle_payment(tx, &payment, &refund).await
}

/// The payment's state after a refund that is paid, what the rest of the money is for now, and the news to the payer.
pub(super) async fn settle_payment(tx: &mut Tx, payment: &Payment, refund: &Refund) -> Result<(), Error> {
    let attempt = payments::attempt(tx.conn(), refund.attempt_id).await?.ok_or(Error::NotFound)?;
    if attempt.state == AttemptState::Done {
        let (_, given) = query::given_sums(tx, attempt.id).await?;
        let all = given == attempt.captured_krw.unwrap_or(payment.amount_krw);
        let state = if all { PaymentState::Canceled } else { PaymentState::PartialCanceled };
        payments::set_payment_state(tx, payment, state).await?;
        // Also where all was given back: a part of it may have been the platform's to pay.
        accrue_the_rest(tx, refund).await?;
    }
    tell(tx, payment, refund, "payment.refunded", format!("refund:{}", refund.id)).await
}

/// What is held for a reservation that is over and not given back is its mentor's.
pub(super) async fn accrue_the_rest(tx: &mut Tx, refund: &Refund) -> Result<(), Error> {
    let id = refund.reservation_id;
    let is_earned = reservation::find(tx.conn(), id).await?.is_some_and(|r| r.is_earned());
    if is_earned || query::is_awarded(tx, id).await? {
        outbox::enqueue(tx, &AccrueSettlement { reservation_id: id }).await?;
    }
    Ok(())
}

/// No answer, or one that does not decide: asked for again, after a look at the provider's cancels. For `fresh_key`
/// see [`mark_unknown`](crate::payment::mark_unknown).
pub async fn refund_unknown(tx: &mut Tx, id: RefundId, why: &str, fresh_key: bool) -> Result<(), Error> {
    let (_, refund) = lock(tx, id).await?;
    if !matches!(refund.state, RefundState::Sent | RefundState::Unknown) {
        return Ok(());
    }
    let code = code_of(why);
    step(tx, &refund, RefundState::Unknown, Some(&code), |f| {
        f.error_code = Some(code.clone());
        if fresh_key {
            f.idempotency_key = secret();
        }
    })
    .await?;
    Ok(())
}

/// The provider refuses for good, or was asked for too long: a person decides. The ledger still holds the money.
pub async fn park_refund(tx: &mut Tx, id: RefundId, code: &str) -> Result<(), Error> {
    let (_, refund) = lock(tx, id).await?;
    if !matches!(refund.state, RefundState::Sent | RefundState::Unknown) {
        return Ok(());
    }
    metrics::counter!("konnect_refunds_manual_review_total").increment(1);
    tracing::error!(refund_id = %id, code, "a refund waits for a person");
    let code = code_of(code);
    step(tx, &refund, RefundState::ManualReview, Some(&code), |f| f.error_code = Some(code.clone())).await?;
    Ok(())
}

/// The provider needs a bank account of the payer, or another one than it was given: the payer is asked.
pub async fn refund_needs_account(tx: &mut Tx, id: RefundId, code: &str) -> Result<(), Error> {
    let (payment, refund) = lock(tx, id).await?;
    if !matches!(refund.state, RefundState::Sent | RefundState::Unknown) {
        return Ok(());
    }
    let code = code_of(code);
    let refund = step(tx, &refund, RefundState::NeedsAccount, Some(&code), |f| {
        f.error_code = Some(code.clone());
        f.account_sealed = None;
        f.idempotency_key = secret();
    })
    .await?;
    ask_for_account(tx, &payment, &refund).await
}

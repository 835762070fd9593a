//! PAYMENT_STATUS_CHANGED and CANCEL_STATUS_CHANGED: hints, which anybody could send. The payment is read again.

use anyhow::Result;
use konnect::client::toss::{self, Status};
use konnect::id::AttemptId;
use konnect::payment::{self, Attempt, AttemptState, Look, Webhook};
use konnect::transact;
use serde_json::Value;

use super::{Finding, Follow, Looked};
use crate::sync_payment::done_cancels;
use crate::{Run, verdict};

/// What a webhook says of a payment. Used to find the payment, and to tell a forger from news.
#[derive(Debug, Default)]
pub struct Hint {
    /// An order id of ours is a UUID.
    pub order: Option<AttemptId>,
    /// Whether any order is named. A cancellation of foreign easy pay names none: the refund looks it up by itself.
    pub names_order: bool,
    pub payment_key: Option<String>,
    pub status: Option<String>,
    /// Won.
    pub amount: Option<i64>,
}

impl Hint {
    /// From `data` of the body.
    pub fn of_data(body: &Value) -> Self {
        let text = |field: &str| Some(body.pointer("/data")?.get(field)?.as_str()?.to_owned());
        Self {
            order: text("orderId").and_then(|id| id.parse().ok()),
            names_order: text("orderId").is_some(),
            payment_key: text("paymentKey"),
            status: text("status"),
            amount: body.pointer("/data/totalAmount").and_then(Value::as_i64),
        }
    }
}

pub async fn look_into(run: &Run, hook: &Webhook, hint: &Hint) -> Result<Finding> {
    // What is no order's id of ours can never be about one.
    let Some(id) = hint.order else {
        return Ok(Finding::over(if hint.names_order { "foreign_order" } else { "no_order" }));
    };
    match payment::find_attempt(run.services.core.db.pool(), id).await? {
        Some(attempt) => compare(run, hook, hint, &attempt).await,
        // Perhaps not written yet, perhaps of another system with the same merchant: a day long, and then a person looks
        // at it (S36). It waits behind no job of money, and none waits behind it.
        None => {
            let why = "the webhook names an order that nobody here knows".to_owned();
            Ok(Finding::Later { outcome: "unknown_order", why, look: None })
        }
    }
}

/// Reads the payment and says what is new in it. A job then writes it down; it reads the payment once more, because
/// what this one read may be old when its turn comes.
pub async fn compare(run: &Run, hook: &Webhook, hint: &Hint, attempt: &Attempt) -> Result<Finding> {
    let by = run.lease.delivery.job_id;
    let look = transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payment::begin_look(tx, attempt.id, by, hook.received_at).await?)
    })?;
    let look = match look {
        Look::Yours(began) => Looked { attempt: attempt.id, began },
        Look::Covered => return Ok(Finding::over("covered")),
        Look::Busy(again_at) => return Ok(Finding::Busy(again_at)),
    };
    let toss = &run.services.toss;
    let order = attempt.id.to_string();
    let found = match &attempt.payment_key {
        Some(key) => toss.payment(key).await,
        None => toss.payment_by_order(&order).await,
    };
    let found = match found {
        Ok(found) => found.filter(|found| found.order_id == order),
        Err(error) => {
            let why = format!("the payment could not be read: {error}");
            return Ok(Finding::Later { outcome: "unread", why, look: Some(look) });
        }
    };
    let is_true = found.as_ref().is_some_and(|found| agrees(hint, found));
    if !is_true {
        tracing::warn!(order, ?hint, "a webhook says what the provider does not");
    }
    let follow = news(run, attempt, found.as_ref()).await?;
    let outcome = match (is_true, &follow) {
        (false, _) => "disagrees",
        (true, None) => "known",
        (true, Some(Follow::Sync(_))) => "synced",
        (true, Some(_)) => "requeried",
    };
    Ok(Finding::Over { outcome, follow, look: Some(look) })
}

/// Whether the provider's payment is the one that was hinted at, and ever got as far. A payment that went on since is
/// none of a forger's.
fn agrees(hint: &Hint, found: &toss::Payment) -> bool {
    let fits = |hinted: Option<&str>, is: &str| hinted.is_none_or(|hinted| hinted == is);
    let claims_money = matches!(
        hint.status.as_deref(),
        Some("DONE" | "WAITING_FOR_DEPOSIT" | "CANCELED" | "PARTIAL_CANCELED")
    );
    let got_nowhere =
        matches!(found.status, Status::Ready | Status::InProgress | Status::Aborted | Status::Expired);
    fits(hint.payment_key.as_deref(), &found.payment_key)
        && hint.amount.is_none_or(|amount| amount == found.total_amount.0)
        && !(claims_money && got_nowhere)
}

/// The job that writes down what our rows do not know yet.
async fn news(run: &Run, attempt: &Attempt, found: Option<&toss::Payment>) -> Result<Option<Follow>> {
    let id = attempt.id;
    let Some(found) = found else {
        return Ok(attempt.state.is_open().then_some(Follow::Requery(id)));
    };
    let is_foreign = verdict::foreign(found, run.services.merchant.as_deref()).is_some();
    let has_money =
        matches!(found.status, Status::Done | Status::PartialCanceled | Status::WaitingForDeposit);
    let news = match attempt.state {
        AttemptState::Done | AttemptState::Surplus => {
            let refunds = payment::refunds_of_attempt(run.services.core.db.pool(), id).await?;
            let is_known = |key: &str| refunds.iter().any(|f| f.transaction_key.as_deref() == Some(key));
            let as_captured =
                matches!(found.status, Status::Done | Status::Canceled | Status::PartialCanceled);
            let all_known = done_cancels(found).iter().all(|c| is_known(&c.transaction_key));
            let is_new = is_foreign || !as_captured || !all_known;
            return Ok(is_new.then_some(Follow::Sync(id)));
        }
        AttemptState::Confirming | AttemptState::Unknown => true,
        AttemptState::Ready => !matches!(found.status, Status::Ready | Status::InProgress),
        AttemptState::WaitingForDeposit => found.status != Status::WaitingForDeposit,
        AttemptState::Failed => has_money,
    };
    Ok(news.then_some(Follow::Requery(id)))
}

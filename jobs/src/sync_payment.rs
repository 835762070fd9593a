//! Compares a captured payment with what the provider says of it now, and adopts what happened there without us
//! (S28, S38).

use anyhow::Result;
use konnect::client::toss::{self, CancelStatus, Status};
use konnect::id::AttemptId;
use konnect::job::SyncPayment;
use konnect::payment::{self, Adoption, Attempt, FoundCancel};
use konnect::settlement::{self, Bearer};
use konnect::transact;

use crate::provider::REVERSED;
use crate::{Handler, Outcome, Run, verdict};

impl Handler for SyncPayment {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let id = self.attempt_id;
        let attempt = transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payment::prepare_sync(tx, id).await?)
        })?;
        let Some((attempt, payment_key)) = attempt.and_then(|a| a.payment_key.clone().map(|key| (a, key)))
        else {
            return run.skip("nothing is captured by this attempt").await;
        };
        let found = match run.services.toss.payment(&payment_key).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Outcome::Retry("the provider does not know the payment".to_owned())),
            Err(error) => return Ok(Outcome::Retry(error.to_string())),
        };
        if let Some(field) = differs(&found, &attempt, run.services.merchant.as_deref()) {
            metrics::counter!("konnect_payment_mismatch_total", "field" => field).increment(1);
            tracing::error!(attempt_id = %id, field, "a captured payment is not what was captured");
            // Read it was: who looks for captures that were not read in a while need not write this job again at once.
            transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(payment::mark_attempt_read(tx, id).await?)
            })?;
            return Ok(Outcome::Dead(format!(
                "the provider's {field} is not what was captured: look at both"
            )));
        }
        match found.status {
            Status::WaitingForDeposit if found.cancels.is_empty() => reverse(run, id, &found).await,
            Status::Done | Status::Canceled | Status::PartialCanceled => adopt(run, id, &found).await,
            other => Ok(Outcome::Retry(format!("status {} of a captured payment", other.as_str()))),
        }
    }
}

/// The first field in which the payment is not the one that was captured.
fn differs(found: &toss::Payment, attempt: &Attempt, merchant: Option<&str>) -> Option<&'static str> {
    if found.order_id != attempt.id.to_string() {
        Some("orderId")
    } else if attempt.captured_krw.is_some_and(|captured| captured != found.total_amount) {
        Some("totalAmount")
    } else {
        verdict::foreign(found, merchant)
    }
}

/// The bank took the deposit back. What was split is taken back first; what a session earned that has begun stays
/// frozen until the deposit is there again or an operator decides.
async fn reverse(run: &Run, id: AttemptId, found: &toss::Payment) -> Result<Outcome> {
    let core = &run.services.core;
    let due_at = found.virtual_account.as_ref().and_then(|account| account.due_date);
    transact!(core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        if let Some(reversal) = payment::plan_reversal(tx, id).await? {
            let reservation = reversal.reservation_id;
            settlement::take_back(tx, reservation, reversal.amount, Bearer::Shared, &reversal.key).await?;
            if reversal.has_begun {
                settlement::freeze(tx, reservation, REVERSED).await?;
                metrics::counter!("konnect_captures_reversed_late_total").increment(1);
            }
            payment::apply_reversal(tx, &core.rules, &reversal, due_at).await?;
        }
        Ok(Outcome::Done(finished))
    })
}

async fn adopt(run: &Run, id: AttemptId, found: &toss::Payment) -> Result<Outcome> {
    let cancels = done_cancels(found);
    transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
        let finished = run.finish(tx).await?;
        let (reservation, plan) = payment::plan_adoption(tx, id, &cancels).await?;
        for adoption in &plan {
            match adoption {
                Adoption::Ours { refund, transaction_key } => {
                    payment::apply_refund(tx, *refund, Some(transaction_key)).await?;
                }
                Adoption::Foreign { amount, transaction_key } => {
                    settlement::take_back(tx, reservation, *amount, Bearer::Shared, transaction_key).await?;
                    payment::adopt_cancel(tx, id, *amount, transaction_key).await?;
                }
            }
        }
        payment::conclude_adoption(tx, id).await?;
        Ok(Outcome::Done(finished))
    })
}

/// The cancels that are done. Ours begin their reason with `refund` and the refund's id.
pub fn done_cancels(found: &toss::Payment) -> Vec<FoundCancel> {
    let done = found.cancels.iter().filter(|c| c.cancel_status == CancelStatus::Done);
    done.map(|cancel| FoundCancel {
        transaction_key: cancel.transaction_key.clone(),
        amount: cancel.cancel_amount,
        refund: cancel
            .cancel_reason
            .as_deref()
            .and_then(|reason| reason.strip_prefix("refund ")?.split_whitespace().next()?.parse().ok()),
    })
    .collect()
}

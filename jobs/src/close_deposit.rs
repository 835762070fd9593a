//! Closes the account of a deposit that nobody waits for any more, unless the deposit came after all.

use anyhow::Result;
use konnect::client::toss::{CancelRequest, Class, Status};
use konnect::job::CloseDeposit;
use konnect::payment::{self, Asked, Closing};
use konnect::transact;

use crate::verdict::{self, Verdict};
use crate::{Handler, Outcome, Run, provider};

impl Handler for CloseDeposit {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let id = self.attempt_id;
        let closing = transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payment::prepare_close(tx, id).await?)
        })?;
        let payment_key = match closing {
            Closing::Over => return run.skip("the account does not wait any more").await,
            Closing::Later(at) => return Ok(Outcome::Snooze(at)),
            Closing::Close { payment_key } => payment_key,
        };
        let merchant = run.services.merchant.as_deref();
        let verdict = match run.services.toss.payment(&payment_key).await {
            Ok(Some(found)) if found.status == Status::WaitingForDeposit => {
                cancel(run, &self, &payment_key).await
            }
            Ok(Some(found)) => verdict::judge(&found, id, merchant),
            Ok(None) => verdict::not_found(Some(&payment_key), Asked::LongAgo),
            Err(error) => verdict::unread(&error),
        };
        provider::conclude(run, id, verdict).await
    }
}

/// Cancels an account that is not paid. One that was paid meanwhile is refused, because such a cancel names the
/// account to pay back to; the next run finds the deposit.
async fn cancel(run: &Run, job: &CloseDeposit, payment_key: &str) -> Verdict {
    let request = CancelRequest {
        reason: format!("deposit {} not awaited any more", job.attempt_id),
        amount: None,
        refundable_amount: None,
        refund_receive_account: None,
    };
    // A key for each run: each looks first, and an account is closed once at the most.
    let key = format!("close-{}-{}", run.lease.delivery.job_id, run.attempt);
    match run.services.toss.cancel(payment_key, request, &key).await {
        Ok(found) => match found.status {
            Status::WaitingForDeposit => Verdict::Unknown {
                why: "the account still waits".to_owned(),
                class: Class::LookUp,
                fresh_key: false,
            },
            _ => verdict::judge(&found, job.attempt_id, run.services.merchant.as_deref()),
        },
        Err(error) => {
            if error.class() == Class::Stop {
                metrics::counter!("konnect_provider_stops_total", "call" => "cancel", "code" => "-")
                    .increment(1);
                tracing::error!(%error, "the provider refuses to close an account");
            }
            verdict::unread(&error)
        }
    }
}

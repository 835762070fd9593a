//! Gives money back through the provider, once: the cancel carries the refund's id in its reason, so that a lost
//! answer can be looked up (S24).

use anyhow::Result;
use konnect::client::toss::{self, CancelRequest, Class, TossError};
use konnect::job::RefundPayment;
use konnect::payment::{self, Refund, RefundIntent};
use konnect::transact;

use crate::{Handler, Outcome, Run};

enum Verdict {
    Refunded {
        transaction_key: Option<String>,
    },
    /// The provider refuses for good.
    Refused(String),
    Unknown {
        why: String,
        fresh_key: bool,
    },
}

impl Handler for RefundPayment {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let intent = transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payment::prepare_refund(tx, self.refund_id).await?)
        })?;
        let verdict = match intent {
            RefundIntent::Over => return run.skip("the refund is decided").await,
            RefundIntent::Cancel { payment_key, refund } => cancel(run, &payment_key, &refund).await,
            RefundIntent::LookUp { payment_key, refund } => {
                match run.services.toss.payment(&payment_key).await {
                    Ok(Some(found)) => match carried_out(&found, &refund) {
                        Some(done) => done,
                        None => cancel(run, &payment_key, &refund).await,
                    },
                    Ok(None) => Verdict::Unknown {
                        why: "the provider does not know the payment".to_owned(),
                        fresh_key: false,
                    },
                    Err(error) => Verdict::Unknown { why: error.to_string(), fresh_key: false },
                }
            }
        };
        conclude(run, &self, verdict).await
    }
}

fn mark(refund: &Refund) -> String {
    format!("refund {}", refund.id)
}

async fn cancel(run: &Run, payment_key: &str, refund: &Refund) -> Verdict {
    let request = CancelRequest {
        reason: format!("{} ({})", mark(refund), refund.cause),
        amount: Some(refund.amount_krw),
        refundable_amount: None,
        refund_receive_account: None,
    };
    match run.services.toss.cancel(payment_key, request, &refund.idempotency_key).await {
        Ok(found) => carried_out(&found, refund).unwrap_or(Verdict::Unknown {
            why: "the provider's answer does not show the cancel".to_owned(),
            fresh_key: false,
        }),
        Err(TossError::Refused { code, class: Class::Contact | Class::Stop, .. }) => Verdict::Refused(code),
        Err(error) => {
            let why = error.code().map_or_else(|| error.to_string(), str::to_owned);
            Verdict::Unknown { why, fresh_key: !error.keeps_key() }
        }
    }
}

/// The cancel that carries this refund's id, when the provider has it.
fn carried_out(found: &toss::Payment, refund: &Refund) -> Option<Verdict> {
    let cancel = found.cancels.iter().find(|c| {
        c.cancel_amount == refund.amount_krw
            && c.cancel_reason.as_deref().is_some_and(|r| r.starts_with(&mark(refund)))
    })?;
    Some(Verdict::Refunded { transaction_key: Some(cancel.transaction_key.clone()) })
}

async fn conclude(run: &Run, job: &RefundPayment, verdict: Verdict) -> Result<Outcome> {
    let db = &run.services.core.db;
    match verdict {
        Verdict::Refunded { transaction_key } => transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::apply_refund(tx, job.refund_id, transaction_key.as_deref()).await?;
            Ok(Outcome::Done(finished))
        }),
        Verdict::Refused(code) => transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payment::park_refund(tx, job.refund_id, &code).await?;
            Ok(Outcome::Done(finished))
        }),
        Verdict::Unknown { why, fresh_key } => {
            transact!(db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(payment::refund_unknown(tx, job.refund_id, &why, fresh_key).await?)
            })?;
            Ok(Outcome::Retry(why))
        }
    }
}

//! Looks into a stored webhook and writes what became of it.

use anyhow::Result;
use konnect::job::{RequeryPayment, SyncPayment, SyncWebhook};
use konnect::outbox;
use konnect::payment;
use konnect::transact;

use crate::webhook::{self, Finding, Follow};
use crate::{Handler, Outcome, Run};

impl Handler for SyncWebhook {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let Some(hook) = payment::webhook(db.pool(), &self.transmission_id).await? else {
            return run.skip("the inbox holds no such webhook").await;
        };
        let (event, finding) = webhook::look_into(run, &hook).await?;
        match finding {
            Finding::Over { outcome, follow } => {
                let done = transact!(db, run.context(), anyhow::Error, tx => {
                    let finished = run.finish(tx).await?;
                    payment::close_webhook(tx, &self.transmission_id, event, outcome).await?;
                    match &follow {
                        Some(Follow::Requery(attempt_id)) => {
                            let job = RequeryPayment { attempt_id: *attempt_id };
                            outbox::enqueue_or_hasten(tx, &job).await?;
                        }
                        Some(Follow::Sync(attempt_id)) => {
                            outbox::enqueue_or_hasten(tx, &SyncPayment { attempt_id: *attempt_id }).await?;
                        }
                        Some(Follow::Verified(signed)) => webhook::payouts::follow(tx, signed).await?,
                        None => {}
                    }
                    Ok(Outcome::Done(finished))
                })?;
                count(event, outcome);
                Ok(done)
            }
            Finding::Later { outcome, why } => {
                transact!(db, run.context(), anyhow::Error, tx => {
                    run.hold(tx).await?;
                    Ok(payment::note_webhook(tx, &self.transmission_id, event, outcome).await?)
                })?;
                if hook.outcome.as_deref() != Some(outcome) {
                    count(event, outcome);
                }
                Ok(Outcome::Retry(why))
            }
        }
    }
}

fn count(event: &'static str, outcome: &'static str) {
    metrics::counter!("konnect_webhooks_total", "event" => event, "outcome" => outcome).increment(1);
}

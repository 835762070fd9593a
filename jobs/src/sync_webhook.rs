//! Looks into a stored webhook and writes what became of it.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::{RequeryPayment, SyncPayment, SyncWebhook};
use konnect::outbox;
use konnect::payment;
use konnect::transact;

use crate::handler::{Pinned, or_snooze};
use crate::webhook::{self, Finding, Follow};
use crate::{Handler, Outcome, Run};

/// The job that would write the news down runs already, and may have read before them: looked at again so much later.
const TWIN: TimeDelta = TimeDelta::seconds(2);

impl Handler for SyncWebhook {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let Some(hook) = payment::webhook(db.pool(), &self.transmission_id).await? else {
            return run.skip("the inbox holds no such webhook").await;
        };
        let (event, finding) = webhook::look_into(run, &hook).await?;
        match finding {
            Finding::Over { outcome, follow, look } => {
                let done = transact!(db, run.context(), anyhow::Error, tx => {
                    let finished = run.finish(tx).await?;
                    payment::close_webhook(tx, &self.transmission_id, event, outcome).await?;
                    let is_told = match &follow {
                        Some(Follow::Requery(attempt_id)) => {
                            let job = RequeryPayment { attempt_id: *attempt_id };
                            outbox::enqueue_for_news(tx, &job).await?
                        }
                        Some(Follow::Sync(attempt_id)) => {
                            outbox::enqueue_for_news(tx, &SyncPayment { attempt_id: *attempt_id }).await?
                        }
                        Some(Follow::Verified(signed)) => webhook::payouts::follow(tx, signed).await?,
                        None => true,
                    };
                    if !is_told {
                        return Err(Pinned(tx.now + TWIN).into());
                    }
                    // Last: whoever is waited for above may want the attempt.
                    if let Some(look) = look {
                        payment::end_look(tx, look.attempt, Some(look.began)).await?;
                    }
                    Ok(Outcome::Done(finished))
                });
                let done = or_snooze(done)?;
                match (&done, look) {
                    (Outcome::Snooze(_), None) => {}
                    (Outcome::Snooze(_), Some(look)) => {
                        transact!(db, run.context(), anyhow::Error, tx => {
                            run.hold(tx).await?;
                            Ok(payment::end_look(tx, look.attempt, None).await?)
                        })?;
                    }
                    _ => count(event, outcome),
                }
                Ok(done)
            }
            Finding::Busy(again_at) => Ok(Outcome::Snooze(again_at)),
            Finding::Later { outcome, why, look } => {
                transact!(db, run.context(), anyhow::Error, tx => {
                    run.hold(tx).await?;
                    payment::note_webhook(tx, &self.transmission_id, event, outcome).await?;
                    if let Some(look) = look {
                        payment::end_look(tx, look.attempt, None).await?;
                    }
                    Ok(())
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

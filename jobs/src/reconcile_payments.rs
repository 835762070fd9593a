//! Finds what the event jobs of payments missed: attempts without an outcome, deposits that are awaited or that nobody
//! wants any more, webhooks that nobody looked into, refunds that stand still, captures that were not read again in a
//! while, and captures that buy nothing and that no refund stands for.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::{CloseDeposit, ReconcilePayments, SyncPayment, SyncWebhook};
use konnect::outbox;
use konnect::payment;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// Longer than a confirmation with all its quick retries takes when the provider answers.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);

impl Handler for ReconcilePayments {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let since = db.now() - PATIENCE;
        let attempts = payment::open_attempts(db.pool(), since).await?;
        let refunds = payment::stuck_refunds(db.pool(), since).await?;
        let waiting = payment::waiting_attempts(db).await?;
        let unwanted = payment::unwanted_deposits(db).await?;
        let unread = payment::unread_captures(db).await?;
        let webhooks = payment::forgotten_webhooks(db).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            for id in attempts.iter().chain(&waiting) {
                payment::requery(tx, *id).await?;
            }
            for id in &unwanted {
                outbox::enqueue_or_hasten(tx, &CloseDeposit { attempt_id: *id }).await?;
            }
            for id in &unread {
                outbox::enqueue(tx, &SyncPayment { attempt_id: *id }).await?;
            }
            for id in &webhooks {
                outbox::enqueue(tx, &SyncWebhook { transmission_id: id.clone() }).await?;
            }
            for id in &refunds {
                payment::retry_refund(tx, *id).await?;
            }
            Ok(())
        })?;
        // Last and by itself: it reads more than the others, which do not wait for it.
        let orphans = payment::orphans(db).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for id in &orphans {
                payment::refund_orphan(tx, *id).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

//! Finds what the event jobs of payments missed: attempts without an outcome, refunds that stand still, and
//! captures of dead reservations that no refund stands for.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::ReconcilePayments;
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
        let orphans = payment::orphans(db.pool()).await?;
        metrics::gauge!("konnect_payments_open").set(attempts.len() as f64);
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for id in &attempts {
                payment::requery(tx, *id).await?;
            }
            for id in &refunds {
                payment::retry_refund(tx, *id).await?;
            }
            for id in &orphans {
                payment::refund_orphan(tx, *id).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

//! Writes the jobs that events and deliveries of webhooks lack.

use anyhow::Result;
use konnect::job::ReconcileWebhooks;
use konnect::partner;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileWebhooks {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let overdue = partner::overdue(db, 200).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            partner::reconcile(tx, &overdue).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

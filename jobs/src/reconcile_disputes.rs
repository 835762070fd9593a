//! Writes the deadline jobs that open disputes lack.

use anyhow::Result;
use konnect::dispute;
use konnect::job::ReconcileDisputes;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileDisputes {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let overdue = dispute::overdue(db, 200).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for id in &overdue {
                dispute::reconcile(tx, *id).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

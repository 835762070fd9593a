//! Accrues and releases what no event asked for.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::{AccrueSettlement, Job, ReconcileSettlement, ReleaseSettlement};
use konnect::outbox;
use konnect::settlement;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileSettlement {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let late = db.now() - TimeDelta::minutes(1);
        let unaccrued = settlement::unaccrued(db.pool(), late, 200).await?;
        let unreleased = settlement::unreleased(db.pool(), late, ReleaseSettlement::KIND, 200).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for reservation_id in &unaccrued {
                outbox::enqueue(tx, &AccrueSettlement { reservation_id: *reservation_id }).await?;
            }
            for reservation_id in &unreleased {
                outbox::enqueue(tx, &ReleaseSettlement { reservation_id: *reservation_id }).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

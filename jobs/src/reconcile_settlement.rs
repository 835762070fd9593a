//! Accrues and releases what no event asked for.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::{AccrueSettlement, Job, ReconcileSettlement, ReleaseSettlement};
use konnect::outbox;
use konnect::settlement;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// What nothing happened to for so long is left to the audit of every day: the look costs the same however much history
/// there is.
const NEWS: TimeDelta = TimeDelta::days(7);

impl Handler for ReconcileSettlement {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let now = db.now();
        let late = now - TimeDelta::minutes(1);
        // By themselves and first: whatever holds up the other look, nobody is paid late by it.
        let unreleased = settlement::unreleased(db.pool(), late, ReleaseSettlement::KIND, 200).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            for reservation_id in &unreleased {
                outbox::enqueue(tx, &ReleaseSettlement { reservation_id: *reservation_id }).await?;
            }
            Ok(())
        })?;
        let unaccrued = settlement::unaccrued(db.pool(), now - NEWS, late, 200).await?;
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for reservation_id in &unaccrued {
                outbox::enqueue(tx, &AccrueSettlement { reservation_id: *reservation_id }).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

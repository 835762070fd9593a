//! Checks the invariants on live data, and accrues and releases what no event asked for.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::{AccrueSettlement, AuditLedger, Job, ReleaseSettlement};
use konnect::outbox;
use konnect::settlement;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for AuditLedger {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let now = core.clock.now();
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for violation in settlement::audit(core.db.pool(), now).await? {
            tracing::error!(invariant = violation.invariant, id = %violation.id, "an invariant is broken");
            *counts.entry(violation.invariant).or_default() += 1;
        }
        metrics::gauge!("konnect_invariant_violations").set(counts.values().sum::<u32>());
        let late = now - TimeDelta::minutes(1);
        let unaccrued = settlement::unaccrued(core.db.pool(), late, 200).await?;
        let unreleased = settlement::unreleased(core.db.pool(), late, ReleaseSettlement::KIND, 200).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
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

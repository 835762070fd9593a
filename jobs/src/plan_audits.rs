//! Writes the audits that are due: the whole one of the day, and those of the provider's days.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::audit;
use konnect::job::{AuditProviderDay, AuditWhole, PlanAudits};
use konnect::outbox;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// Everything is looked at again after this.
const WHOLE: TimeDelta = TimeDelta::hours(24);

impl Handler for PlanAudits {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let now = core.clock.now();
        let days = audit::due(core.db.pool(), now).await?;
        let whole = audit::last_full(core.db.pool()).await?.is_none_or(|at| now - at >= WHOLE);
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if whole {
                outbox::enqueue(tx, &AuditWhole {}).await?;
            }
            for day in &days {
                outbox::enqueue(tx, &AuditProviderDay { day: *day }).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

//! Checks everything, once a day.

use anyhow::Result;
use konnect::audit::{self, Pace};
use konnect::job::AuditWhole;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for AuditWhole {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let found = audit::pass(core.db.pool(), core.clock.now(), Pace::Full, |_| ()).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            audit::record(tx, &found).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

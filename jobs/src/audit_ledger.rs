//! Checks what was touched lately, and what was found before.

use anyhow::Result;
use konnect::audit;
use konnect::job::AuditLedger;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for AuditLedger {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let now = core.clock.now();
        let pace = audit::recent(core.db.pool(), now).await?;
        let found = audit::pass(core.db.pool(), now, pace, |_| ()).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            audit::record(tx, &found).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

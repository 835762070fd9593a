//! Closes the stays of whoever is not seen any more, and writes the jobs that sessions lack.

use anyhow::Result;
use konnect::job::ReconcileSessions;
use konnect::session;
use konnect::transact;

use crate::{Handler, Outcome, Run};

const MOST: u32 = 500;

impl Handler for ReconcileSessions {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let lacking = session::lacking(&core.db, &core.rules, MOST).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            let lost = session::close_lost(tx, MOST).await?;
            metrics::counter!("konnect_presences_lost_total").increment(lost);
            session::reconcile(tx, &core.rules, &lacking).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

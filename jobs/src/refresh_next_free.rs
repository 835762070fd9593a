//! Works out when a mentor can be booked next, for the catalogue.

use anyhow::Result;
use konnect::availability;
use konnect::job::RefreshNextFree;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for RefreshNextFree {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if !availability::refresh_free(tx, &self).await? {
                metrics::counter!("konnect_jobs_skipped_total").increment(1);
            }
            Ok(Outcome::Done(finished))
        })
    }
}

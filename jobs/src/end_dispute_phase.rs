//! Hands a dispute to the administrators when its time to answer, or to show evidence, is over.

use anyhow::Result;
use konnect::dispute;
use konnect::job::EndDisputePhase;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for EndDisputePhase {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if !dispute::end_phase(tx, &self).await? {
                metrics::counter!("konnect_jobs_skipped_total").increment(1);
            }
            Ok(Outcome::Done(finished))
        })
    }
}

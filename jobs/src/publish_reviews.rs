//! Publishes what was written about a session when the time to write is over.

use anyhow::Result;
use konnect::job::PublishReviews;
use konnect::review;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for PublishReviews {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            if !review::publish_due(tx, &self).await? {
                metrics::counter!("konnect_jobs_skipped_total").increment(1);
            }
            Ok(Outcome::Done(finished))
        })
    }
}

//! Ends a request that its mentor did not answer in time.

use anyhow::Result;
use konnect::job::ExpireRequest;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for ExpireRequest {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::expire_request(tx, &self).await?, finished)
        }))
    }
}

//! Has everything cancelled that a suspended mentor has ahead.

use anyhow::Result;
use konnect::job::CancelAhead;
use konnect::payment;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for CancelAhead {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            let found = payment::cancel_ahead(tx, &self).await?;
            tracing::info!(mentor = %self.mentor_id, found, "what a suspended mentor has ahead is cancelled");
            Ok(Outcome::Done(finished))
        })
    }
}

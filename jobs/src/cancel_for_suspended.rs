//! Cancels one reservation of a suspended mentor, and gives everything back.

use anyhow::Result;
use konnect::job::CancelForSuspended;
use konnect::payment;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for CancelForSuspended {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(payment::cancel_for_suspended(tx, &self).await?, finished)
        }))
    }
}

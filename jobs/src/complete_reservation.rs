//! Completes a session about which nobody complained in time.

use anyhow::Result;
use konnect::job::CompleteReservation;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for CompleteReservation {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::auto_complete(tx, &self).await?, finished)
        }))
    }
}

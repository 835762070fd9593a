//! Announces a session to both sides, unless it was cancelled, moved or has begun.

use anyhow::Result;
use konnect::job::RemindReservation;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for RemindReservation {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::remind(tx, &self).await?, finished)
        }))
    }
}

//! Begins a session at its time, unless it was cancelled or moved.

use anyhow::Result;
use konnect::job::StartReservation;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for StartReservation {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        or_snooze(transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::start(tx, &core.rules, &self).await?, finished)
        }))
    }
}

//! Tells whoever holds a slot that the time to pay ends soon, unless it is paid or the hold is another one.

use anyhow::Result;
use konnect::job::WarnHold;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for WarnHold {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::warn_hold(tx, &self).await?, finished)
        }))
    }
}

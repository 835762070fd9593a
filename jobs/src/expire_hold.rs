//! Opens a slot again whose hold is over. A hold with a payment in flight is asked again later.

use anyhow::Result;
use konnect::job::ExpireHold;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for ExpireHold {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::expire_hold(tx, &self).await?, finished)
        }))
    }
}

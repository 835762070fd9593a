//! Ends a proposal to move a booking that nobody answered: the cells it claims are free again.

use anyhow::Result;
use konnect::job::ExpireMove;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for ExpireMove {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::expire_move(tx, &self).await?, finished)
        }))
    }
}

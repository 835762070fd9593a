//! Offers what is free of a mentor's to the first who waits for it.

use anyhow::Result;
use konnect::job::OfferFreed;
use konnect::reservation;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for OfferFreed {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        or_snooze(transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(reservation::offer_freed(tx, &core.rules, &self).await?, finished)
        }))
    }
}

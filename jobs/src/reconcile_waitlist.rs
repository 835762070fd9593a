//! Has every mentor looked at for whom somebody waits.

use anyhow::Result;
use konnect::job::{OfferFreed, ReconcileWaitlist};
use konnect::{outbox, reservation, transact};

use crate::{Handler, Outcome, Run};

impl Handler for ReconcileWaitlist {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let waited_for = reservation::waited_for(core.db.pool(), core.clock.now(), 200).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for mentor_id in &waited_for {
                outbox::enqueue(tx, &OfferFreed { mentor_id: *mentor_id }).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

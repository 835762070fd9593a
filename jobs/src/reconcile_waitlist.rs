//! Has every mentor looked at for whom somebody waits.

use anyhow::Result;
use konnect::job::{OfferFreed, ReconcileWaitlist};
use konnect::{outbox, reservation, transact};

use crate::{Handler, Outcome, Run};

/// Mentors of one transaction.
const PAGE: u32 = 200;

impl Handler for ReconcileWaitlist {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let mut after = None;
        loop {
            let page = reservation::waited_for(core.db.pool(), core.clock.now(), after, PAGE).await?;
            after = page.last().copied().or(after);
            let is_last = page.len() < PAGE as usize;
            let done = transact!(core.db, run.context(), anyhow::Error, tx => {
                if !is_last {
                    run.hold(tx).await?;
                }
                for mentor_id in &page {
                    outbox::enqueue(tx, &OfferFreed::of(*mentor_id)).await?;
                }
                Ok(if is_last { Some(run.finish(tx).await?) } else { None })
            })?;
            if let Some(finished) = done {
                return Ok(Outcome::Done(finished));
            }
        }
    }
}

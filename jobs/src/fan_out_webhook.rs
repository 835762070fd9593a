//! Writes the deliveries of one event: one for each endpoint that listens.

use anyhow::Result;
use konnect::job::FanOutWebhook;
use konnect::partner;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for FanOutWebhook {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            partner::fan_out(tx, self.event_id).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

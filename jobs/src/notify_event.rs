//! Tells people what happened: a notice per person and channel, once (S60).

use anyhow::Result;
use konnect::job::NotifyEvent;
use konnect::notification;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for NotifyEvent {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            notification::fan_out(tx, &self).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

//! Decides by the record of the room who did not come.

use anyhow::Result;
use konnect::job::DecideNoShow;
use konnect::session;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for DecideNoShow {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        or_snooze(transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(session::decide_no_show(tx, &core.rules, &self).await?, finished)
        }))
    }
}

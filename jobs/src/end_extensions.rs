//! Ends the extensions of a session that came to nothing.

use anyhow::Result;
use konnect::job::EndExtensions;
use konnect::session;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for EndExtensions {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(session::end_extensions(tx, &self).await?, finished)
        }))
    }
}

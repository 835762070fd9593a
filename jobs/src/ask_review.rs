//! Asks both sides of a session what it was like, unless it did not take place or its money went back.

use anyhow::Result;
use konnect::job::AskReview;
use konnect::session;
use konnect::transact;

use crate::handler::{conclude_deadline, or_snooze};
use crate::{Handler, Outcome, Run};

impl Handler for AskReview {
    async fn run(self, run: &Run) -> Result<Outcome> {
        or_snooze(transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            conclude_deadline(session::ask_review(tx, &self).await?, finished)
        }))
    }
}

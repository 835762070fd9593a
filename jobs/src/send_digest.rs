//! Tells what was gathered in a digest, as one notice (S61).

use anyhow::Result;
use konnect::job::SendDigest;
use konnect::notification;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for SendDigest {
    async fn run(self, run: &Run) -> Result<Outcome> {
        transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            notification::close_digest(tx, self.digest_id).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

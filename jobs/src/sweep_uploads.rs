//! Removes files that were uploaded into chats and never sent, a batch at a time; what is left has another run in an
//! hour.

use anyhow::Result;
use konnect::chat;
use konnect::job::SweepUploads;
use konnect::transact;

use crate::{Handler, Outcome, Run};

const MOST_BATCHES: u32 = 10;

impl Handler for SweepUploads {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        for _ in 0..MOST_BATCHES {
            match chat::sweep_uploads(core).await {
                Ok(0) => break,
                Ok(gone) => metrics::counter!("konnect_uploads_swept_total").increment(gone as u64),
                Err(error) => return Ok(Outcome::Retry(format!("{error}: {}", error.code()))),
            }
            transact!(core.db, run.context(), anyhow::Error, tx => { run.hold(tx).await })?;
        }
        transact!(core.db, run.context(), anyhow::Error, tx => { Ok(Outcome::Done(run.finish(tx).await?)) })
    }
}

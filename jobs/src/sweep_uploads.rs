//! Removes files that were uploaded into chats and never sent, a batch at a time, and what uploads left behind that broke
//! off with their process. Whatever remains has another run in an hour.

use std::time::Duration;

use anyhow::Result;
use konnect::chat;
use konnect::job::SweepUploads;
use konnect::transact;

use crate::{Handler, Outcome, Run};

const MOST_BATCHES: u32 = 10;
/// No upload takes as long; by the clock of the machine, as files know no other.
const LONGEST_UPLOAD: Duration = Duration::from_secs(3600);

impl Handler for SweepUploads {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        if let Err(error) = core.files.clear_spool(LONGEST_UPLOAD).await {
            return Ok(Outcome::Retry(error.to_string()));
        }
        for _ in 0..MOST_BATCHES {
            match chat::sweep_uploads(core).await {
                Ok(swept) if swept.is_nothing() => break,
                Ok(swept) => {
                    metrics::counter!("konnect_uploads_swept_total").increment(swept.removed as u64);
                }
                Err(error) => return Ok(Outcome::Retry(format!("{error}: {}", error.code()))),
            }
            transact!(core.db, run.context(), anyhow::Error, tx => { run.hold(tx).await })?;
        }
        transact!(core.db, run.context(), anyhow::Error, tx => { Ok(Outcome::Done(run.finish(tx).await?)) })
    }
}

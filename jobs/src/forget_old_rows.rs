//! Deletes rows that served their purpose, a batch at a time.

use anyhow::Result;
use konnect::job::ForgetOldRows;
use konnect::retention;
use konnect::transact;

use crate::{Handler, Outcome, Run};

const BATCH: u32 = 1_000;
const MOST_BATCHES: u32 = 50;

impl Handler for ForgetOldRows {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        for _ in 0..MOST_BATCHES {
            let gone = transact!(db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(retention::forget(tx, BATCH).await?)
            })?;
            if gone < u64::from(BATCH) {
                break;
            }
        }
        transact!(db, run.context(), anyhow::Error, tx => { Ok(Outcome::Done(run.finish(tx).await?)) })
    }
}

//! Deletes rows that served their purpose, a batch at a time; what one run leaves, the next one takes a minute later.

use anyhow::Result;
use konnect::job::ForgetOldRows;
use konnect::retention;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// Rows of each rule in one transaction.
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

#[cfg(test)]
mod tests {
    use konnect::job::{Job, RECURRING};

    use super::*;

    /// Finished jobs that a day of docs/SCALING.md leaves.
    const JOBS_A_DAY: u64 = 10_850_000;

    #[test]
    fn it_keeps_up_and_catches_up() {
        let recurring = RECURRING.iter().find(|r| r.kind == ForgetOldRows::KIND).unwrap();
        let runs = 86_400 / recurring.every.as_secs();
        assert!(runs * u64::from(BATCH * MOST_BATCHES) > 2 * JOBS_A_DAY);
    }
}

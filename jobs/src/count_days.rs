//! Counts days that are over, one a transaction.

use anyhow::Result;
use konnect::job::CountDays;
use konnect::office;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// A month and a little, after which the next run goes on.
const MOST: usize = 40;

impl Handler for CountDays {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        for _ in 0..MOST {
            let counted = transact!(db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(office::count_days(tx).await?)
            })?;
            if !counted {
                break;
            }
        }
        transact!(db, run.context(), anyhow::Error, tx => { Ok(Outcome::Done(run.finish(tx).await?)) })
    }
}

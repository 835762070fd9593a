//! Copies new events into the activity log. While MongoDB is away nothing else waits for it (I18), and the log
//! catches up later.

use anyhow::Result;
use konnect::activity;
use konnect::job::RecordActivity;
use konnect::transact;

use crate::{Handler, Outcome, Run};

impl Handler for RecordActivity {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let mut after = activity::begin(core.db.pool()).await?;
        loop {
            let events = activity::next(core.db.pool(), after).await?;
            match activity::store(&core.mongo, &events).await {
                Ok(copied) => metrics::counter!("konnect_activity_copied_total").increment(copied as u64),
                Err(error) => return Ok(Outcome::Retry(error.to_string())),
            }
            after = events.last().map_or(after, |event| event.id);
            if events.len() < activity::BATCH {
                return transact!(core.db, run.context(), anyhow::Error, tx => {
                    let finished = run.finish(tx).await?;
                    activity::advance(tx, after).await?;
                    Ok(Outcome::Done(finished))
                });
            }
            transact!(core.db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(activity::advance(tx, after).await?)
            })?;
        }
    }
}

//! Dead and cancelled jobs, back to work.

use anyhow::{Result, ensure};
use konnect::core::Core;
use konnect::id::JobId;
use konnect::outbox::{self, Filter};
use konnect::transact;

use crate::jobs::{State, Which};
use crate::stores::{Stores, context, progress};

/// Jobs read at once, and jobs put back by one transaction.
const PAGE: u32 = 1_000;
const BATCH: usize = 100;

pub async fn one(stores: &Stores, id: JobId) -> Result<()> {
    let core = stores.connect().await?;
    let replayed = transact!(core.db, context(), anyhow::Error, tx => { Ok(outbox::replay(tx, id).await?) })?;
    ensure!(replayed, "{id} is neither dead nor cancelled, or its twin waits");
    say!("{id} runs again");
    Ok(())
}

/// Every job the filters name. Without a state, the dead ones: nobody wants all cancelled ones back by accident.
pub async fn all(stores: &Stores, which: &Which) -> Result<()> {
    let state = which.state.unwrap_or(State::Dead);
    ensure!(matches!(state, State::Dead | State::Cancelled), "only dead and cancelled jobs can run again");
    let core = stores.connect().await?;
    let filter = Filter { state: Some(state.name().to_owned()), ..which.filter() };
    let ids = collect(&core, filter).await?;
    let bar = progress(ids.len(), "retry")?;
    let mut replayed = 0;
    for batch in ids.chunks(BATCH) {
        replayed += transact!(core.db, context(), anyhow::Error, tx => {
            let mut done = 0;
            for id in batch {
                done += usize::from(outbox::replay(tx, *id).await?);
            }
            Ok(done)
        })?;
        bar.inc(batch.len() as u64);
    }
    bar.finish();
    say!("{replayed} of {} run again", ids.len());
    Ok(())
}

/// All ids first: the list changes while jobs are put back.
async fn collect(core: &Core, mut filter: Filter) -> Result<Vec<JobId>> {
    let mut ids = Vec::new();
    loop {
        let page = outbox::list(core.db.pool(), &filter, PAGE).await?;
        ids.extend(page.iter().map(|row| row.id));
        if page.len() < PAGE as usize {
            return Ok(ids);
        }
        filter.before = page.last().map(|row| row.id);
    }
}

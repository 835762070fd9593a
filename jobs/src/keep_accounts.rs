//! Looks after accounts: removes the files of pictures that nobody shows, and finds accounts whose erasure was lost.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::KeepAccounts;
use konnect::outbox;
use konnect::transact;
use konnect::user;

use crate::{Handler, Outcome, Run};

/// Files in one run; what is left has another.
const BATCH: u32 = 200;
/// The job of an account has this long before it counts as lost.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

impl Handler for KeepAccounts {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let (pool, now) = (core.db.pool(), core.clock.now());
        for picture in user::pictures_to_remove(pool, now, BATCH).await? {
            if let Err(error) = core.files.remove(&picture.file_key).await {
                return Ok(Outcome::Retry(error.to_string()));
            }
            transact!(core.db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(user::picture_gone(tx, picture.id).await?)
            })?;
        }
        let lost = user::overdue(pool, now - PATIENCE).await?;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for erase in &lost {
                outbox::enqueue(tx, erase).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

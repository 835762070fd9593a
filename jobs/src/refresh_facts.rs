//! Counts what became of mentors' bookings in the last 90 days: an hour old at most, as far as one run comes.

use anyhow::Result;
use chrono::TimeDelta;
use konnect::job::RefreshFacts;
use konnect::transact;
use konnect::{mentor, reservation};

use crate::{Handler, Outcome, Run};

const OLD_AFTER: TimeDelta = TimeDelta::hours(1);
/// Mentors of one run.
const MOST: u32 = 100;

impl Handler for RefreshFacts {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let db = &run.services.core.db;
        let mut counted = Vec::new();
        for mentor in mentor::facts_due(db.pool(), db.now() - OLD_AFTER, MOST).await? {
            counted.push((mentor, reservation::facts(db, mentor).await?));
        }
        // In order, against deadlocks.
        counted.sort_unstable_by_key(|(mentor, _)| *mentor);
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            for (mentor, facts) in &counted {
                mentor::store_facts(tx, *mentor, facts).await?;
            }
            Ok(Outcome::Done(finished))
        })
    }
}

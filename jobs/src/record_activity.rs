//! Copies new changes into the activity log. While MongoDB is away nothing else waits for it (I18), and the log
//! catches up within half a minute of its return.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use konnect::activity::{self, Pass};
use konnect::clock::Instant;
use konnect::job::RecordActivity;
use konnect::transact;

use crate::{Handler, Outcome, Run};

/// How soon a MongoDB that is away is asked again. It is no failure of the job, which would die of many.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(30);
/// A run that has copied for so long ends between two steps, far below its time limit. What is left goes on at once.
const LONG_ENOUGH: Duration = Duration::from_secs(60);

impl Handler for RecordActivity {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        let mut pass = Pass::begin(core.db.pool()).await?;
        let started = tokio::time::Instant::now();
        while started.elapsed() < LONG_ENOUGH {
            let step = match pass.step(core).await {
                Ok(step) => step,
                Err(error) => return failed(error, core.clock.now() + ASK_AGAIN),
            };
            if step.is_last {
                return transact!(core.db, run.context(), anyhow::Error, tx => {
                    let finished = run.finish(tx).await?;
                    pass.note(tx).await?;
                    Ok(Outcome::Done(finished))
                });
            }
            transact!(core.db, run.context(), anyhow::Error, tx => {
                run.hold(tx).await?;
                Ok(pass.note(tx).await?)
            })?;
        }
        Ok(Outcome::Snooze(core.clock.now()))
    }
}

fn failed(error: activity::Error, again: Instant) -> Result<Outcome> {
    let is_away = error.is_away();
    let reason = if is_away { "away" } else { "refused" };
    metrics::counter!("konnect_activity_failures_total", "reason" => reason).increment(1);
    if !is_away {
        return Err(error.into());
    }
    tracing::warn!(%error, "the activity log waits for MongoDB");
    Ok(Outcome::Snooze(again))
}

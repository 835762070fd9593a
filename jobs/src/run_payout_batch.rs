//! Makes the batch of the week when it is due, and looks at every mentor of the batches that are open: each in a
//! transaction of its own, so that a batch that is stopped goes on where it was.

use anyhow::Result;
use konnect::db::DbError;
use konnect::id::UserId;
use konnect::job::RunPayoutBatch;
use konnect::payout::{self, Batch, Block, Looked};
use konnect::settlement;
use konnect::transact;

use crate::{Handler, Outcome, Run};

const PAGE: u32 = 100;

impl Handler for RunPayoutBatch {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let core = &run.services.core;
        transact!(core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payout::open_weekly(tx, &core.rules).await?)
        })?;
        let batches = payout::open_batches(core.db.pool()).await?;
        if batches.is_empty() {
            return run.skip("no batch is open").await;
        }
        for batch in &batches {
            if let Some(block) = work(run, batch).await? {
                return transact!(core.db, run.context(), anyhow::Error, tx => {
                    let finished = run.finish(tx).await?;
                    payout::block(tx, Some(block)).await?;
                    Ok(Outcome::Done(finished))
                });
            }
        }
        transact!(core.db, run.context(), anyhow::Error, tx => { Ok(Outcome::Done(run.finish(tx).await?)) })
    }
}

/// Works through a batch; `Some` when it must stand still.
async fn work(run: &Run, batch: &Batch) -> Result<Option<Block>> {
    let core = &run.services.core;
    let mut reached = batch.reached;
    loop {
        if run.services.payouts.is_none() {
            return Ok(Some(Block::NotConfigured));
        }
        if payout::control(core.db.pool()).await?.paused {
            return Ok(Some(Block::Paused));
        }
        let mentors = settlement::mentors_ready(core.db.pool(), reached, PAGE).await?;
        for mentor in &mentors {
            let outcome = look_at(run, batch, *mentor).await?;
            metrics::counter!("konnect_payout_mentors_total", "outcome" => outcome).increment(1);
        }
        let Some(last) = mentors.last().filter(|_| mentors.len() == PAGE as usize) else { break };
        reached = Some(*last);
    }
    transact!(core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::finish(tx, batch.id).await?)
    })?;
    Ok(None)
}

/// One mentor, in one word. A fault in the rows of one keeps nobody else from being paid: their lines stay ready.
async fn look_at(run: &Run, batch: &Batch, mentor: UserId) -> Result<&'static str> {
    let core = &run.services.core;
    let looked = transact!(core.db, run.context(), anyhow::Error, tx => {
        run.hold(tx).await?;
        Ok(payout::look_at(tx, &core.rules, batch.id, mentor).await?)
    });
    match looked {
        Ok(Looked::Payout(_)) => Ok("payout"),
        Ok(Looked::Skipped(skip)) => Ok(skip.name()),
        Ok(Looked::Nothing) => Ok("nothing"),
        Err(error) if error.is::<payout::Error>() && error.database().is_none() => {
            tracing::error!(%mentor, batch_id = %batch.id, error = format!("{error:#}"), "a mentor cannot be paid");
            Ok("fault")
        }
        Err(error) => Err(error),
    }
}

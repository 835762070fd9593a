//! The contract of a handler.

use std::future::Future;
use std::sync::Arc;

use anyhow::Result;
use konnect::clock::Instant;
use konnect::context::{Actor, Context, Origin};
use konnect::db::Tx;
use konnect::job::Job;
use konnect::outbox::{self, Delivery, Lease};
use konnect::reservation::Expiry;
use konnect::transact;

use crate::Services;

/// One run of one job.
pub struct Run {
    pub services: Services,
    pub lease: Lease,
    /// From 1.
    pub attempt: u32,
    /// When the job was due (UTC).
    pub run_at: Instant,
    pub request_id: String,
    /// The job's.
    pub kind: &'static str,
    /// Who runs it.
    pub worker: Arc<str>,
}

/// What a run ended with. `Err` counts as [`Outcome::Retry`].
#[derive(Debug)]
pub enum Outcome {
    /// The effect is written and the row is done.
    Done(Finished),
    /// Again, as the job's schedule says.
    Retry(String),
    /// Not now; does not count as an attempt.
    Snooze(Instant),
    /// Never again without an operator.
    Dead(String),
}

/// Proof that the row was finished inside a transaction; only [`Run::finish`] and [`finish_all`] make one.
#[derive(Debug)]
pub struct Finished(());

/// Runs a job.
pub trait Handler: Job {
    fn run(self, run: &Run) -> impl Future<Output = Result<Outcome>> + Send;
}

impl Run {
    /// The context of this run's transactions: the job acts, under the request that caused it.
    pub fn context(&self) -> Context {
        let origin = Origin::Worker { name: self.worker.clone(), job: self.kind };
        Context::new(Actor::Job(self.lease.delivery.job_id), self.request_id.clone()).with_origin(origin)
    }

    /// Finishes the row. The first statement of the transaction that writes the effect.
    pub async fn finish(&self, tx: &mut Tx) -> Result<Finished> {
        self.lease.finish(tx).await??;
        Ok(Finished(()))
    }

    /// Proves that the lease is still ours, in a transaction that writes an intent.
    pub async fn hold(&self, tx: &mut Tx) -> Result<()> {
        Ok(self.lease.hold(tx).await??)
    }

    /// The same, and lets another job of the same key be written from this commit on.
    pub async fn free_key(&self, tx: &mut Tx) -> Result<()> {
        Ok(self.lease.free_key(tx).await??)
    }

    /// Done, with nothing to write: the job has lost its meaning.
    pub async fn skip(&self, why: &str) -> Result<Outcome> {
        let finished = transact!(self.services.core.db, self.context(), anyhow::Error, tx => {
            self.finish(tx).await
        })?;
        tracing::info!(job_id = %self.lease.delivery.job_id, why, "job skipped");
        metrics::counter!("konnect_jobs_skipped_total").increment(1);
        Ok(Outcome::Done(finished))
    }
}

/// Finishes the rows of several runs in the transaction that writes the effects of all of them, as [`Run::finish`] does
/// for one; the proofs are in the order of the deliveries. `None`: one of them is lost, and this transaction must not
/// be committed.
pub(crate) async fn finish_all(tx: &mut Tx, deliveries: &[Delivery]) -> Result<Option<Vec<Finished>>> {
    let are_ours = outbox::finish_many(tx, deliveries).await?;
    Ok(are_ours.then(|| deliveries.iter().map(|_| Finished(())).collect()))
}

/// What a fired deadline means for its job.
///
/// # Errors
/// A pinned deadline: the transaction rolls back, so that the row is not finished, and the job is asked again.
pub(crate) fn conclude_deadline(expiry: Expiry, finished: Finished) -> Result<Outcome> {
    match expiry {
        Expiry::Done => Ok(Outcome::Done(finished)),
        Expiry::Moot => {
            metrics::counter!("konnect_jobs_skipped_total").increment(1);
            Ok(Outcome::Done(finished))
        }
        Expiry::Pinned(until) => Err(Pinned(until).into()),
    }
}

/// Not now: somebody else works on the row.
#[derive(Debug, thiserror::Error)]
#[error("asked again at {0}")]
pub(crate) struct Pinned(pub Instant);

/// Turns a rolled-back [`Pinned`] into a snooze.
pub(crate) fn or_snooze(outcome: Result<Outcome>) -> Result<Outcome> {
    outcome.or_else(|error| match error.downcast_ref::<Pinned>() {
        Some(Pinned(until)) => Ok(Outcome::Snooze(*until)),
        None => Err(error),
    })
}

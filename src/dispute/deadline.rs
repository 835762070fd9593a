//! The deadlines of a dispute, as jobs.

use chrono::TimeDelta;

use super::error::Error;
use super::flow;
use super::model::{Dispute, Move, State};
use super::query;
use crate::db::{Db, Tx};
use crate::id::DisputeId;
use crate::job::{EndDisputePhase, Job};
use crate::outbox;

/// Writes the job of the deadline that a dispute has in its present state.
pub(super) async fn write(tx: &mut Tx, dispute: &Dispute) -> sqlx::Result<()> {
    if let Some(deadline) = dispute.deadline {
        let job = EndDisputePhase { dispute_id: dispute.id, deadline };
        outbox::enqueue_at(tx, &job, deadline).await?;
    }
    Ok(())
}

/// The time to answer or to show evidence is over: an administrator decides. `false`: the dispute has moved on, and
/// nothing was written.
pub async fn end_phase(tx: &mut Tx, job: &EndDisputePhase) -> Result<bool, Error> {
    let (r, dispute) = match flow::lock(tx, job.dispute_id).await {
        Err(Error::NotFound) => return Ok(false),
        other => other?,
    };
    let is_due = matches!(dispute.state, State::Open | State::Answered)
        && dispute.deadline == Some(job.deadline)
        && job.deadline <= tx.now;
    if !is_due {
        return Ok(false);
    }
    flow::step(tx, &dispute, &r, Move::Review, None, |d| d.deadline = None).await?;
    Ok(true)
}

/// The disputes whose deadline has passed by more than a minute and which no job will move on.
pub async fn overdue(db: &Db, limit: u32) -> sqlx::Result<Vec<DisputeId>> {
    let late = db.now() - TimeDelta::minutes(1);
    query::overdue(db.pool(), late, EndDisputePhase::KIND, limit).await
}

/// Writes the job that a dispute lacks.
pub async fn reconcile(tx: &mut Tx, id: DisputeId) -> sqlx::Result<()> {
    match query::find(tx.conn(), id).await? {
        Some(dispute) => write(tx, &dispute).await,
        None => Ok(()),
    }
}

//! The relay's half: due rows out, lost deliveries back.

use serde_json::json;
use sqlx::MySqlPool;
use sqlx::QueryBuilder;

use super::{NewRow, insert, pause};
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{DeliveryId, JobId};
use crate::job::{Queue, RECURRING, Recurring, next_period};
use crate::trace::Trace;

/// What travels through Redis: nothing but names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Delivery {
    pub job_id: JobId,
    pub delivery_id: DeliveryId,
}

/// A row that was due and is published now.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    pub delivery: Delivery,
    /// That of whoever wrote the row.
    pub trace: Option<Trace>,
}

/// Marks up to `limit` due rows of a queue as published, each under a new delivery id. `claim_by` is when a
/// delivery that no worker took is given out again.
///
/// Nothing of a queue that an operator paused. Rows that another relay holds are skipped; the index (queue, state, run_at, id) is in the order asked for,
/// so that nothing else is locked.
pub async fn publish_due(tx: &mut Tx, queue: Queue, limit: u32, claim_by: Instant) -> sqlx::Result<Vec<Due>> {
    let now = tx.now;
    let due: Vec<(JobId, Option<String>)> = sqlx::query_as(
        "SELECT id, trace FROM outbox WHERE queue = ? AND state = 'pending' AND run_at <= ?
         ORDER BY run_at, id LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(queue.name())
    .bind(now)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    if due.is_empty() || pause::is_paused(tx, queue).await? {
        return Ok(Vec::new());
    }
    // One delivery id serves the batch: it is a fence per row, and a row is in a batch once.
    let delivery_id = DeliveryId::generate();
    let mut update =
        QueryBuilder::new("UPDATE outbox SET state = 'published', worker = NULL, delivery_id = ");
    update.push_bind(delivery_id).push(", lease_until = ").push_bind(claim_by).push(" WHERE id IN (");
    push_list(&mut update, due.iter().map(|(id, _)| *id));
    update.push(")").build().execute(tx.conn()).await?;
    let published = |(job_id, trace): (JobId, Option<String>)| Due {
        delivery: Delivery { job_id, delivery_id },
        trace: trace.and_then(|trace| trace.parse().ok()),
    };
    Ok(due.into_iter().map(published).collect())
}

/// Gives back rows whose lease ended: never claimed, or claimed by a worker that died or hangs.
/// The attempt was counted at the claim, so a job that kills its workers ends dead all the same.
pub async fn reclaim_expired(tx: &mut Tx, limit: u32) -> sqlx::Result<u64> {
    let now = tx.now;
    let expired: Vec<JobId> = sqlx::query_scalar(
        "SELECT id FROM outbox WHERE state = 'published' AND lease_until <= ? ORDER BY lease_until LIMIT ?
         FOR UPDATE SKIP LOCKED",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    back_to_pending(tx, &expired).await
}

/// Gives back every row that was published and not yet claimed: its delivery is lost when Redis was flushed.
pub async fn forget_deliveries(tx: &mut Tx, limit: u32) -> sqlx::Result<u64> {
    let lost: Vec<JobId> = sqlx::query_scalar(
        "SELECT id FROM outbox WHERE state = 'published' AND worker IS NULL LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    back_to_pending(tx, &lost).await
}

async fn back_to_pending(tx: &mut Tx, ids: &[JobId]) -> sqlx::Result<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    let mut update = QueryBuilder::new(
        "UPDATE outbox SET state = 'pending', delivery_id = NULL, lease_until = NULL, worker = NULL WHERE id IN (",
    );
    push_list(&mut update, ids.iter().copied());
    let done = update.push(")").build().execute(tx.conn()).await?;
    Ok(done.rows_affected())
}

/// Writes the next run of every recurring job that has none waiting.
pub async fn ensure_recurring(tx: &mut Tx) -> sqlx::Result<()> {
    for recurring in RECURRING {
        let Recurring { kind, queue, .. } = *recurring;
        let run_at = next_period(recurring, tx.now);
        let row = NewRow {
            kind,
            queue,
            payload: json!({}),
            dedup_key: Some(kind.to_owned()),
            subject: None,
            run_at,
        };
        insert(tx, row).await?;
    }
    Ok(())
}

/// Rows that are due and wait, and rows that are published, of one queue.
pub async fn backlog(pool: &MySqlPool, queue: Queue, now: Instant) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(
        "SELECT
            (SELECT COUNT(*) FROM outbox WHERE queue = ? AND state = 'pending' AND run_at <= ?),
            (SELECT COUNT(*) FROM outbox WHERE queue = ? AND state = 'published')",
    )
    .bind(queue.name())
    .bind(now)
    .bind(queue.name())
    .fetch_one(pool)
    .await
}

/// For how many seconds the oldest due row of a queue has waited; 0 where none waits.
pub async fn oldest_due_age(pool: &MySqlPool, queue: Queue, now: Instant) -> sqlx::Result<f64> {
    let oldest: Option<Instant> = sqlx::query_scalar(
        "SELECT run_at FROM outbox WHERE queue = ? AND state = 'pending' AND run_at <= ? ORDER BY run_at, id LIMIT 1",
    )
    .bind(queue.name())
    .bind(now)
    .fetch_optional(pool)
    .await?;
    Ok(oldest.map_or(0.0, |at| (now - at).as_seconds_f64()))
}

/// How many rows of each kind are dead. Kinds without one are not named.
pub async fn dead_by_kind(pool: &MySqlPool) -> sqlx::Result<Vec<(String, i64)>> {
    sqlx::query_as("SELECT kind, COUNT(*) FROM outbox WHERE state = 'dead' GROUP BY kind")
        .fetch_all(pool)
        .await
}

//! The worker's half: claim, finish, try again.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::QueryBuilder;

use crate::clock::Instant;
use crate::db::{Db, Tx, filled, push_list};
use crate::id::{DeliveryId, JobId};
use crate::outbox::Delivery;
use crate::trace::Trace;

/// A claimed job, as its row says.
#[derive(Debug, sqlx::FromRow)]
pub struct Claimed {
    pub kind: String,
    pub payload: String,
    /// From 1.
    pub attempts: u32,
    pub run_at: Instant,
    pub request_id: String,
    /// A `traceparent`: that of whoever wrote the row.
    trace: Option<String>,
}

impl Claimed {
    /// With the attempt that begins now.
    fn counted(mut self) -> Self {
        self.attempts += 1;
        self
    }

    pub fn trace(&self) -> Option<Trace> {
        self.trace.as_ref()?.parse().ok()
    }

    pub fn payload(&self) -> serde_json::Result<Value> {
        serde_json::from_str(&self.payload)
    }
}

/// The answer to a claim.
#[derive(Debug)]
pub enum Claim {
    Yours(Claimed),
    /// The row is done, cancelled, taken, or was delivered again under another id.
    Refused,
}

/// The right to finish one delivery of a job.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub delivery: Delivery,
}

/// The row was delivered to somebody else meanwhile: nothing of this run may be written.
#[derive(Debug, thiserror::Error)]
#[error("the lease of job {0} is lost")]
pub struct LeaseLost(pub JobId);

/// Takes a delivered row for `worker` and counts the attempt.
pub async fn claim(db: &Db, delivery: Delivery, worker: &str, lease: Duration) -> sqlx::Result<Claim> {
    let now = db.now();
    let until = now + TimeDelta::from_std(lease).expect("a lease is short");
    let taken = sqlx::query(
        "UPDATE outbox SET worker = ?, attempts = attempts + 1, claimed_at = ?, lease_until = ?
         WHERE id = ? AND delivery_id = ? AND state = 'published' AND worker IS NULL",
    )
    .bind(worker)
    .bind(now)
    .bind(until)
    .bind(delivery.job_id)
    .bind(delivery.delivery_id)
    .execute(db.pool())
    .await?;
    if taken.rows_affected() == 0 {
        return Ok(Claim::Refused);
    }
    let row =
        sqlx::query_as("SELECT kind, payload, attempts, run_at, request_id, trace FROM outbox WHERE id = ?")
            .bind(delivery.job_id)
            .fetch_one(db.pool())
            .await?;
    Ok(Claim::Yours(row))
}

/// Takes several delivered rows for `worker` in one transaction, and counts their attempts. A delivery that is not
/// in the answer is refused.
///
/// A row that somebody else has locked is passed over, so that no job waits for another one's claim. Mostly it is being
/// given to somebody else; whoever wanted it asks for it alone, with [`claim`], to be sure.
pub async fn claim_many(
    tx: &mut Tx,
    deliveries: &[Delivery],
    worker: &str,
    lease: Duration,
) -> sqlx::Result<Vec<(Delivery, Claimed)>> {
    let now = tx.now;
    let until = now + TimeDelta::from_std(lease).expect("a lease is short");
    let mut select = QueryBuilder::new(
        "SELECT id, delivery_id, kind, payload, attempts, run_at, request_id, trace FROM outbox FORCE INDEX (PRIMARY)
         WHERE state = 'published' AND worker IS NULL AND id IN (",
    );
    push_list(&mut select, deliveries.iter().map(|delivery| delivery.job_id));
    let rows: Vec<Delivered> =
        select.push(") FOR UPDATE SKIP LOCKED").build_query_as().fetch_all(tx.conn()).await?;
    let taken: Vec<(Delivery, Claimed)> = rows
        .into_iter()
        .map(|row| (Delivery { job_id: row.id, delivery_id: row.delivery_id }, row.claimed.counted()))
        .filter(|(delivery, _)| deliveries.contains(delivery))
        .collect();
    if taken.is_empty() {
        return Ok(taken);
    }
    let mut update = QueryBuilder::new("UPDATE outbox SET attempts = attempts + 1, worker = ");
    update.push_bind(worker).push(", claimed_at = ").push_bind(now);
    update.push(", lease_until = ").push_bind(until).push(" WHERE id IN (");
    push_list(&mut update, taken.iter().map(|(delivery, _)| delivery.job_id));
    update.push(")").build().execute(tx.conn()).await?;
    Ok(taken)
}

/// A row as it was before its claim.
#[derive(sqlx::FromRow)]
struct Delivered {
    id: JobId,
    delivery_id: DeliveryId,
    #[sqlx(flatten)]
    claimed: Claimed,
}

/// Lengthens the lease of a job that still runs. `false`: it is lost.
pub async fn renew(db: &Db, delivery: Delivery, lease: Duration) -> sqlx::Result<bool> {
    let until = db.now() + TimeDelta::from_std(lease).expect("a lease is short");
    let renewed = sqlx::query(
        "UPDATE outbox SET lease_until = ? WHERE id = ? AND delivery_id = ? AND state = 'published'",
    )
    .bind(until)
    .bind(delivery.job_id)
    .bind(delivery.delivery_id)
    .execute(db.pool())
    .await?;
    Ok(renewed.rows_affected() == 1)
}

impl Lease {
    /// Finishes the job in the transaction that writes its effect. Call it first: it locks the row, so that
    /// whoever lost the lease stops before writing anything.
    pub async fn finish(&self, tx: &mut Tx) -> sqlx::Result<Result<(), LeaseLost>> {
        let now = tx.now;
        let done = sqlx::query(
            "UPDATE outbox SET state = 'done', finished_at = ?, lease_until = NULL
             WHERE id = ? AND delivery_id = ? AND state = 'published'",
        )
        .bind(now)
        .bind(self.delivery.job_id)
        .bind(self.delivery.delivery_id)
        .execute(tx.conn())
        .await?;
        Ok(if done.rows_affected() == 1 { Ok(()) } else { Err(LeaseLost(self.delivery.job_id)) })
    }

    /// Proves the lease in a transaction that writes an intent and does not finish the job.
    pub async fn hold(&self, tx: &mut Tx) -> sqlx::Result<Result<(), LeaseLost>> {
        let held: Option<i8> = sqlx::query_scalar(
            "SELECT 1 FROM outbox WHERE id = ? AND delivery_id = ? AND state = 'published' FOR UPDATE",
        )
        .bind(self.delivery.job_id)
        .bind(self.delivery.delivery_id)
        .fetch_optional(tx.conn())
        .await?;
        Ok(if held.is_some() { Ok(()) } else { Err(LeaseLost(self.delivery.job_id)) })
    }

    /// Proves the lease, and lets another job of the same key be written from now on: whatever happens after this commit
    /// is news that this run need not see. The row stays without its key: should it die, it can be retried beside its
    /// successor, so this is for jobs whose effect has a key of its own.
    pub async fn free_key(&self, tx: &mut Tx) -> sqlx::Result<Result<(), LeaseLost>> {
        if let Err(lost) = self.hold(tx).await? {
            return Ok(Err(lost));
        }
        sqlx::query("UPDATE outbox SET dedup_key = NULL WHERE id = ?")
            .bind(self.delivery.job_id)
            .execute(tx.conn())
            .await?;
        Ok(Ok(()))
    }
}

/// Proves several leases in a transaction that writes intents, as [`Lease::hold`] does for one. `false`: some is lost.
pub async fn hold_many(tx: &mut Tx, deliveries: &[Delivery]) -> sqlx::Result<bool> {
    let mut select =
        QueryBuilder::new("SELECT id FROM outbox FORCE INDEX (PRIMARY) WHERE state = 'published' AND ");
    push_deliveries(&mut select, deliveries);
    let held: Vec<JobId> = select.push(" FOR UPDATE").build_query_scalar().fetch_all(tx.conn()).await?;
    Ok(held.len() == deliveries.len())
}

/// Finishes several jobs in the transaction that writes the effects of all of them, as [`Lease::finish`] does for one.
/// `false`: some lease is lost. Nothing of this transaction may be committed then.
pub async fn finish_many(tx: &mut Tx, deliveries: &[Delivery]) -> sqlx::Result<bool> {
    let mut update =
        QueryBuilder::new("UPDATE outbox SET state = 'done', lease_until = NULL, finished_at = ");
    update.push_bind(tx.now).push(" WHERE state = 'published' AND ");
    push_deliveries(&mut update, deliveries);
    let done = update.build().execute(tx.conn()).await?;
    Ok(done.rows_affected() == deliveries.len() as u64)
}

/// The rows of these deliveries, each under its own: jobs that were published together share the id, so that another's
/// proves nothing. By their keys, not by their state, which would lock all that is under way.
fn push_deliveries(query: &mut QueryBuilder<sqlx::MySql>, deliveries: &[Delivery]) {
    push_list(query.push("id IN ("), deliveries.iter().map(|delivery| delivery.job_id));
    // No list of pairs: the optimizer would weigh each of them against each id.
    query.push(") AND delivery_id = CASE id");
    for delivery in filled(deliveries.iter()) {
        query.push(" WHEN ").push_bind(delivery.job_id).push(" THEN ").push_bind(delivery.delivery_id);
    }
    query.push(" END");
}

/// The attempt failed: waits until `again_at`, or is dead when that is `None`.
pub async fn fail(db: &Db, delivery: Delivery, again_at: Option<Instant>, error: &str) -> sqlx::Result<bool> {
    let now = db.now();
    let error: String = error.chars().take(2000).collect();
    let (state, finished_at) = if again_at.is_some() { ("pending", None) } else { ("dead", Some(now)) };
    leave(db, delivery, state, again_at.unwrap_or(now), finished_at, Some(error), 0).await
}

/// Not now, and no failure: runs again at `at` with the same number of attempts.
pub async fn snooze(db: &Db, delivery: Delivery, at: Instant) -> sqlx::Result<bool> {
    leave(db, delivery, "pending", at, None, None, 1).await
}

/// A stopping worker gives back what it did not finish; the attempt does not count.
pub async fn hand_back(db: &Db, delivery: Delivery) -> sqlx::Result<bool> {
    leave(db, delivery, "pending", db.now(), None, None, 1).await
}

async fn leave(
    db: &Db,
    delivery: Delivery,
    state: &str,
    run_at: Instant,
    finished_at: Option<Instant>,
    error: Option<String>,
    uncount: u32,
) -> sqlx::Result<bool> {
    let left = sqlx::query(
        "UPDATE outbox SET state = ?, run_at = ?, finished_at = ?, last_error = COALESCE(?, last_error),
                attempts = attempts - ?, delivery_id = NULL, lease_until = NULL, worker = NULL
         WHERE id = ? AND delivery_id = ? AND state = 'published'",
    )
    .bind(state)
    .bind(run_at)
    .bind(finished_at)
    .bind(error)
    .bind(uncount)
    .bind(delivery.job_id)
    .bind(delivery.delivery_id)
    .execute(db.pool())
    .await?;
    Ok(left.rows_affected() == 1)
}

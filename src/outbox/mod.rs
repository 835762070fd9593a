//! The outbox: durable jobs as rows. SQL only.
//!
//! A row is written by the transaction that causes it, and by nothing else ([`enqueue`] takes the transaction).
//! The relay publishes due rows under a fresh delivery id; a worker claims the row with that id, and every later
//! write of the worker names it: a row that was delivered again meanwhile refuses the old one.
//!
//! ```text
//! pending ──publish──► published ──claim, finish──► done
//!    ▲                    │ retry / snooze / lease over
//!    └────────────────────┤
//! cancelled ◄─(pending)   └─ cap reached ─► dead ──replay──► pending
//! ```

mod admin;
mod bulk;
mod pause;
mod publish;
mod work;

use serde_json::Value;
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::JobId;
use crate::job::{Job, Queue};
use crate::trace::Trace;

pub use admin::{Filter, Row, cancel, count_by_state, history, list, live_by_subject, replay, show};
pub use bulk::{Failure, Touched, discard_dead, failures, retry_dead};
pub use pause::{Pause, pause, pauses, resume};
pub use publish::{
    Delivery, Due, backlog, dead_by_kind, ensure_recurring, forget_deliveries, oldest_due_age, publish_due,
    reclaim_expired,
};
pub use work::{
    Claim, Claimed, Lease, LeaseLost, claim, claim_many, fail, finish_many, hand_back, hold_many, renew,
    snooze,
};

/// What a job is done for: the request that led to it, and its trace.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    pub request_id: String,
    pub trace: Option<Trace>,
}

impl Cause {
    /// What a transaction was opened for.
    pub fn of(tx: &Tx) -> Self {
        Self { request_id: tx.cx.request_id.clone(), trace: tx.trace() }
    }
}

/// Writes a job that is due at once. `false`: one with its dedup key waits or runs already.
pub async fn enqueue<J: Job>(tx: &mut Tx, job: &J) -> sqlx::Result<bool> {
    enqueue_at(tx, job, tx.now).await
}

/// Writes a job that is due at `run_at`.
pub async fn enqueue_at<J: Job>(tx: &mut Tx, job: &J, run_at: Instant) -> sqlx::Result<bool> {
    let payload = serde_json::to_value(job).expect("a payload is plain data");
    let row = NewRow {
        kind: J::KIND,
        queue: J::QUEUE,
        payload,
        dedup_key: job.dedup_key(),
        subject: job.subject(),
        run_at,
    };
    insert(tx, row).await
}

/// Writes a job that is due at once; a twin that waits for a later moment is due at once instead. For news that
/// make the twin's waiting pointless.
pub async fn enqueue_or_hasten<J: Job>(tx: &mut Tx, job: &J) -> sqlx::Result<bool> {
    if enqueue(tx, job).await? {
        return Ok(true);
    }
    let now = tx.now;
    let hastened =
        sqlx::query("UPDATE outbox SET run_at = ? WHERE live_key = ? AND state = 'pending' AND run_at > ?")
            .bind(now)
            .bind(job.dedup_key())
            .bind(now)
            .execute(tx.conn())
            .await?;
    if hastened.rows_affected() > 0 {
        tx.outgoing.queues.insert(J::QUEUE);
    }
    Ok(false)
}

/// The same for news that the job has to read. `false`: a twin was handed to a worker already and may have read before
/// these news. Whoever has them keeps them, and tells again later.
pub async fn enqueue_for_news<J: Job>(tx: &mut Tx, job: &J) -> sqlx::Result<bool> {
    if enqueue_or_hasten(tx, job).await? {
        return Ok(true);
    }
    let waits: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM outbox WHERE live_key = ? AND state = 'pending'")
            .bind(job.dedup_key())
            .fetch_optional(tx.conn())
            .await?;
    Ok(waits.is_some())
}

struct NewRow {
    kind: &'static str,
    queue: Queue,
    payload: Value,
    dedup_key: Option<String>,
    subject: Option<Uuid>,
    run_at: Instant,
}

async fn insert(tx: &mut Tx, row: NewRow) -> sqlx::Result<bool> {
    let (now, Cause { request_id, trace }) = (tx.now, Cause::of(tx));
    let inserted = sqlx::query(
        "INSERT INTO outbox (id, kind, queue, payload, dedup_key, subject, run_at, state, attempts, request_id, trace,
                             created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?, ?)",
    )
    .bind(JobId::generate())
    .bind(row.kind)
    .bind(row.queue.name())
    .bind(row.payload.to_string())
    .bind(row.dedup_key)
    .bind(row.subject)
    .bind(row.run_at)
    .bind(request_id)
    .bind(trace.map(|trace| trace.to_string()))
    .bind(now)
    .execute(tx.conn())
    .await;
    match inserted {
        Ok(_) => {
            if row.run_at <= now {
                tx.outgoing.queues.insert(row.queue);
            }
            Ok(true)
        }
        Err(error) if duplicate_key(&error).as_deref() == Some("outbox_live") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes many jobs of one kind that are due at once, each under what caused it, in one statement. One
/// whose twin waits or runs already is not written.
pub async fn enqueue_many<J: Job>(tx: &mut Tx, jobs: &[(J, Cause)]) -> sqlx::Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let now = tx.now;
    let mut insert = QueryBuilder::new(
        "INSERT INTO outbox (id, kind, queue, payload, dedup_key, subject, run_at, state, attempts, request_id, trace,
                             created_at) ",
    );
    insert.push_values(jobs, |mut row, (job, cause)| {
        let payload = serde_json::to_string(job).expect("a payload is plain data");
        row.push_bind(JobId::generate())
            .push_bind(J::KIND)
            .push_bind(J::QUEUE.name())
            .push_bind(payload)
            .push_bind(job.dedup_key())
            .push_bind(job.subject())
            .push_bind(now)
            .push("'pending', 0")
            .push_bind(&cause.request_id)
            .push_bind(cause.trace.map(|trace| trace.to_string()))
            .push_bind(now);
    });
    // The twin stays as it is.
    insert.push(" ON DUPLICATE KEY UPDATE outbox.id = outbox.id").build().execute(tx.conn()).await?;
    tx.outgoing.queues.insert(J::QUEUE);
    Ok(())
}

/// Takes back every job about `subject` that still waits and is of one of these kinds.
pub async fn cancel_waiting(tx: &mut Tx, subject: Uuid, kinds: &[&str]) -> sqlx::Result<u64> {
    let now = tx.now;
    let mut cancelled = 0;
    for kind in kinds {
        cancelled += sqlx::query(
            "UPDATE outbox SET state = 'cancelled', finished_at = ?
             WHERE subject = ? AND kind = ? AND state = 'pending'",
        )
        .bind(now)
        .bind(subject)
        .bind(kind)
        .execute(tx.conn())
        .await?
        .rows_affected();
    }
    Ok(cancelled)
}

//! The operator's half: look, replay, cancel.

use sqlx::mysql::MySql;
use sqlx::{MySqlPool, QueryBuilder};
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::JobId;
use crate::job::Queue;

/// A row of the outbox as operators see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    pub id: JobId,
    pub kind: String,
    pub queue: String,
    pub payload: String,
    pub dedup_key: Option<String>,
    pub subject: Option<Uuid>,
    pub state: String,
    pub attempts: u32,
    pub run_at: Instant,
    pub worker: Option<String>,
    pub claimed_at: Option<Instant>,
    pub lease_until: Option<Instant>,
    pub last_error: Option<String>,
    pub request_id: String,
    pub created_at: Instant,
    pub finished_at: Option<Instant>,
}

const COLUMNS: &str =
    "SELECT id, kind, queue, payload, dedup_key, subject, state, attempts, run_at, worker, claimed_at,
    lease_until, last_error, request_id, created_at, finished_at FROM outbox";

/// What to list; an absent field does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<String>,
    pub queue: Option<String>,
    pub kind: Option<String>,
    pub subject: Option<Uuid>,
    /// Words that stand in the last error.
    pub error: Option<String>,
    /// Rows older than this one: the key of the next page.
    pub before: Option<JobId>,
}

/// Newest first.
pub async fn list(pool: &MySqlPool, filter: &Filter, limit: u32) -> sqlx::Result<Vec<Row>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE 1 = 1");
    narrow(&mut query, filter);
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// The conditions of a filter.
pub(super) fn narrow(query: &mut QueryBuilder<MySql>, filter: &Filter) {
    if let Some(state) = &filter.state {
        query.push(" AND state = ").push_bind(state);
    }
    if let Some(queue) = &filter.queue {
        query.push(" AND queue = ").push_bind(queue);
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind);
    }
    if let Some(subject) = filter.subject {
        query.push(" AND subject = ").push_bind(subject);
    }
    if let Some(error) = &filter.error {
        // As words: nothing in them stands for anything else.
        query.push(" AND INSTR(last_error, ").push_bind(error).push(") > 0");
    }
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before);
    }
}

pub async fn show(pool: &MySqlPool, id: JobId) -> sqlx::Result<Option<Row>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id);
    query.build_query_as().fetch_optional(pool).await
}

/// All jobs about one row, oldest first.
pub async fn history(pool: &MySqlPool, subject: Uuid) -> sqlx::Result<Vec<Row>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE subject = ").push_bind(subject).push(" ORDER BY id");
    query.build_query_as().fetch_all(pool).await
}

/// Whether a job of this kind about this row waits or runs.
pub async fn live_by_subject(tx: &mut Tx, subject: Uuid, kind: &str) -> sqlx::Result<bool> {
    let live: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM outbox WHERE subject = ? AND kind = ? AND state IN ('pending', 'published') LIMIT 1",
    )
    .bind(subject)
    .bind(kind)
    .fetch_optional(tx.conn())
    .await?;
    Ok(live.is_some())
}

/// Puts a dead or cancelled job back to work with a fresh count of attempts. `false`: it is neither, or its
/// twin is waiting.
pub async fn replay(tx: &mut Tx, id: JobId) -> sqlx::Result<bool> {
    let now = tx.now;
    let replayed = sqlx::query(
        "UPDATE outbox SET state = 'pending', run_at = ?, attempts = 0, finished_at = NULL, delivery_id = NULL,
                lease_until = NULL, worker = NULL
         WHERE id = ? AND state IN ('dead', 'cancelled')",
    )
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await;
    match replayed {
        Ok(done) if done.rows_affected() == 1 => {
            tx.outgoing.queues.extend(Queue::ALL);
            tx.moved("job", id.0, None, "pending");
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(error) if duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes a waiting or dead job out of the way. `false`: it runs or has ended.
pub async fn cancel(tx: &mut Tx, id: JobId) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE outbox SET state = 'cancelled', finished_at = ? WHERE id = ? AND state IN ('pending', 'dead')",
    )
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    let gone = done.rows_affected() == 1;
    if gone {
        tx.moved("job", id.0, None, "cancelled");
    }
    Ok(gone)
}

/// How many rows stand in each state, by queue.
pub async fn count_by_state(pool: &MySqlPool) -> sqlx::Result<Vec<(String, String, i64)>> {
    sqlx::query_as("SELECT queue, state, COUNT(*) FROM outbox GROUP BY queue, state ORDER BY queue, state")
        .fetch_all(pool)
        .await
}

//! The event rows as the copying reads them, and the mark of how far it came.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{MySqlPool, QueryBuilder};
use uuid::Uuid;

use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{EventId, UserId};

/// The row of one change: the head of its append, or a row from before heads were.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Change {
    pub id: EventId,
    pub topic: String,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub at: DateTime<Utc>,
    pub data: Json<Value>,
    pub people: Option<Json<Vec<UserId>>>,
    pub actor_kind: Option<String>,
    pub actor_id: Option<Uuid>,
    pub request_id: Option<String>,
    pub client_ip: Option<String>,
    pub user_agent: Option<String>,
    pub worker: Option<String>,
    pub job_kind: Option<String>,
}

/// The last event that was copied, and the generation of the copying.
pub(super) async fn mark(pool: &MySqlPool) -> sqlx::Result<(EventId, i64)> {
    sqlx::query_as("SELECT event_id, generation FROM activity_watermark WHERE id = 1").fetch_one(pool).await
}

/// The ids of all events after this one, in order: answered by the index of the ids alone.
pub(super) async fn ids_after(pool: &MySqlPool, after: EventId, limit: usize) -> sqlx::Result<Vec<EventId>> {
    sqlx::query_scalar("SELECT id FROM events FORCE INDEX (events_id) WHERE id > ? ORDER BY id LIMIT ?")
        .bind(after)
        .bind(limit as u64)
        .fetch_all(pool)
        .await
}

/// Those of these events that stand for a change, in no order.
pub(super) async fn changes(pool: &MySqlPool, ids: &[EventId]) -> sqlx::Result<Vec<Change>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT id, topic, type, at, data, people, actor_kind, actor_id, request_id, client_ip, user_agent, worker,
                job_kind
         FROM events WHERE (change_id IS NULL OR change_id = id) AND id IN (",
    );
    push_list(&mut query, ids.iter().copied());
    query.push(")");
    query.build_query_as().fetch_all(pool).await
}

/// Notes how far a pass came. Never goes back, and nothing is noted for a generation that is over.
pub(super) async fn advance(tx: &mut Tx, last: EventId, generation: i64) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE activity_watermark SET event_id = ?, updated_at = ?
         WHERE id = 1 AND event_id < ? AND generation = ?",
    )
    .bind(last)
    .bind(now)
    .bind(last)
    .bind(generation)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Sets the mark back, never on, and begins a new generation.
pub(super) async fn rewind(tx: &mut Tx, to: EventId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE activity_watermark SET event_id = CASE WHEN event_id < ? THEN event_id ELSE ? END,
                generation = generation + 1, updated_at = ?
         WHERE id = 1",
    )
    .bind(to)
    .bind(to)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The first event that happened at `from` or later, or one of the same instant.
pub(super) async fn first_since(pool: &MySqlPool, from: Instant) -> sqlx::Result<Option<EventId>> {
    sqlx::query_scalar("SELECT id FROM events WHERE at >= ? ORDER BY at LIMIT 1")
        .bind(from)
        .fetch_optional(pool)
        .await
}

/// When the first event after this one happened.
pub(super) async fn oldest_after(pool: &MySqlPool, after: EventId) -> sqlx::Result<Option<Instant>> {
    sqlx::query_scalar("SELECT at FROM events WHERE id > ? ORDER BY id LIMIT 1")
        .bind(after)
        .fetch_optional(pool)
        .await
}

pub(super) async fn count_after(pool: &MySqlPool, after: EventId) -> sqlx::Result<u64> {
    let count: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM events WHERE id > ?").bind(after).fetch_one(pool).await?;
    Ok(count.unsigned_abs())
}

//! All SQL of deliveries and attempts, and what they need of the events.

use sqlx::{MySqlExecutor, MySqlPool, QueryBuilder};

use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{EventId, WebhookDeliveryId, WebhookEndpointId};
use crate::partner::model::{Attempt, Delivery, DeliveryState, Filter, Heard};

const ERROR_MAX: usize = 500;

/// An event on its way to its deliveries.
#[derive(Debug, sqlx::FromRow)]
pub struct Waiting {
    #[sqlx(rename = "type")]
    pub kind: String,
    pub at: Instant,
    pub fanned_out_at: Option<Instant>,
}

pub async fn lock_event(tx: &mut Tx, id: EventId) -> sqlx::Result<Option<Waiting>> {
    sqlx::query_as("SELECT type, at, fanned_out_at FROM webhook_events WHERE id = ? FOR UPDATE")
        .bind(id)
        .fetch_optional(tx.conn())
        .await
}

pub async fn mark_fanned_out(tx: &mut Tx, id: EventId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE webhook_events SET fanned_out_at = ? WHERE id = ?")
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The bytes of an event.
pub async fn body(executor: impl MySqlExecutor<'_>, id: EventId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT body FROM webhook_events WHERE id = ?").bind(id).fetch_optional(executor).await
}

/// Events without deliveries from before an instant, whose job is gone.
pub async fn waiting_events(pool: &MySqlPool, before: Instant, limit: u32) -> sqlx::Result<Vec<EventId>> {
    sqlx::query_scalar(
        "SELECT e.id FROM webhook_events e
         WHERE e.fanned_out_at IS NULL AND e.at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = e.id AND o.kind = 'webhook.fan_out.v1'
                AND o.state IN ('pending', 'published', 'dead'))
         ORDER BY e.at LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Deliveries that nobody has touched since an instant and that no job will make. One whose job is dead waits for an
/// operator.
pub async fn waiting_deliveries(
    pool: &MySqlPool,
    before: Instant,
    limit: u32,
) -> sqlx::Result<Vec<WebhookDeliveryId>> {
    sqlx::query_scalar(
        "SELECT d.id FROM webhook_deliveries d
         WHERE d.state = 'pending' AND d.updated_at < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = d.id AND o.kind = 'webhook.deliver.v1'
                AND o.state IN ('pending', 'published', 'dead'))
         ORDER BY d.updated_at LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn insert_deliveries(
    tx: &mut Tx,
    event_id: EventId,
    deliveries: &[(WebhookDeliveryId, WebhookEndpointId)],
    is_test: bool,
) -> sqlx::Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let now = tx.now;
    let mut insert = QueryBuilder::new(
        "INSERT INTO webhook_deliveries (id, event_id, endpoint_id, state, is_test, attempts, created_at, updated_at) ",
    );
    insert.push_values(deliveries, |mut row, (id, endpoint)| {
        row.push_bind(*id)
            .push_bind(event_id)
            .push_bind(*endpoint)
            .push("'pending'")
            .push_bind(is_test)
            .push("0")
            .push_bind(now)
            .push_bind(now);
    });
    insert.build().execute(tx.conn()).await?;
    Ok(())
}

const DELIVERIES: &str =
    "SELECT d.id, d.event_id, d.endpoint_id, e.type, e.subject_kind, e.subject_id, e.seq, d.state, d.is_test, d.attempts,
        d.error, d.created_at, d.updated_at, d.delivered_at
     FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id WHERE ";

/// Deliveries, newest first.
pub async fn deliveries(pool: &MySqlPool, filter: &Filter, limit: u32) -> sqlx::Result<Vec<Delivery>> {
    let mut query = QueryBuilder::new(DELIVERIES);
    query.push("1 = 1");
    if let Some(endpoint) = filter.endpoint {
        query.push(" AND d.endpoint_id = ").push_bind(endpoint);
    }
    if let Some(state) = filter.state {
        query.push(" AND d.state = ").push_bind(state);
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND e.type = ").push_bind(kind);
    }
    if let Some(subject) = filter.subject {
        query.push(" AND e.subject_id = ").push_bind(subject);
    }
    if let Some(before) = filter.before {
        query.push(" AND d.id < ").push_bind(before);
    }
    query.push(" ORDER BY d.id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn delivery(pool: &MySqlPool, id: WebhookDeliveryId) -> sqlx::Result<Option<Delivery>> {
    let mut query = QueryBuilder::new(DELIVERIES);
    query.push("d.id = ").push_bind(id).build_query_as().fetch_optional(pool).await
}

pub async fn lock_delivery(tx: &mut Tx, id: WebhookDeliveryId) -> sqlx::Result<Option<Delivery>> {
    let mut query = QueryBuilder::new(DELIVERIES);
    query.push("d.id = ").push_bind(id).push(" FOR UPDATE").build_query_as().fetch_optional(tx.conn()).await
}

pub async fn lock_failed(
    tx: &mut Tx,
    endpoint: WebhookEndpointId,
    since: Instant,
    limit: u32,
) -> sqlx::Result<Vec<WebhookDeliveryId>> {
    sqlx::query_scalar(
        "SELECT id FROM webhook_deliveries WHERE endpoint_id = ? AND state = 'failed' AND created_at >= ?
         ORDER BY id LIMIT ? FOR UPDATE",
    )
    .bind(endpoint)
    .bind(since)
    .bind(limit)
    .fetch_all(tx.conn())
    .await
}

/// Puts deliveries back on their way.
pub async fn reopen(tx: &mut Tx, ids: &[WebhookDeliveryId]) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::new("UPDATE webhook_deliveries SET state = 'pending', updated_at = ");
    update.push_bind(tx.now).push(" WHERE id IN (");
    push_list(&mut update, ids.iter().copied());
    update.push(")").build().execute(tx.conn()).await?;
    Ok(())
}

pub async fn begin_attempt(tx: &mut Tx, id: WebhookDeliveryId, number: u32) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE webhook_deliveries SET attempts = ?, updated_at = ? WHERE id = ?")
        .bind(number)
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    sqlx::query("INSERT INTO webhook_attempts (delivery_id, number, started_at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(number)
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn end_attempt(
    tx: &mut Tx,
    id: WebhookDeliveryId,
    number: u32,
    heard: &Heard,
    error: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE webhook_attempts SET millis = ?, status = ?, error = ?, answer = ?
         WHERE delivery_id = ? AND number = ?",
    )
    .bind(heard.millis)
    .bind(heard.status)
    .bind(error.map(cut))
    .bind(&heard.answer)
    .bind(id)
    .bind(number)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn note_error(tx: &mut Tx, id: WebhookDeliveryId, error: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE webhook_deliveries SET error = ?, updated_at = ? WHERE id = ?")
        .bind(cut(error))
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn end(
    tx: &mut Tx,
    id: WebhookDeliveryId,
    state: DeliveryState,
    error: Option<&str>,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE webhook_deliveries SET state = ?, error = ?, updated_at = ?,
            delivered_at = CASE WHEN ? = 'delivered' THEN ? ELSE delivered_at END
         WHERE id = ?",
    )
    .bind(state)
    .bind(error.map(cut))
    .bind(now)
    .bind(state)
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The calls of one delivery, oldest first.
pub async fn attempts(pool: &MySqlPool, id: WebhookDeliveryId, limit: u32) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as(
        "SELECT number, started_at, millis, status, error, answer FROM webhook_attempts WHERE delivery_id = ?
         ORDER BY number LIMIT ?",
    )
    .bind(id)
    .bind(limit)
    .fetch_all(pool)
    .await
}

fn cut(text: &str) -> String {
    text.chars().take(ERROR_MAX).collect()
}

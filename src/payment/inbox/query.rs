//! SQL of the inbox.

use sqlx::{MySqlPool, QueryBuilder};

use super::{Arrival, Webhook};
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{AttemptId, JobId};
use crate::job::{Job, SyncWebhook};

/// Which of these came before.
pub async fn known(tx: &mut Tx, hooks: &[Arrival]) -> sqlx::Result<Vec<String>> {
    let mut select =
        QueryBuilder::new("SELECT transmission_id FROM webhook_inbox WHERE transmission_id IN (");
    push_list(&mut select, hooks.iter().map(|hook| &hook.transmission_id));
    select.push(")").build_query_scalar().fetch_all(tx.conn()).await
}

/// Stores each, and counts those that came before.
pub async fn insert(tx: &mut Tx, hooks: &[Arrival]) -> sqlx::Result<()> {
    let now = tx.now;
    let mut insert = QueryBuilder::new(
        "INSERT INTO webhook_inbox (transmission_id, body, transmission_time, retried_count, signature, received_at) ",
    );
    insert.push_values(hooks, |mut row, hook| {
        row.push_bind(&hook.transmission_id)
            .push_bind(&hook.body)
            .push_bind(&hook.transmission_time)
            .push_bind(hook.retried_count)
            .push_bind(&hook.signature)
            .push_bind(now);
    });
    insert.push(" ON DUPLICATE KEY UPDATE duplicates = duplicates + 1").build().execute(tx.conn()).await?;
    Ok(())
}

pub async fn find(pool: &MySqlPool, transmission_id: &str) -> sqlx::Result<Option<Webhook>> {
    sqlx::query_as(
        "SELECT transmission_id, body, transmission_time, signature, outcome, received_at FROM webhook_inbox
         WHERE transmission_id = ?",
    )
    .bind(transmission_id)
    .fetch_optional(pool)
    .await
}

/// Who looks at an attempt for a webhook, until when that is believed, and when the last look began that was concluded.
#[derive(Default, sqlx::FromRow)]
pub struct LookRow {
    pub look_by: Option<JobId>,
    pub look_until: Option<Instant>,
    pub looked_at: Option<Instant>,
}

/// Takes no other lock after it: an attempt comes after its payment everywhere else.
pub async fn lock_look(tx: &mut Tx, id: AttemptId) -> sqlx::Result<LookRow> {
    let row: Option<LookRow> =
        sqlx::query_as("SELECT look_by, look_until, looked_at FROM payment_attempts WHERE id = ? FOR UPDATE")
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(row.unwrap_or_default())
}

/// Writes who looks now, and keeps the last look unless `looked_at` is another.
pub async fn set_look(
    tx: &mut Tx,
    id: AttemptId,
    look: Option<(JobId, Instant)>,
    looked_at: Option<Instant>,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE payment_attempts SET look_by = ?, look_until = ?, looked_at = COALESCE(?, looked_at) WHERE id = ?",
    )
    .bind(look.map(|(by, _)| by))
    .bind(look.map(|(_, until)| until))
    .bind(looked_at)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// `is_over`: nothing more is done about it.
pub async fn note(
    tx: &mut Tx,
    transmission_id: &str,
    event: &str,
    outcome: &str,
    is_over: bool,
) -> sqlx::Result<()> {
    let processed_at = is_over.then_some(tx.now);
    sqlx::query(
        "UPDATE webhook_inbox SET event = ?, outcome = ?, processed_at = ? WHERE transmission_id = ?",
    )
    .bind(event)
    .bind(outcome)
    .bind(processed_at)
    .bind(transmission_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Webhooks that nobody looked into and for which no job waits or runs, received from `from` until `to`.
pub async fn forgotten(
    pool: &MySqlPool,
    from: Instant,
    to: Instant,
    limit: u32,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT w.transmission_id FROM webhook_inbox w
         WHERE w.processed_at IS NULL AND w.outcome IS NULL AND w.received_at BETWEEN ? AND ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.live_key = CONCAT(?, ':', w.transmission_id))
         ORDER BY w.received_at LIMIT ?",
    )
    .bind(from)
    .bind(to)
    .bind(SyncWebhook::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}

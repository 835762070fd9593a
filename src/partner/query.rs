//! All SQL of endpoints.

use sqlx::{MySqlExecutor, MySqlPool};

use super::model::{Endpoint, EndpointState};
use crate::db::Tx;
use crate::id::WebhookEndpointId;
use crate::snapshot::LISTENERS;

macro_rules! endpoints {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, description, types, state, disabled_reason, secret_sealed, old_sealed, old_until,
                failing_since, enabled_at, version, created_at, updated_at FROM webhook_endpoints ",
            $rest
        )
    };
}

pub async fn list(pool: &MySqlPool) -> sqlx::Result<Vec<Endpoint>> {
    sqlx::query_as(endpoints!("WHERE state <> 'deleted' ORDER BY id DESC")).fetch_all(pool).await
}

pub async fn enabled(tx: &mut Tx) -> sqlx::Result<Vec<Endpoint>> {
    sqlx::query_as(endpoints!("WHERE state = 'enabled' ORDER BY id")).fetch_all(tx.conn()).await
}

pub async fn find(executor: impl MySqlExecutor<'_>, id: WebhookEndpointId) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as(endpoints!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

pub async fn lock(tx: &mut Tx, id: WebhookEndpointId) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as(endpoints!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

/// Locks the row that counts those who listen: whoever makes one more, or one less, waits for the other.
pub async fn lock_listeners(tx: &mut Tx) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT seq FROM topic_heads WHERE topic = ? FOR UPDATE")
        .bind(LISTENERS)
        .fetch_one(tx.conn())
        .await
}

pub async fn count_enabled(tx: &mut Tx) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM webhook_endpoints WHERE state = 'enabled'")
        .fetch_one(tx.conn())
        .await
}

pub async fn count_known(tx: &mut Tx) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM webhook_endpoints WHERE state IN ('enabled', 'disabled')")
        .fetch_one(tx.conn())
        .await
}

pub async fn insert(tx: &mut Tx, e: &Endpoint) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO webhook_endpoints (id, url, description, types, state, secret_sealed, enabled_at, version,
            created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(e.id)
    .bind(&e.url)
    .bind(&e.description)
    .bind(&e.types)
    .bind(e.state)
    .bind(&e.secret_sealed)
    .bind(e.enabled_at)
    .bind(e.version)
    .bind(e.created_at)
    .bind(e.updated_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// `false`: it has another state or version.
pub async fn compare_and_set(tx: &mut Tx, was: &Endpoint, is: &Endpoint) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE webhook_endpoints SET url = ?, description = ?, types = ?, state = ?, disabled_reason = ?,
            secret_sealed = ?, old_sealed = ?, old_until = ?, failing_since = ?, enabled_at = ?, version = ?,
            updated_at = ?
         WHERE id = ? AND state = ? AND version = ?",
    )
    .bind(&is.url)
    .bind(&is.description)
    .bind(&is.types)
    .bind(is.state)
    .bind(&is.disabled_reason)
    .bind(&is.secret_sealed)
    .bind(&is.old_sealed)
    .bind(is.old_until)
    .bind(is.failing_since)
    .bind(is.enabled_at)
    .bind(is.version)
    .bind(is.updated_at)
    .bind(is.id)
    .bind(was.state)
    .bind(was.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn add_history(
    tx: &mut Tx,
    from: Option<EndpointState>,
    is: &Endpoint,
    cause: &str,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    tx.moved("webhook_endpoint", is.id.0, from.map(EndpointState::name), is.state.name());
    let (actor, request_id, now) = (tx.cx.actor, tx.cx.request_id.clone(), tx.now);
    sqlx::query(
        "INSERT INTO webhook_endpoint_history (endpoint_id, version, from_state, to_state, cause, reason,
            actor_kind, actor_id, request_id, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(is.id)
    .bind(is.version)
    .bind(from)
    .bind(is.state)
    .bind(cause)
    .bind(reason)
    .bind(actor.kind())
    .bind(actor.id())
    .bind(request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It has taken something: whatever failed before is no matter.
pub async fn succeeded(tx: &mut Tx, id: WebhookEndpointId) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = ? AND failing_since IS NOT NULL",
    )
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn failed(tx: &mut Tx, id: WebhookEndpointId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE webhook_endpoints SET failing_since = ? WHERE id = ? AND failing_since IS NULL")
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

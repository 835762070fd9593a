//! Webhooks as they come: stored, answered, and looked into by a job.

use sqlx::MySqlPool;

use super::query;
use crate::db::Tx;
use crate::job::SyncWebhook;
use crate::outbox;

/// Stores a webhook and the job that looks into it. A transmission that came before changes nothing (S33).
pub async fn store_webhook(tx: &mut Tx, transmission_id: &str, body: &[u8]) -> sqlx::Result<()> {
    if query::insert_webhook(tx, transmission_id, body).await? {
        outbox::enqueue(tx, &SyncWebhook { transmission_id: transmission_id.to_owned() }).await?;
    } else {
        metrics::counter!("konnect_webhooks_duplicate_total").increment(1);
    }
    Ok(())
}

pub async fn webhook_body(pool: &MySqlPool, transmission_id: &str) -> sqlx::Result<Option<Vec<u8>>> {
    query::webhook_body(pool, transmission_id).await
}

/// Writes what became of a webhook.
pub async fn close_webhook(tx: &mut Tx, transmission_id: &str, outcome: &str) -> sqlx::Result<()> {
    query::close_webhook(tx, transmission_id, outcome).await
}

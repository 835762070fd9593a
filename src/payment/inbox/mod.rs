//! Webhooks as they come: stored byte for byte, answered, and looked into by a job.

mod query;

use chrono::TimeDelta;
use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::db::{Db, Tx};
use crate::job::SyncWebhook;
use crate::outbox;

/// A webhook is looked into within this time; later, its job is written again.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);
/// Older ones are left to the reconcilers, which ask the provider about the rows themselves.
const NEWS: TimeDelta = TimeDelta::days(5);

/// What came over the wire. The header's texts are bounded by the caller.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The provider's id of the transmission; the same for each of its retries.
    pub transmission_id: &'a str,
    pub transmission_time: Option<&'a str>,
    pub retried_count: Option<u32>,
    pub signature: Option<&'a str>,
    pub body: &'a [u8],
}

/// A stored webhook.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Webhook {
    pub transmission_id: String,
    /// As it came: a signature is over these bytes.
    pub body: Vec<u8>,
    pub transmission_time: Option<String>,
    pub signature: Option<String>,
    /// What became of it so far; nothing yet for a fresh one.
    pub outcome: Option<String>,
    pub received_at: Instant,
}

/// Stores a webhook and the job that looks into it. A transmission that came before is counted and changes nothing
/// (S33).
pub async fn store_webhook(tx: &mut Tx, hook: &Arrival<'_>) -> sqlx::Result<()> {
    if query::insert(tx, hook).await? {
        outbox::enqueue(tx, &SyncWebhook { transmission_id: hook.transmission_id.to_owned() }).await?;
    } else {
        query::count_duplicate(tx, hook.transmission_id).await?;
        metrics::counter!("konnect_webhooks_duplicate_total").increment(1);
    }
    Ok(())
}

pub async fn webhook(pool: &MySqlPool, transmission_id: &str) -> sqlx::Result<Option<Webhook>> {
    query::find(pool, transmission_id).await
}

/// Writes what became of a webhook, for good.
pub async fn close_webhook(
    tx: &mut Tx,
    transmission_id: &str,
    event: &str,
    outcome: &str,
) -> sqlx::Result<()> {
    query::note(tx, transmission_id, event, outcome, true).await
}

/// Writes why a webhook still waits.
pub async fn note_webhook(
    tx: &mut Tx,
    transmission_id: &str,
    event: &str,
    outcome: &str,
) -> sqlx::Result<()> {
    query::note(tx, transmission_id, event, outcome, false).await
}

/// Webhooks without an outcome whose job is lost or dead.
pub async fn forgotten_webhooks(db: &Db) -> sqlx::Result<Vec<String>> {
    let now = db.now();
    query::forgotten(db.pool(), now - NEWS, now - PATIENCE, 200).await
}

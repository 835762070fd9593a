//! Webhooks as they come: stored byte for byte, answered, and looked into by a job.

mod query;

use std::collections::HashSet;

use chrono::TimeDelta;
use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::db::{Db, Tx};
use crate::id::{AttemptId, JobId};
use crate::job::SyncWebhook;
use crate::outbox::{self, Cause};

/// A webhook is looked into within this time; later, its job is written again.
const PATIENCE: TimeDelta = TimeDelta::minutes(2);
/// Older ones are left to the reconcilers, which ask the provider about the rows themselves.
const NEWS: TimeDelta = TimeDelta::days(5);

/// How long others wait for a look whose worker died. Longer than any run takes.
const LOOK: TimeDelta = TimeDelta::minutes(2);
/// A webhook was surely there before a look that began so much later. Far more than clocks of ours may differ.
const SURELY: TimeDelta = TimeDelta::seconds(10);
/// Asked again so soon whether somebody else's look is over.
const AGAIN: TimeDelta = TimeDelta::seconds(1);

/// What came over the wire. The header's texts are bounded by the caller.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The provider's id of the transmission; the same for each of its retries.
    pub transmission_id: String,
    pub transmission_time: Option<String>,
    pub retried_count: Option<u32>,
    pub signature: Option<String>,
    pub body: Vec<u8>,
    /// The request that brought it.
    pub cause: Cause,
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

/// Stores webhooks, each with the job that looks into it. A transmission that came before is counted and changes
/// nothing (S33).
pub async fn store_webhooks(tx: &mut Tx, hooks: &[Arrival]) -> sqlx::Result<()> {
    let mut known: HashSet<String> = query::known(tx, hooks).await?.into_iter().collect();
    query::insert(tx, hooks).await?;
    let mut jobs = Vec::new();
    for hook in hooks {
        if known.insert(hook.transmission_id.clone()) {
            let job = SyncWebhook { transmission_id: hook.transmission_id.clone() };
            jobs.push((job, hook.cause.clone()));
        } else {
            metrics::counter!("konnect_webhooks_duplicate_total").increment(1);
        }
    }
    outbox::enqueue_many(tx, &jobs).await
}

pub async fn webhook(pool: &MySqlPool, transmission_id: &str) -> sqlx::Result<Option<Webhook>> {
    query::find(pool, transmission_id).await
}

/// Whether the provider is to be asked about a payment because of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Ask, and then say so by [`end_look`]. The instant is when this look began.
    Yours(Instant),
    /// The provider was asked after the webhook had come, and what followed from that is written.
    Covered,
    /// Somebody else asks just now: again at this instant.
    Busy(Instant),
}

/// Begins a look at the provider for a webhook that came at `received_at`, on behalf of the job `by`. One at a time for
/// each attempt, so that however many webhooks name an order, they cost one call at a time, and those that waited for it
/// mostly none.
pub async fn begin_look(tx: &mut Tx, id: AttemptId, by: JobId, received_at: Instant) -> sqlx::Result<Look> {
    let now = tx.now;
    let last = query::lock_look(tx, id).await?;
    if last.looked_at.is_some_and(|began| began > received_at + SURELY) {
        return Ok(Look::Covered);
    }
    // A job that lost its lease takes its own look up again.
    if last.look_by.is_some_and(|other| other != by) && last.look_until.is_some_and(|until| until > now) {
        return Ok(Look::Busy((now + AGAIN).max(received_at + SURELY)));
    }
    query::set_look(tx, id, Some((by, now + LOOK)), None).await?;
    Ok(Look::Yours(now))
}

/// Lets go of a look. `began`: when it began, where it was read and what follows is written in this transaction.
pub async fn end_look(tx: &mut Tx, id: AttemptId, began: Option<Instant>) -> sqlx::Result<()> {
    query::set_look(tx, id, None, began).await
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

//! What feeds the hub: the Redis subscription, and the sweep that finds what the subscription lost.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::{RedisError, RedisResult};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, sleep, timeout};

use super::hub::Inner;
use super::query;
use crate::event::Event;

/// How late an event may come whose publication was lost. The end of a session travels as an event, too, and
/// must reach its sockets within 5 s.
const SWEEP: Duration = Duration::from_secs(2);
const TOPICS_PER_QUERY: usize = 500;
/// A subscription that was silent for this long is asked whether it still lives.
const QUIET: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Keeps one subscription alive until `stop`.
pub async fn follow(inner: Arc<Inner>) {
    let mut wait = FIRST_WAIT;
    loop {
        let mut heard = false;
        tokio::select! {
            () = inner.stop.cancelled() => return,
            outcome = subscribe(&inner, &mut heard) => {
                let error = outcome.err().map_or("connection closed".to_owned(), |e| e.to_string());
                tracing::warn!(error, "event subscription lost; the sweep makes up for it meanwhile");
            }
        }
        metrics::counter!("konnect_pubsub_reconnects_total").increment(1);
        wait = if heard { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = sleep(wait) => {}
        }
    }
}

/// One life of the subscription. `heard` becomes true once it stands.
async fn subscribe(inner: &Inner, heard: &mut bool) -> RedisResult<()> {
    let pubsub = timeout(ANSWER, inner.core.redis_client.get_async_pubsub()).await.map_err(silent)??;
    let (mut sink, mut messages) = pubsub.split();
    timeout(ANSWER, sink.subscribe(inner.core.keys.events())).await.map_err(silent)??;
    *heard = true;
    // What happened while nobody listened.
    inner.sweep.notify_one();
    loop {
        match timeout(QUIET, messages.next()).await {
            Ok(Some(message)) => receive(inner, message.get_payload_bytes()),
            Ok(None) => return Ok(()),
            Err(_) => drop(timeout(ANSWER, sink.ping::<redis::Value>()).await.map_err(silent)??),
        }
    }
}

fn silent(_: tokio::time::error::Elapsed) -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Most events concern nobody here: their topic is looked at before the rest is read.
fn receive(inner: &Inner, payload: &[u8]) {
    #[derive(Deserialize)]
    struct Addressed<'a> {
        #[serde(borrow)]
        topic: Cow<'a, str>,
    }
    let outcome = serde_json::from_slice::<Addressed>(payload).and_then(|addressed| {
        if inner.has(&addressed.topic) {
            inner.deliver(serde_json::from_slice::<Event>(payload)?);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        // A newer process may say more than this one understands; the sweep brings the row.
        metrics::counter!("konnect_hints_unreadable_total").increment(1);
        tracing::debug!(%error, "unreadable hint");
    }
}

/// Compares the heads of all local topics with what their listeners were told, now and then and on request.
pub async fn sweep(inner: Arc<Inner>) {
    let mut timer = tokio::time::interval(SWEEP);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = inner.stop.cancelled() => return,
            _ = timer.tick() => {}
            () = inner.sweep.notified() => {}
        }
        if let Err(error) = compare(&inner).await {
            tracing::warn!(%error, "topics not swept; trying again");
        }
    }
}

async fn compare(inner: &Inner) -> sqlx::Result<()> {
    for topics in inner.topics().chunks(TOPICS_PER_QUERY) {
        for (topic, head) in query::heads(inner.core.db.pool(), topics).await? {
            inner.compare(&topic, head);
        }
    }
    Ok(())
}

//! What feeds the hub: the Redis subscriptions, and the sweep that finds what they lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSubSink;
use redis::{RedisError, RedisResult};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, sleep, timeout};

use super::hub::Inner;
use super::query;

/// How late an event may come whose publication was lost. The end of a session travels as an event, too, and
/// must reach its sockets within 5 s.
const SWEEP: Duration = Duration::from_secs(2);
const TOPICS_PER_QUERY: usize = 500;
/// Topics in one command, and changes that are looked at together.
const AT_ONCE: usize = 500;
/// A connection that was silent for this long is asked whether it still lives.
const QUIET: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

type Changed = mpsc::UnboundedReceiver<Arc<str>>;

/// Keeps one connection with its subscriptions alive until `stop`.
pub async fn follow(inner: Arc<Inner>, mut changed: Changed) {
    let mut wait = FIRST_WAIT;
    loop {
        let mut heard = false;
        tokio::select! {
            () = inner.stop.cancelled() => return,
            outcome = subscribe(&inner, &mut changed, &mut heard) => {
                let error = outcome.err().map_or("connection closed".to_owned(), |e| e.to_string());
                tracing::warn!(error, "subscriptions lost; the sweep makes up for them meanwhile");
            }
        }
        inner.channels.connected(false);
        metrics::counter!("konnect_pubsub_reconnects_total", "listener" => "hub").increment(1);
        wait = if heard { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = inner.stop.cancelled() => return,
            () = sleep(wait) => {}
        }
    }
}

/// One life of the connection. `heard` becomes true once everything that is wanted is subscribed.
async fn subscribe(inner: &Inner, changed: &mut Changed, heard: &mut bool) -> RedisResult<()> {
    let pubsub = timeout(ANSWER, inner.core.redis_client.get_async_pubsub()).await.map_err(silent)??;
    let (mut sink, mut messages) = pubsub.split();
    inner.channels.connected(true);
    let mut stands = HashSet::new();
    for topics in inner.channels.all().chunks(AT_ONCE) {
        update(inner, &mut sink, &mut stands, topics.to_vec()).await?;
    }
    *heard = true;
    // What happened while nobody listened.
    inner.sweep.notify_one();
    let prefix = inner.core.keys.topics();
    let mut changes = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = changed.recv_many(&mut changes, AT_ONCE) => {
                if count == 0 {
                    return Ok(());
                }
                update(inner, &mut sink, &mut stands, std::mem::take(&mut changes)).await?;
            }
            message = timeout(QUIET, messages.next()) => match message {
                Ok(Some(message)) => {
                    let topic = message.get_channel_name().strip_prefix(&prefix).unwrap_or_default();
                    inner.receive(topic, message.get_payload_bytes());
                }
                Ok(None) => return Ok(()),
                Err(_) => drop(timeout(ANSWER, sink.ping::<redis::Value>()).await.map_err(silent)??),
            },
        }
    }
}

/// Brings the subscriptions of these topics to what is wanted now.
async fn update(
    inner: &Inner,
    sink: &mut PubSubSink,
    stands: &mut HashSet<Arc<str>>,
    mut topics: Vec<Arc<str>>,
) -> RedisResult<()> {
    topics.sort_unstable();
    topics.dedup();
    let (wanted, unwanted): (Vec<_>, Vec<_>) =
        topics.into_iter().partition(|topic| inner.channels.is_wanted(topic));
    let name = |topic: &Arc<str>| inner.core.keys.topic(topic);
    let fresh: Vec<_> = wanted.iter().filter(|topic| !stands.contains(*topic)).map(name).collect();
    let stale: Vec<_> = unwanted.iter().filter(|topic| stands.contains(*topic)).map(name).collect();
    if !fresh.is_empty() {
        timeout(ANSWER, sink.subscribe(fresh)).await.map_err(silent)??;
    }
    if !stale.is_empty() {
        timeout(ANSWER, sink.unsubscribe(stale)).await.map_err(silent)??;
    }
    for topic in &unwanted {
        stands.remove(topic);
    }
    stands.extend(wanted.iter().cloned());
    inner.channels.stands(&wanted);
    Ok(())
}

fn silent(_: tokio::time::error::Elapsed) -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
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

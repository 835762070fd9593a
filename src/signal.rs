//! What a committed transaction tells the other processes, by Redis pub/sub: hints, never the truth.
//!
//! A signal that is lost (a crash between commit and publish, Redis away) is repaired by polling: the relay
//! polls the outbox, sockets poll the heads of their topics, a cached calendar version and a cached offering die
//! with their TTL.

use std::time::Duration;

use redis::aio::ConnectionManager;
use tokio::sync::mpsc;

use crate::db::Outgoing;
use crate::id::{OfferingId, ReservationId, UserId};

/// A cached calendar version is believed for this long when no newer one is announced.
pub const CALENDAR_TTL: Duration = Duration::from_secs(5);
const BACKLOG: usize = 4096;

/// Versions only grow: two processes may publish theirs in the other order than they committed.
const RAISE: &str = "local known = tonumber(redis.call('get', KEYS[1]))
    if not known or known <= tonumber(ARGV[1]) then redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2]) end";

/// Names of Redis keys and channels; the prefix keeps environments and tests apart.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// Patterns of Redis that together fit every key.
    pub fn patterns(&self) -> [String; 2] {
        [format!("{}:*", self.prefix), format!("{}.*", self.prefix)]
    }

    /// Channel: names of queues with fresh rows, for the relay.
    pub fn outbox_wake(&self) -> String {
        format!("{}:outbox:wake", self.prefix)
    }

    /// Channel: what happens in one topic (`user:<id>`, `room:<id>`), for the api processes that serve it.
    pub fn topic(&self, topic: &str) -> String {
        format!("{}{topic}", self.topics())
    }

    /// What every [`Self::topic`] begins with.
    pub fn topics(&self) -> String {
        format!("{}:topic:", self.prefix)
    }

    /// Channel: ids of people whose calendar changed and of offerings that changed, for what processes remember.
    pub fn changes(&self) -> String {
        format!("{}:changes", self.prefix)
    }

    /// The newest known version of a calendar.
    pub fn calendar_version(&self, person: UserId) -> String {
        format!("{}{person}", self.calendar_versions())
    }

    /// What every [`Self::calendar_version`] begins with; the rest is the person's id.
    pub fn calendar_versions(&self) -> String {
        format!("{}:calendar:", self.prefix)
    }

    /// An offering that everybody may book: its mentor and its version.
    pub fn offering(&self, offering: OfferingId) -> String {
        format!("{}:offering:{offering}", self.prefix)
    }

    /// One cached slot listing.
    pub fn slots(&self, suffix: &str) -> String {
        format!("{}:slots:{suffix}", self.prefix)
    }

    /// How often somebody (a hash) did something.
    pub fn rate(&self, what: &str, who: &str) -> String {
        format!("{}:rate:{what}:{who}", self.prefix)
    }

    /// A single-use WebSocket ticket.
    pub fn ticket(&self, ticket: &str) -> String {
        format!("{}:ticket:{ticket}", self.prefix)
    }

    /// What a room has in Redis begins with this. The braces put all keys of a room into one slot of a cluster.
    pub fn room(&self, room: ReservationId) -> String {
        format!("{}:room:{{{room}}}", self.prefix)
    }

    /// Who is in a live room, and what they agreed on.
    pub fn live_room(&self, room: ReservationId) -> String {
        format!("{}:live", self.room(room))
    }

    /// Written by the relay: gone after a flush, which is how the relay learns that deliveries are gone too.
    pub fn transport_alive(&self) -> String {
        format!("{}:transport:alive", self.prefix)
    }

    /// The apalis queue. It must hold no ':' beyond the prefix's own rules, so a '.' joins it.
    pub fn queue(&self, queue: crate::job::Queue) -> String {
        format!("{}.{}", self.prefix, queue.name())
    }
}

/// The sending half; cheap to clone. Never blocks a request: a full backlog drops hints.
#[derive(Clone)]
pub struct Signals {
    sender: mpsc::Sender<Outgoing>,
}

impl Signals {
    pub fn start(redis: ConnectionManager, keys: Keys) -> Self {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        tokio::spawn(publish(redis, keys, receiver));
        Self { sender }
    }

    pub(crate) fn send(&self, outgoing: Outgoing) {
        if self.sender.try_send(outgoing).is_err() {
            metrics::counter!("konnect_signals_dropped_total").increment(1);
        }
    }
}

/// Takes whatever has gathered and sends it in one pipeline.
async fn publish(mut redis: ConnectionManager, keys: Keys, mut receiver: mpsc::Receiver<Outgoing>) {
    let mut batch = Vec::new();
    while receiver.recv_many(&mut batch, 256).await > 0 {
        let mut pipe = redis::pipe();
        let mut queues = std::collections::BTreeSet::new();
        let mut changes = std::collections::BTreeSet::new();
        for outgoing in batch.drain(..) {
            queues.extend(outgoing.queues);
            for (person, version) in outgoing.calendars {
                changes.insert(person.0);
                pipe.cmd("EVAL")
                    .arg(RAISE)
                    .arg(1)
                    .arg(keys.calendar_version(person))
                    .arg(version)
                    .arg(CALENDAR_TTL.as_millis() as u64)
                    .ignore();
            }
            for offering in outgoing.offerings {
                changes.insert(offering.0);
                pipe.del(keys.offering(offering)).ignore();
            }
            for hint in outgoing.hints {
                let frame = serde_json::to_string(&hint).expect("a hint is plain data");
                pipe.publish(keys.topic(&hint.topic), frame).ignore();
            }
        }
        if !changes.is_empty() {
            // After the versions: whoever asks again because of this finds the new ones.
            let ids: Vec<_> = changes.iter().map(ToString::to_string).collect();
            pipe.publish(keys.changes(), ids.join(",")).ignore();
        }
        if !queues.is_empty() {
            let names: Vec<_> = queues.iter().map(|q| q.name()).collect();
            pipe.publish(keys.outbox_wake(), names.join(",")).ignore();
        }
        if let Err(error) = pipe.query_async::<()>(&mut redis).await {
            tracing::warn!(%error, "signals not published; polling will make up for it");
        }
    }
}

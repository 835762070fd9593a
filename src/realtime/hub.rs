//! The hub: from what happens in all processes to the listeners of this one. It alone subscribes to Redis.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::channels::{Channels, Standing};
use super::connection::Connection;
use super::listener::{Listener, Mailbox};
use super::publisher::Publisher;
use super::room::{Frame, topic};
use super::rooms::{Ear, Letterbox, Rooms, Told};
use super::seat::{Seat, Seats};
use super::{Error, lock, relay};
use crate::auth::{self, Principal, Tokens};
use crate::core::Core;
use crate::event::{self, Event};
use crate::id::{NodeId, ReservationId, UserId};

/// One per process; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub core: Core,
    pub stop: CancellationToken,
    pub seats: Arc<Seats>,
    /// Asks for a sweep now.
    pub sweep: Notify,
    pub channels: Channels,
    pub rooms: Rooms,
    pub node: NodeId,
    /// How the frames begin that this process publishes.
    pub own_prefix: String,
    publisher: Publisher,
    /// Reservations of which something was heard.
    changed: Mutex<HashSet<ReservationId>>,
    topics: Mutex<HashMap<Arc<str>, Vec<Arc<Mailbox>>>>,
}

impl Hub {
    /// Starts listening. At `stop` the tasks end and every socket is told to go elsewhere.
    pub fn start(core: &Core, sockets_per_user: usize, stop: CancellationToken) -> Self {
        let (channels, changed) = Channels::new();
        let node = NodeId::generate();
        let inner = Arc::new(Inner {
            core: core.clone(),
            stop,
            seats: Seats::new(sockets_per_user),
            sweep: Notify::new(),
            channels,
            rooms: Rooms::default(),
            node,
            own_prefix: Told::prefix(node),
            publisher: Publisher::start(core.redis.clone()),
            changed: Mutex::default(),
            topics: Mutex::default(),
        });
        tokio::spawn(relay::follow(inner.clone(), changed));
        tokio::spawn(relay::sweep(inner.clone()));
        Self { inner }
    }

    /// Hears of a topic from now on. Who wants to miss nothing listens first, waits for
    /// [`Listener::stands`], and reads the state afterwards.
    pub fn listen(&self, topic: impl Into<Arc<str>>) -> Listener {
        self.inner.listen(topic.into())
    }

    /// Cancelled when the process is on its way out.
    pub fn stopping(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    /// A place for one more connection of this user, if there is one.
    pub(super) fn take_seat(&self, user: UserId) -> Option<Seat> {
        self.inner.seats.take(user)
    }

    pub(super) fn core(&self) -> &Core {
        &self.inner.core
    }

    /// This process, among those that serve the same rooms.
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// Hears of a room from now on, through `letters`.
    pub fn enter(&self, room: ReservationId, letters: &Arc<Letterbox>) -> (Ear, Standing) {
        self.inner.enter(room, letters)
    }

    /// Tells everybody in the room whom it concerns, in this process at once, in the others through Redis. `seq` is
    /// the position in the room's log, for what stands there.
    pub fn tell(&self, frame: Frame, seq: Option<i64>) {
        let told = Arc::new(Told::caused(self.inner.node, frame, seq));
        if self.inner.rooms.deliver(&told) {
            return;
        }
        let payload = serde_json::to_string(&*told).expect("a frame is plain data");
        self.inner.publisher.send(self.inner.core.keys.topic(&topic(told.room)), payload);
    }

    /// The same in this process alone: for what every process that serves the room finds by itself.
    pub fn tell_here(&self, frame: Frame) {
        self.inner.rooms.deliver(&Arc::new(Told::new(self.inner.node, frame, None)));
    }

    /// The reservations of which something was heard since this was last asked.
    pub(super) fn take_changed(&self) -> HashSet<ReservationId> {
        std::mem::take(&mut *lock(&self.inner.changed))
    }

    /// The rooms that connections of this process are in.
    pub fn rooms(&self) -> Vec<ReservationId> {
        self.inner.rooms.all()
    }

    /// Makes everybody here read on who was not told of the log up to `head`.
    pub fn compare_room(&self, room: ReservationId, head: i64) {
        self.inner.rooms.compare(room, head);
    }

    /// Whether the process is on its way out, so that no socket should be opened.
    pub fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// Waits until every socket is closed: at most a few seconds after `stop`.
    pub async fn drained(&self) {
        self.inner.seats.empty().await;
    }

    /// Prepares a socket for somebody who has proved who they are. `after` is the last event they know; without
    /// it the socket starts at the newest.
    ///
    /// # Errors
    /// See [`Error`]; all are told before the protocol is switched.
    pub async fn open(
        &self,
        tokens: &Tokens,
        principal: Principal,
        after: Option<i64>,
    ) -> Result<Connection, Error> {
        let inner = &self.inner;
        let pool = inner.core.db.pool();
        if self.is_stopping() {
            return Err(Error::Stopping);
        }
        // A token is verified with leeway for the clocks of others; a socket ends without.
        if principal.expires_at <= inner.core.clock.now() {
            return Err(Error::TokenExpired);
        }
        let seat = inner.seats.take(principal.user_id).ok_or(Error::TooMany)?;
        let mut listener = self.listen(event::user_topic(principal.user_id));
        listener.stands().await;
        let head = event::head(pool, listener.topic()).await?;
        // After the head: a revocation that is not behind it will come as an event.
        if !auth::session_live(pool, principal.session_id).await.map_err(database)? {
            return Err(Error::SessionRevoked);
        }
        listener.seen(head);
        Ok(Connection {
            tokens: tokens.clone(),
            principal,
            seat,
            listener,
            head,
            after,
            stop: inner.stop.clone(),
        })
    }
}

fn database(error: auth::Error) -> Error {
    match error {
        auth::Error::Database(error) => Error::Database(error),
        _ => Error::SessionRevoked,
    }
}

impl Inner {
    fn listen(self: &Arc<Self>, topic: Arc<str>) -> Listener {
        let mailbox = Arc::<Mailbox>::default();
        lock(&self.topics).entry(topic.clone()).or_default().push(mailbox.clone());
        let standing = self.channels.join(&topic);
        Listener::new(self.clone(), topic, mailbox, standing)
    }

    pub fn forget(&self, topic: &Arc<str>, mailbox: &Arc<Mailbox>) {
        self.channels.leave(topic);
        let mut topics = lock(&self.topics);
        if let Some(mailboxes) = topics.get_mut(topic) {
            mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
            if mailboxes.is_empty() {
                topics.remove(topic);
            }
        }
    }

    /// What Redis brought.
    pub fn receive(&self, topic: &str, payload: &[u8]) {
        let outcome = if topic.starts_with("room:") {
            self.receive_told(payload)
        } else {
            serde_json::from_slice::<Event>(payload).map(|event| self.deliver(event))
        };
        if let Err(error) = outcome {
            // A newer process may say more than this one understands; the sweep brings the row.
            metrics::counter!("konnect_hints_unreadable_total").increment(1);
            tracing::debug!(%error, "unreadable hint");
        }
    }

    pub fn topics(&self) -> Vec<Arc<str>> {
        lock(&self.topics).keys().cloned().collect()
    }

    fn deliver(&self, event: Event) {
        let about = |name: &str| event.data.0[name].as_str().and_then(|id| id.parse::<ReservationId>().ok());
        lock(&self.changed).extend(["reservationId", "extends"].into_iter().filter_map(about));
        let event = Arc::new(event);
        for mailbox in lock(&self.topics).get(event.topic.as_str()).into_iter().flatten() {
            mailbox.push(&event);
        }
    }

    pub fn compare(&self, topic: &str, head: i64) {
        for mailbox in lock(&self.topics).get(topic).into_iter().flatten() {
            mailbox.compare(head);
        }
    }
}

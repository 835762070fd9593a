//! The hub: from the events of all processes to the listeners of this one.
//!
//! It alone subscribes to Redis, so spreading topics over several channels later concerns nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::listener::{Listener, Mailbox};
use super::seat::Seats;
use super::{Error, lock, relay};
use crate::auth::{self, Principal, Tokens};
use crate::core::Core;
use crate::event::{self, Event};

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
    topics: Mutex<HashMap<Arc<str>, Vec<Arc<Mailbox>>>>,
}

impl Hub {
    /// Starts listening. At `stop` the tasks end and every socket is told to go elsewhere.
    pub fn start(core: &Core, stop: CancellationToken) -> Self {
        let inner = Arc::new(Inner {
            core: core.clone(),
            stop,
            seats: Seats::new(),
            sweep: Notify::new(),
            topics: Mutex::default(),
        });
        tokio::spawn(relay::follow(inner.clone()));
        tokio::spawn(relay::sweep(inner.clone()));
        Self { inner }
    }

    /// Hears of a topic from now on. Who wants to miss nothing listens first and reads the state afterwards.
    pub fn listen(&self, topic: impl Into<Arc<str>>) -> Listener {
        self.inner.listen(topic.into())
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
        let listener = self.listen(event::user_topic(principal.user_id));
        let head = event::head(pool, listener.topic()).await?;
        // After the head: a revocation that is not behind it will come as an event.
        if !auth::session_live(pool, principal.session_id).await.map_err(database)? {
            return Err(Error::SessionRevoked);
        }
        listener.seen(head);
        let core = inner.core.clone();
        Ok(Connection {
            core,
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
        Listener::new(self.clone(), topic, mailbox)
    }

    pub fn forget(&self, topic: &str, mailbox: &Arc<Mailbox>) {
        let mut topics = lock(&self.topics);
        if let Some(mailboxes) = topics.get_mut(topic) {
            mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
            if mailboxes.is_empty() {
                topics.remove(topic);
            }
        }
    }

    pub fn has(&self, topic: &str) -> bool {
        lock(&self.topics).contains_key(topic)
    }

    pub fn topics(&self) -> Vec<Arc<str>> {
        lock(&self.topics).keys().cloned().collect()
    }

    pub fn deliver(&self, event: Event) {
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

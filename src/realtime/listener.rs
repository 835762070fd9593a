//! The local end of a topic: a bounded queue that never blocks whoever fills it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::channels::Standing;
use super::hub::Inner;
use super::lock;
use crate::event::Event;

/// Events that may wait for a listener.
const CAPACITY: usize = 256;

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Signal {
    /// An event, as far as pub/sub brought it: perhaps doubled, perhaps after one that is missing.
    Frame(Arc<Event>),
    /// Something was missed: read on from the database.
    CatchUp,
}

/// Hears of one topic until it is dropped.
pub struct Listener {
    inner: Arc<Inner>,
    topic: Arc<str>,
    mailbox: Arc<Mailbox>,
    standing: Option<Standing>,
}

impl Listener {
    pub(super) fn new(inner: Arc<Inner>, topic: Arc<str>, mailbox: Arc<Mailbox>, standing: Standing) -> Self {
        Self { inner, topic, mailbox, standing: Some(standing) }
    }

    /// Waits until what is published is heard, at most a moment: what is published before comes late, by the sweep.
    pub async fn stands(&mut self) {
        if let Some(standing) = self.standing.take() {
            standing.wait().await;
        }
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The next signal. May be dropped at any point without losing one.
    pub async fn recv(&mut self) -> Signal {
        loop {
            if let Some(signal) = self.mailbox.pop() {
                return signal;
            }
            self.mailbox.filled.notified().await;
        }
    }

    /// Says up to where the owner has read by itself, which saves a needless [`Signal::CatchUp`].
    pub fn seen(&self, seq: i64) {
        let mut state = lock(&self.mailbox.state);
        state.told = Some(state.told.unwrap_or(seq).max(seq));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.inner.forget(&self.topic, &self.mailbox);
    }
}

/// Where the hub puts what a listener will hear.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Arc<Event>>,
    catch_up: bool,
    /// The newest sequence the listener was told of; `None` until anything is known.
    told: Option<i64>,
}

impl Mailbox {
    /// Queues an event; when there is no room, the listener is told to catch up instead.
    pub fn push(&self, event: &Arc<Event>) {
        let mut state = lock(&self.state);
        state.told = Some(state.told.unwrap_or(event.seq).max(event.seq));
        if state.queue.len() >= CAPACITY {
            state.queue = VecDeque::new();
            state.catch_up = true;
        } else if !state.catch_up {
            state.queue.push_back(event.clone());
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Compares with the head of the topic: a listener that was not told of it has missed something.
    pub fn compare(&self, head: i64) {
        let mut state = lock(&self.state);
        if state.told.is_some_and(|told| told >= head) {
            return;
        }
        state.told = Some(head);
        state.catch_up = true;
        drop(state);
        self.filled.notify_one();
    }

    fn pop(&self) -> Option<Signal> {
        let mut state = lock(&self.state);
        if state.catch_up {
            // Whatever is queued was committed before, so the database has it.
            state.catch_up = false;
            state.queue = VecDeque::new();
            return Some(Signal::CatchUp);
        }
        state.queue.pop_front().map(Signal::Frame)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;
    use crate::id::EventId;

    fn event(seq: i64) -> Arc<Event> {
        let at = chrono::DateTime::from_timestamp(0, 0).expect("the epoch");
        let (topic, kind) = ("user:1".to_owned(), "a.b".to_owned());
        Arc::new(Event { id: EventId::generate(), topic, seq, kind, at, data: Json(json!({})), trace: None })
    }

    #[test]
    fn overflow_becomes_one_catch_up() {
        let mailbox = Mailbox::default();
        for seq in 1..=CAPACITY as i64 + 5 {
            mailbox.push(&event(seq));
        }
        assert!(matches!(mailbox.pop(), Some(Signal::CatchUp)));
        assert!(mailbox.pop().is_none());
        mailbox.push(&event(1000));
        assert!(matches!(mailbox.pop(), Some(Signal::Frame(e)) if e.seq == 1000));
    }

    #[test]
    fn the_sweep_tells_once_of_what_was_lost() {
        let mailbox = Mailbox::default();
        mailbox.push(&event(7));
        mailbox.pop();
        mailbox.compare(7);
        assert!(mailbox.pop().is_none(), "nothing was missed");
        mailbox.compare(8);
        mailbox.compare(8);
        assert!(matches!(mailbox.pop(), Some(Signal::CatchUp)));
        assert!(mailbox.pop().is_none());
    }
}

//! Answers that this process made or fetched a moment ago, until it hears that they are old.
//!
//! Committed transactions announce what they changed ([`crate::signal`]); whoever remembers something that depends
//! on it forgets it. While the announcements cannot be heard nothing is remembered, and [`LIFE`] bounds what an
//! announcement that was lost can do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::signal::Keys;

/// For how long an answer is given again when nobody says that it is old.
const LIFE: Duration = Duration::from_secs(1);
/// Bytes of answers that are kept; then all are forgotten, which costs each one look elsewhere.
const ROOM: usize = 32 << 20;
/// Between two attempts to hear again.
const PAUSE: Duration = Duration::from_millis(500);

/// Cheap to clone.
#[derive(Clone)]
pub struct Memo {
    inner: Arc<Inner>,
}

struct Inner {
    redis: redis::Client,
    channel: String,
    listening: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    bytes: usize,
    /// Announcements are heard.
    hears: bool,
    /// Rises with every announcement.
    epoch: u64,
}

struct Answer {
    text: Bytes,
    depends_on: [Uuid; 2],
    until: Instant,
}

/// The moment before an answer was looked for: it is remembered only when nothing was announced since.
#[derive(Clone, Copy, Debug)]
pub struct Epoch(u64);

impl Memo {
    pub fn new(redis: redis::Client, keys: &Keys) -> Self {
        let (channel, listening, state) = (keys.changes(), AtomicBool::default(), Mutex::default());
        Self { inner: Arc::new(Inner { redis, channel, listening, state }) }
    }

    /// The answer under a key, or where a search for it begins.
    ///
    /// The first call starts to listen: a process that asks nothing hears nothing.
    pub fn get(&self, key: &str) -> Result<Bytes, Epoch> {
        if !self.inner.listening.swap(true, Ordering::Relaxed) {
            tokio::spawn(listen(Arc::downgrade(&self.inner)));
        }
        let state = self.inner.lock();
        let epoch = Epoch(state.epoch);
        let known = state.answers.get(key).filter(|answer| answer.until > Instant::now());
        let text = known.map(|answer| answer.text.clone());
        drop(state);
        text.ok_or(epoch)
    }

    /// Remembers an answer that holds as long as nothing happens to the two rows it depends on.
    pub fn put(&self, since: Epoch, key: String, depends_on: [Uuid; 2], text: Bytes) {
        let mut state = self.inner.lock();
        if !state.hears || state.epoch != since.0 {
            return;
        }
        if state.bytes + text.len() > ROOM {
            state.clear();
        }
        state.bytes += text.len();
        let answer = Answer { text, depends_on, until: Instant::now() + LIFE };
        if let Some(old) = state.answers.insert(key, answer) {
            state.bytes -= old.text.len();
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves at worst a wrong sum of bytes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_hears(&self, hears: bool) {
        let mut state = self.lock();
        state.hears = hears;
        state.epoch += 1;
        state.clear();
    }

    fn forget(&self, changed: &[Uuid]) {
        let mut state = self.lock();
        state.epoch += 1;
        let mut freed = 0;
        state.answers.retain(|_, answer| {
            let stays = !answer.depends_on.iter().any(|row| changed.contains(row));
            freed += if stays { 0 } else { answer.text.len() };
            stays
        });
        state.bytes -= freed;
    }
}

impl State {
    fn clear(&mut self) {
        self.answers.clear();
        self.bytes = 0;
    }
}

/// Hears what changes, for as long as somebody remembers.
async fn listen(inner: Weak<Inner>) {
    while let Some((redis, channel)) = inner.upgrade().map(|i| (i.redis.clone(), i.channel.clone())) {
        if let Ok(mut pubsub) = redis.get_async_pubsub().await
            && pubsub.subscribe(&channel).await.is_ok()
        {
            let mut messages = pubsub.on_message();
            if let Some(inner) = inner.upgrade() {
                inner.set_hears(true);
            }
            while let Some(message) = messages.next().await {
                let Some(inner) = inner.upgrade() else { return };
                let text: String = message.get_payload().unwrap_or_default();
                let changed: Vec<Uuid> = text.split(',').filter_map(|id| id.parse().ok()).collect();
                inner.forget(&changed);
            }
        }
        if let Some(inner) = inner.upgrade() {
            inner.set_hears(false);
        }
        metrics::counter!("konnect_pubsub_reconnects_total", "listener" => "memo").increment(1);
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memo() -> Memo {
        let redis = redis::Client::open("redis://127.0.0.1:1").unwrap();
        let memo = Memo::new(redis, &Keys::new("test"));
        memo.inner.listening.store(true, Ordering::Relaxed);
        memo.inner.set_hears(true);
        memo
    }

    fn epoch(memo: &Memo) -> Epoch {
        memo.get("nothing is here").unwrap_err()
    }

    #[test]
    fn an_answer_is_forgotten_when_one_of_its_rows_changes() {
        let (memo, [a, b, c]) = (memo(), [1, 2, 3].map(Uuid::from_u128));
        memo.put(epoch(&memo), "ab".into(), [a, b], Bytes::from_static(b"of a and b"));
        memo.put(epoch(&memo), "bc".into(), [b, c], Bytes::from_static(b"of b and c"));
        memo.inner.forget(&[a]);
        assert!(memo.get("ab").is_err());
        assert_eq!(memo.get("bc").unwrap(), "of b and c");
        assert_eq!(memo.inner.lock().bytes, 10);
    }

    #[test]
    fn what_changed_during_the_search_is_not_remembered() {
        let (memo, a) = (memo(), Uuid::from_u128(1));
        let since = epoch(&memo);
        memo.inner.forget(&[a]);
        memo.put(since, "a".into(), [a, a], Bytes::from_static(b"old"));
        assert!(memo.get("a").is_err());
    }

    #[test]
    fn the_deaf_remember_nothing() {
        let (memo, a) = (memo(), Uuid::from_u128(1));
        memo.put(epoch(&memo), "a".into(), [a, a], Bytes::from_static(b"good"));
        memo.inner.set_hears(false);
        assert!(memo.get("a").is_err());
        memo.put(epoch(&memo), "a".into(), [a, a], Bytes::from_static(b"good"));
        assert!(memo.get("a").is_err());
    }
}

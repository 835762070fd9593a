//! The channels this process wants to hear: one for each topic that somebody here listens to, so that a process hears
//! of nothing but what it serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::lock;

/// How long somebody waits for a subscription to stand. Whatever happens before it does is found by the sweep.
const STANDING: Duration = Duration::from_millis(250);

/// Topics with their listeners counted. Cheap to share.
#[derive(Debug)]
pub struct Channels {
    wanted: Mutex<HashMap<Arc<str>, Wanted>>,
    changes: mpsc::UnboundedSender<Arc<str>>,
    /// Whether there is a connection on which a subscription could stand soon.
    connected: watch::Sender<bool>,
}

#[derive(Debug)]
struct Wanted {
    listeners: usize,
    stands: watch::Sender<bool>,
}

impl Channels {
    /// The channels, and the topics whose wishes change from now on.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Arc<str>>) {
        let (changes, changed) = mpsc::unbounded_channel();
        (Self { wanted: Mutex::default(), changes, connected: watch::Sender::new(false) }, changed)
    }

    /// One listener more.
    pub fn join(&self, topic: &Arc<str>) -> Standing {
        let mut wanted = lock(&self.wanted);
        let entry = wanted
            .entry(topic.clone())
            .or_insert_with(|| Wanted { listeners: 0, stands: watch::Sender::new(false) });
        entry.listeners += 1;
        if entry.listeners == 1 {
            self.announce(topic);
        }
        Standing { stands: entry.stands.subscribe(), connected: self.connected.subscribe() }
    }

    /// One listener less.
    pub fn leave(&self, topic: &Arc<str>) {
        let mut wanted = lock(&self.wanted);
        if let Some(entry) = wanted.get_mut(topic) {
            entry.listeners -= 1;
            if entry.listeners == 0 {
                wanted.remove(topic);
                self.announce(topic);
            }
        }
    }

    fn announce(&self, topic: &Arc<str>) {
        // The receiver is gone when the process stops: nobody listens then.
        let _ = self.changes.send(topic.clone());
    }

    pub fn is_wanted(&self, topic: &str) -> bool {
        lock(&self.wanted).contains_key(topic)
    }

    pub fn all(&self) -> Vec<Arc<str>> {
        lock(&self.wanted).keys().cloned().collect()
    }

    /// The connection came or went. With it go all subscriptions.
    pub fn connected(&self, is: bool) {
        if !is {
            for entry in lock(&self.wanted).values() {
                entry.stands.send_replace(false);
            }
        }
        self.connected.send_replace(is);
    }

    pub fn stands(&self, topics: &[Arc<str>]) {
        let wanted = lock(&self.wanted);
        for entry in topics.iter().filter_map(|topic| wanted.get(topic)) {
            entry.stands.send_replace(true);
        }
    }
}

/// The subscription of one topic.
#[derive(Debug)]
pub struct Standing {
    stands: watch::Receiver<bool>,
    connected: watch::Receiver<bool>,
}

impl Standing {
    /// Waits until what is published is heard here, at most a moment, and not at all while Redis is away.
    pub async fn wait(mut self) {
        let stands = async {
            tokio::select! {
                _ = self.stands.wait_for(|stands| *stands) => {}
                _ = self.connected.wait_for(|connected| !*connected) => {}
            }
        };
        drop(timeout(STANDING, stands).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_topic_is_wanted_from_its_first_listener_to_its_last() {
        let (channels, mut changed) = Channels::new();
        let topic: Arc<str> = "room:1".into();
        channels.connected(true);
        let standing = channels.join(&topic);
        channels.join(&topic);
        channels.stands(std::slice::from_ref(&topic));
        standing.wait().await;
        channels.leave(&topic);
        assert!(channels.is_wanted("room:1"));
        channels.leave(&topic);
        assert!(!channels.is_wanted("room:1"));
        assert_eq!((changed.try_recv().ok(), changed.try_recv().ok()), (Some(topic.clone()), Some(topic)));
        assert!(changed.try_recv().is_err(), "a second listener changes nothing");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_redis_that_is_away_and_not_long_for_one_that_is_silent() {
        let (channels, _changed) = Channels::new();
        let now = channels.join(&"room:1".into()).wait();
        assert!(futures_util::FutureExt::now_or_never(now).is_some());
        channels.connected(true);
        let mut later = pinned(channels.join(&"room:2".into()));
        assert!(futures_util::FutureExt::now_or_never(&mut later).is_none());
        later.await;
    }

    fn pinned(standing: Standing) -> std::pin::Pin<Box<impl Future<Output = ()>>> {
        Box::pin(standing.wait())
    }
}

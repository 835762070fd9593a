//! The way from a guest to its client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{CAPACITY, Said};

/// How long something waits when its recipient has no room, before it is tried again.
pub const AGAIN: Duration = Duration::from_millis(25);

/// A client that is told things by whoever calls, without a task between.
pub trait Recipient: Send + Sync {
    /// `false`: there is no room now.
    fn take(&self, said: &Said) -> bool;
    /// The client reads too slowly: its connection is to end.
    fn too_slow(&self);
}

/// Never blocks whoever says something; holds [`CAPACITY`] of it.
pub enum Outlet {
    /// To a task that owns the wire and takes things as the wire does.
    Queue { sender: mpsc::Sender<Said>, too_slow: CancellationToken },
    /// Straight to the client, and while it has no room, in turn.
    Straight { recipient: Arc<dyn Recipient>, waiting: VecDeque<Said> },
}

impl Outlet {
    /// `false`: there is no room for it.
    pub fn say(&mut self, said: Said) -> bool {
        match self {
            Self::Queue { sender, .. } => sender.try_send(said).is_ok(),
            Self::Straight { recipient, waiting } => {
                if waiting.is_empty() && recipient.take(&said) {
                    return true;
                }
                let has_room = waiting.len() < CAPACITY;
                if has_room {
                    waiting.push_back(said);
                }
                has_room
            }
        }
    }

    /// Whether the client has taken everything.
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Queue { sender, .. } => sender.capacity() == CAPACITY,
            Self::Straight { waiting, .. } => waiting.is_empty(),
        }
    }

    /// Whether [`drain`](Self::drain) has to be called for what waits to go on.
    pub fn wants_help(&self) -> bool {
        matches!(self, Self::Straight { waiting, .. } if !waiting.is_empty())
    }

    /// Waits until the client has taken everything. May be dropped at any point.
    pub async fn drain(&mut self) {
        match self {
            // All places are free then.
            Self::Queue { sender, .. } => drop(sender.reserve_many(CAPACITY).await),
            Self::Straight { recipient, waiting } => {
                while let Some(said) = waiting.front() {
                    if recipient.take(said) {
                        waiting.pop_front();
                    } else {
                        sleep(AGAIN).await;
                    }
                }
            }
        }
    }

    /// Ends the connection of a client that reads too slowly.
    pub fn give_up(&self) {
        match self {
            Self::Queue { too_slow, .. } => too_slow.cancel(),
            Self::Straight { recipient, .. } => recipient.too_slow(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;
    use crate::realtime::lock;

    /// Has room for a few things.
    #[derive(Default)]
    struct Small {
        room: Mutex<usize>,
        taken: Mutex<Vec<&'static str>>,
    }

    impl Recipient for Small {
        fn take(&self, said: &Said) -> bool {
            let Said::Own { kind, .. } = said else { panic!("nothing else is said here") };
            let mut room = lock(&self.room);
            let has_room = *room > 0;
            if has_room {
                *room -= 1;
                lock(&self.taken).push(kind);
            }
            has_room
        }

        fn too_slow(&self) {}
    }

    fn said(kind: &'static str) -> Said {
        Said::Own { kind, fields: Value::Null }
    }

    #[tokio::test]
    async fn nothing_overtakes_what_waits() {
        let small = Arc::new(Small { room: Mutex::new(1), ..Small::default() });
        let mut outlet = Outlet::Straight { recipient: small.clone(), waiting: VecDeque::new() };
        assert!(outlet.say(said("a")) && outlet.is_idle());
        assert!(outlet.say(said("b")) && outlet.wants_help());
        *lock(&small.room) = 2;
        assert!(outlet.say(said("c")), "there is room, behind what waits");
        assert_eq!(*lock(&small.taken), ["a"]);
        outlet.drain().await;
        assert_eq!(*lock(&small.taken), ["a", "b", "c"]);
        assert!(outlet.is_idle());
    }

    #[tokio::test]
    async fn so_much_waits_and_no_more() {
        let small = Arc::new(Small::default());
        let mut outlet = Outlet::Straight { recipient: small.clone(), waiting: VecDeque::new() };
        for _ in 0..CAPACITY {
            assert!(outlet.say(said("a")));
        }
        assert!(!outlet.say(said("b")));
        *lock(&small.room) = CAPACITY;
        outlet.drain().await;
        assert!(outlet.is_idle());
    }
}

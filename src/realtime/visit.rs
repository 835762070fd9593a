//! What one connection does in one room.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attendance::Attendance;
use super::feed::Feed;
use super::rooms::Ear;
use crate::chat::Access;

/// How long it is believed that a member may still do what it could.
const BELIEVED: Duration = Duration::from_secs(5);
/// Others are told at most this often that somebody types.
const TYPING: Duration = Duration::from_secs(3);

#[derive(Default)]
pub struct Visit {
    pub chat: Option<Chat>,
    pub live: Option<Arc<Attendance>>,
    /// Another device of the person took over.
    pub superseded: bool,
}

/// A connection that follows the room's log.
pub struct Chat {
    pub feed: Feed,
    pub access: Access,
    known_at: Instant,
    typed_at: Option<Instant>,
    _ear: Ear,
}

impl Chat {
    /// Whether it is time to tell others once more that the member types.
    pub fn tells_typing(&mut self) -> bool {
        let now = Instant::now();
        let due = self.typed_at.is_none_or(|at| now - at >= TYPING);
        if due {
            self.typed_at = Some(now);
        }
        due
    }
}

impl Visit {
    pub fn join_chat(&mut self, ear: Ear, access: Access, after: i64, head: i64) {
        let feed = Feed::new(after, head);
        self.chat = Some(Chat { feed, access, known_at: Instant::now(), typed_at: None, _ear: ear });
    }

    /// What the member may do, as long as it can be believed.
    pub fn fresh_access(&self) -> Option<Access> {
        self.chat.as_ref().filter(|chat| chat.known_at.elapsed() < BELIEVED).map(|chat| chat.access)
    }

    pub fn know(&mut self, access: Access) {
        if let Some(chat) = &mut self.chat {
            (chat.access, chat.known_at) = (access, Instant::now());
        }
    }

    pub fn is_over(&self) -> bool {
        self.chat.is_none() && self.live.is_none() && !self.superseded
    }
}

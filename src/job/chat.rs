use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::{ReservationId, UserId};

/// Removes files that were uploaded into chats and never sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct SweepUploads {}

impl Job for SweepUploads {
    const KIND: &'static str = "chat.sweep_uploads.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

/// Some time after a message: tells whom it was sent to, unless they have read it.
#[derive(Debug, Serialize, Deserialize)]
pub struct TellUnreadChat {
    /// The room.
    pub reservation_id: ReservationId,
    /// Who was written to.
    pub user_id: UserId,
}

impl Job for TellUnreadChat {
    const KIND: &'static str = "chat.tell_unread.v1";
    const QUEUE: Queue = Queue::Notification;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.user_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

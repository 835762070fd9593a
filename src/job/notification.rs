use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Job, Queue, Retry, secs};
use crate::clock::Instant;
use crate::id::{DigestId, NoticeId, ReservationId, UserId};

/// Turns one happening into a notice per person and channel.
#[derive(Debug, Serialize, Deserialize)]
pub struct NotifyEvent {
    /// Names the happening: the same one gives the same notices, however often it is enqueued.
    pub event_key: String,
    /// Stable name such as `reservation.confirmed`; picks the text.
    pub kind: String,
    pub people: Vec<UserId>,
    pub reservation_id: Option<ReservationId>,
    /// Facts for the text. No personal data beyond names.
    pub data: Value,
    /// After this moment the notice is of no use and is not sent (UTC).
    pub expires_at: Option<Instant>,
}

impl Job for NotifyEvent {
    const KIND: &'static str = "notification.fan_out.v1";
    const QUEUE: Queue = Queue::Notification;
    const RETRY: Retry = Retry::INTERNAL;

    fn subject(&self) -> Option<Uuid> {
        self.reservation_id.map(|id| id.0)
    }
}

/// Hands one notice to its mail server or push service.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeliverNotice {
    pub notice_id: NoticeId,
}

impl Job for DeliverNotice {
    const KIND: &'static str = "notification.deliver.v1";
    const QUEUE: Queue = Queue::Notification;
    /// A day and a third: a receipt is of use after a night without a mail server.
    const RETRY: Retry = Retry(&secs([5, 30, 120, 600, 1800, 3600, 3600, 7200, 14400, 28800, 57600]));
    /// Longer than the mail server and the push service may take together with their retries of a login.
    const TIMEOUT: Duration = Duration::from_secs(120);

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.notice_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.notice_id.0)
    }
}

/// The window of a digest is over: tells what was gathered in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendDigest {
    pub digest_id: DigestId,
}

impl Job for SendDigest {
    const KIND: &'static str = "notification.digest.v1";
    const QUEUE: Queue = Queue::Notification;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.digest_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.digest_id.0)
    }
}

/// Copies new events into the activity log in MongoDB.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordActivity {}

impl Job for RecordActivity {
    const KIND: &'static str = "notification.record_activity.v1";
    const QUEUE: Queue = Queue::Notification;
    const RETRY: Retry = Retry::INTERNAL;
    /// Enough to read again and copy what happens in two busy minutes, or a long stretch after an outage.
    const TIMEOUT: Duration = Duration::from_secs(300);
}

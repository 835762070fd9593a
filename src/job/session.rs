use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::ReservationId;

/// Ten minutes after the start: decides by the record of the room who did not come.
#[derive(Debug, Serialize, Deserialize)]
pub struct DecideNoShow {
    pub reservation_id: ReservationId,
    /// Grows when the session is moved; a job of an older schedule does nothing.
    pub schedule_version: i64,
}

impl Job for DecideNoShow {
    const KIND: &'static str = "session.decide_no_show.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.schedule_version))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// A session came to nothing: its extensions do too.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndExtensions {
    /// The session that was extended.
    pub reservation_id: ReservationId,
}

impl Job for EndExtensions {
    const KIND: &'static str = "session.end_extensions.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.reservation_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Some time after a session: asks both sides what it was like.
#[derive(Debug, Serialize, Deserialize)]
pub struct AskReview {
    pub reservation_id: ReservationId,
}

impl Job for AskReview {
    const KIND: &'static str = "session.ask_review.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.reservation_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Closes the stays of whoever is not seen any more, and writes the jobs that sessions lack.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileSessions {}

impl Job for ReconcileSessions {
    const KIND: &'static str = "session.reconcile.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
}

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::{ReservationId, UserId};

/// A mentor was suspended: finds what they have ahead, and has each of it cancelled by a job of its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct CancelAhead {
    pub mentor_id: UserId,
    /// Of the account when it was suspended: a later suspension has its own jobs.
    pub suspension: i64,
    /// Whoever was booking at that moment is found by a second look.
    pub look: u8,
}

impl Job for CancelAhead {
    const KIND: &'static str = "reservation.cancel_ahead.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}:{}", Self::KIND, self.mentor_id, self.suspension, self.look))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.mentor_id.0)
    }
}

/// Cancels one reservation of a suspended mentor. Listed under the mentor, so that an operator sees how far it has come.
#[derive(Debug, Serialize, Deserialize)]
pub struct CancelForSuspended {
    pub reservation_id: ReservationId,
    pub mentor_id: UserId,
    pub suspension: i64,
}

impl Job for CancelForSuspended {
    const KIND: &'static str = "reservation.cancel_for_suspended.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.suspension))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.mentor_id.0)
    }
}

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::UserId;

/// Something of a mentor's may be free: offers it to the first who waits for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfferFreed {
    pub mentor_id: UserId,
}

impl Job for OfferFreed {
    const KIND: &'static str = "waitlist.offer_freed.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.mentor_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.mentor_id.0)
    }
}

/// Finds mentors for whom somebody waits and has them looked at: hours that were opened make no job.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileWaitlist {}

impl Job for ReconcileWaitlist {
    const KIND: &'static str = "waitlist.reconcile.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
}

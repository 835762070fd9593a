use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::{UserId, WaitlistId};

/// Something of a mentor's may be free: offers it to the first who waits for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfferFreed {
    pub mentor_id: UserId,
    /// Those up to this entry were looked at, and nothing suited them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<WaitlistId>,
}

impl OfferFreed {
    /// Begins with whoever waits longest.
    pub fn of(mentor_id: UserId) -> Self {
        Self { mentor_id, after: None }
    }
}

impl Job for OfferFreed {
    const KIND: &'static str = "waitlist.offer_freed.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        let mentor = format!("{}:{}", Self::KIND, self.mentor_id);
        Some(self.after.map_or_else(|| mentor.clone(), |after| format!("{mentor}:{after}")))
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

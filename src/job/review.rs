use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::clock::Instant;
use crate::id::ReservationId;

/// The time to review a session is over: what was written is published. Bound to the end it was written for.
#[derive(Debug, Serialize, Deserialize)]
pub struct PublishReviews {
    pub reservation_id: ReservationId,
    pub publish_at: Instant,
}

impl Job for PublishReviews {
    const KIND: &'static str = "review.publish.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.publish_at.timestamp_micros()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Finds reviews that nobody will publish, and figures that are not the sums of their rows.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileReviews {}

impl Job for ReconcileReviews {
    const KIND: &'static str = "review.reconcile.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
}

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::clock::Instant;
use crate::id::DisputeId;

/// The time to answer a dispute, or to show evidence, is over. Bound to the deadline it was written for.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndDisputePhase {
    pub dispute_id: DisputeId,
    pub deadline: Instant,
}

impl Job for EndDisputePhase {
    const KIND: &'static str = "dispute.end_phase.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.dispute_id, self.deadline.timestamp_micros()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.dispute_id.0)
    }
}

/// Finds disputes whose deadline has no job, and writes the job.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileDisputes {}

impl Job for ReconcileDisputes {
    const KIND: &'static str = "dispute.reconcile.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
}

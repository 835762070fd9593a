use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::ReservationId;

/// Splits what is held for a finished reservation between the mentor and the platform.
#[derive(Debug, Serialize, Deserialize)]
pub struct AccrueSettlement {
    pub reservation_id: ReservationId,
}

impl Job for AccrueSettlement {
    const KIND: &'static str = "settlement.accrue.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.reservation_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Looks whether what a reservation earned may be paid: the window for problems is over, and the provider still has
/// the money.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReleaseSettlement {
    pub reservation_id: ReservationId,
}

impl Job for ReleaseSettlement {
    const KIND: &'static str = "settlement.release.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = Duration::from_secs(90);

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.reservation_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Accrues and releases what no event asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileSettlement {}

impl Job for ReconcileSettlement {
    const KIND: &'static str = "settlement.reconcile.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;
}

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::clock::Instant;
use crate::id::ReservationId;

/// The mentor did not answer a request in time. Bound to the deadline it was written for.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExpireRequest {
    pub reservation_id: ReservationId,
    pub deadline: Instant,
}

impl Job for ExpireRequest {
    const KIND: &'static str = "reservation.expire_request.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.deadline.timestamp_micros()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// The hold ended: the slot opens again unless a payment is being confirmed right now.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExpireHold {
    pub reservation_id: ReservationId,
    /// A later hold of the same reservation has its own job.
    pub deadline: Instant,
}

impl Job for ExpireHold {
    const KIND: &'static str = "reservation.expire_hold.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.deadline.timestamp_micros()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// The hold ends soon and nothing is paid yet: tells whoever should pay.
#[derive(Debug, Serialize, Deserialize)]
pub struct WarnHold {
    pub reservation_id: ReservationId,
    /// The end of the hold that it is about; a later hold has its own job.
    pub deadline: Instant,
}

impl Job for WarnHold {
    const KIND: &'static str = "reservation.warn_hold.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.deadline.timestamp_micros()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Nobody answered a proposal to move a booking in time: the cells it claims are free again.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExpireMove {
    pub reservation_id: ReservationId,
    /// The end of the proposal that it is about; a later one has its own job.
    pub deadline: Instant,
}

impl Job for ExpireMove {
    const KIND: &'static str = "reservation.expire_move.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.deadline.timestamp_micros()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// The session begins.
#[derive(Debug, Serialize, Deserialize)]
pub struct StartReservation {
    pub reservation_id: ReservationId,
    /// Grows when the session is moved; a job of an older schedule does nothing.
    pub schedule_version: i64,
}

impl Job for StartReservation {
    const KIND: &'static str = "reservation.start.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.schedule_version))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Nobody complained for long enough after the end: the session counts as done.
#[derive(Debug, Serialize, Deserialize)]
pub struct CompleteReservation {
    pub reservation_id: ReservationId,
    pub schedule_version: i64,
}

impl Job for CompleteReservation {
    const KIND: &'static str = "reservation.complete.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.reservation_id, self.schedule_version))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// How long before its start a session is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lead {
    Day,
    Hour,
    TenMinutes,
}

impl Lead {
    pub const ALL: [Self; 3] = [Self::Day, Self::Hour, Self::TenMinutes];

    pub fn length(self) -> TimeDelta {
        match self {
            Self::Day => TimeDelta::hours(24),
            Self::Hour => TimeDelta::hours(1),
            Self::TenMinutes => TimeDelta::minutes(10),
        }
    }

    /// The one that follows it.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Day => Some(Self::Hour),
            Self::Hour => Some(Self::TenMinutes),
            Self::TenMinutes => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Hour => "1h",
            Self::TenMinutes => "10m",
        }
    }
}

/// Announces a session to both sides.
#[derive(Debug, Serialize, Deserialize)]
pub struct RemindReservation {
    pub reservation_id: ReservationId,
    pub schedule_version: i64,
    pub lead: Lead,
}

impl Job for RemindReservation {
    const KIND: &'static str = "reservation.remind.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}:{}", Self::KIND, self.reservation_id, self.schedule_version, self.lead.name()))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.reservation_id.0)
    }
}

/// Finds live reservations whose deadline has no job, and writes the job.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileReservations {}

impl Job for ReconcileReservations {
    const KIND: &'static str = "reservation.reconcile.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
}

/// Asks both sides of every booking whose wall clock is another one by new zone data to look at it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReviewZoneData {}

impl Job for ReviewZoneData {
    const KIND: &'static str = "reservation.review_zone_data.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
    const TIMEOUT: Duration = Duration::from_secs(300);
}

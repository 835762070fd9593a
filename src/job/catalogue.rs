use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::clock::Instant;
use crate::id::UserId;

/// What made the free days of a mentor old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshCause {
    /// The calendar has this version now.
    Calendar(i64),
    /// The card has this revision now: what is offered has changed.
    Card(i64),
    /// It was known that they would be old then (UTC).
    Clock(Instant),
}

/// Works out when a mentor can be booked. One whose cause was seen to by another run does nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefreshNextFree {
    pub mentor_id: UserId,
    pub cause: RefreshCause,
}

impl RefreshNextFree {
    /// A change is seen to this much later: what follows at once is done in the same run, and nobody waits for it.
    pub const SOON: TimeDelta = TimeDelta::seconds(1);
}

impl Job for RefreshNextFree {
    const KIND: &'static str = "catalogue.refresh_next_free.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        let cause = match self.cause {
            RefreshCause::Calendar(version) => format!("calendar:{version}"),
            RefreshCause::Card(revision) => format!("card:{revision}"),
            RefreshCause::Clock(at) => format!("clock:{}", at.timestamp_micros()),
        };
        Some(format!("{}:{}:{cause}", Self::KIND, self.mentor_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.mentor_id.0)
    }
}

/// Finds free days that nobody brings up to date, and cards that do not say what their sources say.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileCatalogue {}

impl Job for ReconcileCatalogue {
    const KIND: &'static str = "catalogue.reconcile.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

/// Counts what became of mentors' bookings of late, for those whose facts are oldest.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefreshFacts {}

impl Job for RefreshFacts {
    const KIND: &'static str = "catalogue.refresh_facts.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

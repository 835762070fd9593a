use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Job, Queue, Retry};
use crate::clock::Instant;

/// Does nothing but travel: `admin jobs ping` sends it to see that the line is whole, and how fast it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ping {
    /// When it was enqueued (UTC).
    pub sent_at: Instant,
}

impl Job for Ping {
    const KIND: &'static str = "diagnostic.ping.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

/// Deletes rows that served their purpose (see `retention`).
#[derive(Debug, Serialize, Deserialize)]
pub struct ForgetOldRows {}

impl Job for ForgetOldRows {
    const KIND: &'static str = "retention.forget.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;
    const TIMEOUT: Duration = Duration::from_secs(300);
}

use serde::{Deserialize, Serialize};

use super::{Job, Queue, Retry};

/// Counts days that are over, for the dashboard.
#[derive(Debug, Serialize, Deserialize)]
pub struct CountDays {}

impl Job for CountDays {
    const KIND: &'static str = "office.count_days.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

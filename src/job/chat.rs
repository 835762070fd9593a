use serde::{Deserialize, Serialize};

use super::{Job, Queue, Retry};

/// Removes files that were uploaded into chats and never sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct SweepUploads {}

impl Job for SweepUploads {
    const KIND: &'static str = "chat.sweep_uploads.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry, secs};
use crate::id::{EmailCodeId, UserId};

/// Mails a code that proves a mailbox. Whoever gets none asks for another: there is nothing to reconcile.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendEmailCode {
    pub code_id: EmailCodeId,
}

impl Job for SendEmailCode {
    const KIND: &'static str = "auth.send_email_code.v1";
    const QUEUE: Queue = Queue::Notification;
    /// The last try comes after the code's end, and finds nothing to do.
    const RETRY: Retry = Retry(&secs([2, 5, 15, 60, 120, 240, 300]));

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.code_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.code_id.0)
    }
}

/// The time is over in which somebody could come back: erases who they were.
#[derive(Debug, Serialize, Deserialize)]
pub struct EraseAccount {
    pub user_id: UserId,
    /// Of the account when it was shut: one that was kept, and shut again, has its own job.
    pub version: i64,
}

impl Job for EraseAccount {
    const KIND: &'static str = "account.erase.v1";
    const QUEUE: Queue = Queue::Booking;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}:{}", Self::KIND, self.user_id, self.version))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.user_id.0)
    }
}

/// Removes files of pictures that nobody shows, and finds accounts whose erasure was lost.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeepAccounts {}

impl Job for KeepAccounts {
    const KIND: &'static str = "account.keep.v1";
    const QUEUE: Queue = Queue::Reminder;
    const RETRY: Retry = Retry::INTERNAL;
}

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry, secs};
use crate::id::{EmailCodeId, FormerEmailId, UserId};

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

/// Mails the way back to the address that an account had before. An operator sees it when no try came through.
#[derive(Debug, Serialize, Deserialize)]
pub struct TellFormerEmail {
    pub former_id: FormerEmailId,
}

impl Job for TellFormerEmail {
    const KIND: &'static str = "account.tell_former_email.v1";
    const QUEUE: Queue = Queue::Notification;
    /// As long as a mail server is waited for with notices; the way back is open for three days.
    const RETRY: Retry = Retry(&secs([5, 30, 120, 600, 3600, 14_400, 28_800, 28_800]));

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.former_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.former_id.0)
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

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry, secs};
use crate::id::EmailCodeId;

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

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry, secs};
use crate::id::{AttemptId, RefundId};

/// The provider's answer is awaited for at most 60 s (its own docs give no figure), then it is unknown.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(90);

/// Asks the provider to take the money of one attempt.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmPayment {
    pub attempt_id: AttemptId,
}

impl Job for ConfirmPayment {
    const KIND: &'static str = "payment.confirm.v1";
    const QUEUE: Queue = Queue::Payment;
    /// An authenticated payment can be confirmed for 10 minutes; what is unknown after that is asked for by
    /// [`RequeryPayment`].
    const RETRY: Retry = Retry(&secs([1, 2, 5, 10, 30, 60, 120]));
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.attempt_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.attempt_id.0)
    }
}

/// Asks the provider what became of an attempt whose outcome is unknown.
#[derive(Debug, Serialize, Deserialize)]
pub struct RequeryPayment {
    pub attempt_id: AttemptId,
}

impl Job for RequeryPayment {
    const KIND: &'static str = "payment.requery.v1";
    const QUEUE: Queue = Queue::Payment;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.attempt_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.attempt_id.0)
    }
}

/// Gives money back.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefundPayment {
    pub refund_id: RefundId,
}

impl Job for RefundPayment {
    const KIND: &'static str = "payment.refund.v1";
    const QUEUE: Queue = Queue::Payment;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.refund_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.refund_id.0)
    }
}

/// Ends a refund as an operator said, unless the provider turns out to have made it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CloseRefund {
    pub refund_id: RefundId,
}

impl Job for CloseRefund {
    const KIND: &'static str = "payment.close_refund.v1";
    const QUEUE: Queue = Queue::Payment;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.refund_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.refund_id.0)
    }
}

/// Compares a captured payment with what the provider says of it now: cancels without us, reversals, refunds whose
/// answer was lost.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncPayment {
    pub attempt_id: AttemptId,
}

impl Job for SyncPayment {
    const KIND: &'static str = "payment.sync.v1";
    const QUEUE: Queue = Queue::Payment;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.attempt_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.attempt_id.0)
    }
}

/// Closes the account of a deposit that nobody waits for any more.
#[derive(Debug, Serialize, Deserialize)]
pub struct CloseDeposit {
    pub attempt_id: AttemptId,
}

impl Job for CloseDeposit {
    const KIND: &'static str = "payment.close_deposit.v1";
    const QUEUE: Queue = Queue::Payment;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.attempt_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.attempt_id.0)
    }
}

/// Re-reads at the provider what one stored webhook hinted at.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncWebhook {
    /// The provider's transmission id, the key of the inbox row.
    pub transmission_id: String,
}

impl Job for SyncWebhook {
    const KIND: &'static str = "payment.sync_webhook.v1";
    const QUEUE: Queue = Queue::Inbox;
    /// A day in all: an order that nobody knows by then is looked at by a person (S36).
    const RETRY: Retry = Retry(&secs([5, 15, 60, 300, 900, 3600, 7200, 14400, 28800, 31200]));
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.transmission_id))
    }
}

/// Finds attempts whose outcome is unknown, deposits that are awaited or unwanted, webhooks that nobody looked into,
/// captured money without a live reservation and refunds that stand still, and writes the job each of them lacks.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcilePayments {}

impl Job for ReconcilePayments {
    const KIND: &'static str = "payment.reconcile.v1";
    const QUEUE: Queue = Queue::Payment;
    const RETRY: Retry = Retry::INTERNAL;
    const TIMEOUT: Duration = Duration::from_secs(90);
}

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry};
use crate::id::{PayoutAccountId, PayoutId};

/// Two calls of at most 60 s each, and a look through pages of a list.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(240);

/// Tells the provider of a mentor's bank account: registers the payee, or changes it.
#[derive(Debug, Serialize, Deserialize)]
pub struct RegisterSeller {
    pub payout_account_id: PayoutAccountId,
}

impl Job for RegisterSeller {
    const KIND: &'static str = "settlement.register_seller.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.payout_account_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.payout_account_id.0)
    }
}

/// Reads a payee again at the provider: whether it may be paid.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncSeller {
    /// The provider's id.
    pub provider_seller_id: String,
}

impl Job for SyncSeller {
    const KIND: &'static str = "settlement.sync_seller.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.provider_seller_id))
    }
}

/// Makes the week's batch when it is due, and the payouts of every batch that is open.
#[derive(Debug, Serialize, Deserialize)]
pub struct RunPayoutBatch {}

impl Job for RunPayoutBatch {
    const KIND: &'static str = "settlement.payout_batch.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;
    const TIMEOUT: Duration = Duration::from_secs(300);

    /// That of the relay's own rows, so that an administrator's wish hastens the one that waits.
    fn dedup_key(&self) -> Option<String> {
        Some(Self::KIND.to_owned())
    }
}

/// Asks the provider to pay one payout, or what became of it when it was asked before.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendPayout {
    pub payout_id: PayoutId,
}

impl Job for SendPayout {
    const KIND: &'static str = "settlement.send_payout.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.payout_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.payout_id.0)
    }
}

/// Reads a payout again at the provider: whether the money has arrived.
#[derive(Debug, Serialize, Deserialize)]
pub struct SyncPayout {
    /// The provider's id.
    pub provider_payout_id: String,
}

impl Job for SyncPayout {
    const KIND: &'static str = "settlement.sync_payout.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = PROVIDER_TIMEOUT;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.provider_payout_id))
    }
}

/// Finds payouts without an outcome and accounts and payees that wait for the provider, and writes the job that each
/// of them lacks.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcilePayouts {}

impl Job for ReconcilePayouts {
    const KIND: &'static str = "settlement.reconcile_payouts.v1";
    const QUEUE: Queue = Queue::Settlement;
    const RETRY: Retry = Retry::INTERNAL;
}

/// Tells the address that a bank account was known by, that another account takes its place.
#[derive(Debug, Serialize, Deserialize)]
pub struct WarnOldContact {
    /// The account that was replaced.
    pub payout_account_id: PayoutAccountId,
}

impl Job for WarnOldContact {
    const KIND: &'static str = "payout.warn_old_contact.v1";
    const QUEUE: Queue = Queue::Notification;
    const RETRY: Retry = Retry::PROVIDER;
    const TIMEOUT: Duration = Duration::from_secs(120);

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.payout_account_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.payout_account_id.0)
    }
}

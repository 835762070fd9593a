//! Job payloads: what can be asked of the workers. A leaf: no handler and no SQL is known here.
//!
//! A payload holds ids and says its versioned kind, its queue, its retry schedule and how it is deduplicated.
//! A change of a payload's meaning is a new kind (`….v2`) beside the old one.

mod account;
mod audit;
mod catalogue;
mod chat;
mod dispute;
mod notification;
mod office;
mod payment;
mod payout;
mod reservation;
mod review;
mod session;
mod settlement;
mod suspension;
mod upkeep;
mod waitlist;
mod webhook;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Instant;

pub use account::{EraseAccount, KeepAccounts, SendEmailCode, TellFormerEmail};
pub use audit::{AuditLedger, AuditProviderDay, AuditWhole, PlanAudits};
pub use catalogue::{ReconcileCatalogue, RefreshCause, RefreshFacts, RefreshNextFree};
pub use chat::{SweepUploads, TellUnreadChat};
pub use dispute::{EndDisputePhase, ReconcileDisputes};
pub use notification::{DeliverNotice, NotifyEvent, RecordActivity, SendDigest};
pub use office::CountDays;
pub use payment::{
    CloseDeposit, CloseRefund, ConfirmPayment, ReconcilePayments, RefundPayment, RequeryPayment, SyncPayment,
    SyncWebhook,
};
pub use payout::{
    ReconcilePayouts, RegisterSeller, RunPayoutBatch, SendPayout, SyncPayout, SyncSeller, WarnOldContact,
};
pub use reservation::{
    CompleteReservation, ExpireHold, ExpireMove, ExpireRequest, Lead, ReconcileReservations,
    RemindReservation, ReviewZoneData, StartReservation, WarnHold,
};
pub use review::{PublishReviews, ReconcileReviews};
pub use session::{AskReview, DecideNoShow, EndExtensions, ReconcileSessions};
pub use settlement::{AccrueSettlement, ReconcileSettlement, ReleaseSettlement};
pub use suspension::{CancelAhead, CancelForSuspended};
pub use upkeep::{ForgetOldRows, Ping};
pub use waitlist::{OfferFreed, ReconcileWaitlist};
pub use webhook::{DeliverWebhook, FanOutWebhook, ReconcileWebhooks};

/// A queue is served by one kind of worker process (see `Procfile`); money and notices never wait for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    Payment,
    /// What anybody on the internet can write: beside the jobs of money, which must not wait behind it.
    Inbox,
    Settlement,
    Booking,
    Reminder,
    Notification,
    /// Systems of others may be slow, and keep nobody here waiting.
    Webhook,
}

impl Queue {
    pub const ALL: [Self; 7] = [
        Self::Payment,
        Self::Inbox,
        Self::Settlement,
        Self::Booking,
        Self::Reminder,
        Self::Notification,
        Self::Webhook,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Inbox => "inbox",
            Self::Settlement => "settlement",
            Self::Booking => "booking",
            Self::Reminder => "reminder",
            Self::Notification => "notification",
            Self::Webhook => "webhook",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.name() == name)
    }
}

/// When a failed job runs again: the waits before attempt 2, 3, … After the last one it is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry(pub &'static [Duration]);

impl Retry {
    /// For work inside our own walls.
    pub const INTERNAL: Self = Self(&secs([1, 5, 15, 60, 300, 900, 3600]));
    /// For a provider that may be down for a day: about 36 hours in all.
    pub const PROVIDER: Self = Self(&secs([2, 5, 15, 60, 300, 900, 3600, 7200, 14400, 28800, 57600]));

    /// How many attempts there are in all.
    pub fn cap(self) -> u32 {
        u32::try_from(self.0.len()).expect("a schedule is short") + 1
    }

    /// The wait after `attempt` (from 1) failed; `None` when it was the last.
    pub fn after(self, attempt: u32) -> Option<Duration> {
        self.0.get(attempt.saturating_sub(1) as usize).copied()
    }
}

const fn secs<const N: usize>(seconds: [u64; N]) -> [Duration; N] {
    let mut waits = [Duration::ZERO; N];
    let mut i = 0;
    while i < N {
        waits[i] = Duration::from_secs(seconds[i]);
        i += 1;
    }
    waits
}

/// A job that can be enqueued.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Versioned and stable: rows with it may be weeks old.
    const KIND: &'static str;
    const QUEUE: Queue;
    const RETRY: Retry;
    /// A run that takes longer is stopped and counts as failed; also the length of its lease.
    const TIMEOUT: Duration = Duration::from_secs(30);

    /// While a row with this key waits or runs, another one is not written.
    fn dedup_key(&self) -> Option<String> {
        None
    }

    /// The row this job is about, so that jobs can be listed and cancelled by it.
    fn subject(&self) -> Option<uuid::Uuid> {
        None
    }
}

/// A job without input that the relay writes again for every period, whether or not anything happened.
#[derive(Clone, Copy, Debug)]
pub struct Recurring {
    pub kind: &'static str,
    pub queue: Queue,
    pub every: Duration,
}

/// Every reconciler: a job without input that finds by itself what an event job missed.
pub const RECURRING: &[Recurring] = &[
    recurring::<ReconcilePayments>(30),
    recurring::<ReconcileReservations>(30),
    recurring::<ReconcileWaitlist>(60),
    recurring::<ReconcileSessions>(30),
    recurring::<ReconcileDisputes>(60),
    recurring::<ReconcileReviews>(60),
    recurring::<ReconcileCatalogue>(60),
    recurring::<RefreshFacts>(60),
    recurring::<ReconcileSettlement>(60),
    recurring::<AuditLedger>(300),
    recurring::<PlanAudits>(1800),
    recurring::<RunPayoutBatch>(300),
    recurring::<ReconcilePayouts>(60),
    recurring::<RecordActivity>(10),
    recurring::<ForgetOldRows>(60),
    recurring::<SweepUploads>(3600),
    recurring::<ReconcileWebhooks>(60),
    recurring::<CountDays>(900),
    recurring::<ReviewZoneData>(3600),
    recurring::<KeepAccounts>(600),
];

const fn recurring<J: Job>(seconds: u64) -> Recurring {
    Recurring { kind: J::KIND, queue: J::QUEUE, every: Duration::from_secs(seconds) }
}

/// The start of the next period (UTC). The row is deduplicated by its kind, so that one waits or runs at a time.
pub fn next_period(recurring: &Recurring, now: Instant) -> Instant {
    let every = i64::try_from(recurring.every.as_secs()).expect("a period is short");
    let start = (now.timestamp().div_euclid(every) + 1) * every;
    Instant::from_timestamp(start, 0).expect("the next period is a valid instant")
}

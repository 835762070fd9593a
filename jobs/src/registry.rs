//! Every kind of job and the handler that runs it.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Result;
use konnect::job::{
    AccrueSettlement, AskReview, AuditLedger, AuditProviderDay, AuditWhole, CancelAhead, CancelForSuspended,
    CloseDeposit, CloseRefund, CompleteReservation, ConfirmPayment, CountDays, DecideNoShow, DeliverNotice,
    DeliverWebhook, EndDisputePhase, EndExtensions, EraseAccount, ExpireHold, ExpireMove, ExpireRequest,
    FanOutWebhook, ForgetOldRows, KeepAccounts, NotifyEvent, OfferFreed, Ping, PlanAudits, PublishReviews,
    Queue, ReconcileCatalogue, ReconcileDisputes, ReconcilePayments, ReconcilePayouts, ReconcileReservations,
    ReconcileReviews, ReconcileSessions, ReconcileSettlement, ReconcileWaitlist, ReconcileWebhooks,
    RecordActivity, RefreshFacts, RefreshNextFree, RefundPayment, RegisterSeller, ReleaseSettlement,
    RemindReservation, RequeryPayment, Retry, ReviewZoneData, RunPayoutBatch, SendDigest, SendEmailCode,
    SendPayout, StartReservation, SweepUploads, SyncPayment, SyncPayout, SyncSeller, SyncWebhook,
    TellFormerEmail, TellUnreadChat, WarnHold, WarnOldContact,
};
use serde_json::Value;

use crate::{Handler, Outcome, Run};

type Running<'a> = Pin<Box<dyn Future<Output = Result<Outcome>> + Send + 'a>>;

/// A kind with what the executor must know of it.
pub struct Entry {
    pub kind: &'static str,
    pub queue: Queue,
    pub retry: Retry,
    pub timeout: Duration,
    /// Decodes the payload; a payload that does not fit is a poison pill.
    pub run: for<'a> fn(Value, &'a Run) -> serde_json::Result<Running<'a>>,
}

fn entry<J: Handler>() -> Entry {
    Entry {
        kind: J::KIND,
        queue: J::QUEUE,
        retry: J::RETRY,
        timeout: J::TIMEOUT,
        run: |payload, run| {
            let job: J = serde_json::from_value(payload)?;
            Ok(Box::pin(job.run(run)))
        },
    }
}

static REGISTRY: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    vec![
        entry::<AccrueSettlement>(),
        entry::<AskReview>(),
        entry::<AuditLedger>(),
        entry::<AuditProviderDay>(),
        entry::<AuditWhole>(),
        entry::<CancelAhead>(),
        entry::<CancelForSuspended>(),
        entry::<CloseDeposit>(),
        entry::<CloseRefund>(),
        entry::<CompleteReservation>(),
        entry::<ConfirmPayment>(),
        entry::<CountDays>(),
        entry::<DecideNoShow>(),
        entry::<DeliverNotice>(),
        entry::<DeliverWebhook>(),
        entry::<EndDisputePhase>(),
        entry::<EndExtensions>(),
        entry::<EraseAccount>(),
        entry::<ExpireHold>(),
        entry::<ExpireMove>(),
        entry::<ExpireRequest>(),
        entry::<FanOutWebhook>(),
        entry::<ForgetOldRows>(),
        entry::<KeepAccounts>(),
        entry::<NotifyEvent>(),
        entry::<OfferFreed>(),
        entry::<Ping>(),
        entry::<ReconcileCatalogue>(),
        entry::<ReconcileDisputes>(),
        entry::<PlanAudits>(),
        entry::<PublishReviews>(),
        entry::<ReconcilePayments>(),
        entry::<ReconcilePayouts>(),
        entry::<ReconcileReservations>(),
        entry::<ReconcileReviews>(),
        entry::<ReconcileSessions>(),
        entry::<ReconcileSettlement>(),
        entry::<ReconcileWaitlist>(),
        entry::<ReconcileWebhooks>(),
        entry::<RecordActivity>(),
        entry::<RefreshFacts>(),
        entry::<RefreshNextFree>(),
        entry::<RefundPayment>(),
        entry::<RegisterSeller>(),
        entry::<ReleaseSettlement>(),
        entry::<RemindReservation>(),
        entry::<RequeryPayment>(),
        entry::<ReviewZoneData>(),
        entry::<RunPayoutBatch>(),
        entry::<SendDigest>(),
        entry::<SendEmailCode>(),
        entry::<SendPayout>(),
        entry::<StartReservation>(),
        entry::<SweepUploads>(),
        entry::<SyncPayment>(),
        entry::<SyncPayout>(),
        entry::<SyncSeller>(),
        entry::<SyncWebhook>(),
        entry::<TellFormerEmail>(),
        entry::<TellUnreadChat>(),
        entry::<WarnHold>(),
        entry::<WarnOldContact>(),
    ]
});

pub fn registry() -> &'static [Entry] {
    &REGISTRY
}

//! A refund as the back office sees it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use super::refund_guidance::what_to_do;
use super::request;
use crate::id::{AttemptId, PaymentId, RefundId, ReservationId, UserId};
use crate::money::Krw;
use crate::payment::{Bearer, Ending, Refund, RefundChange, RefundState};

/// All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "AdminRefund", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct RefundView {
    id: RefundId,
    reservation_id: ReservationId,
    payment_id: PaymentId,
    /// The provider's `orderId`.
    order_id: AttemptId,
    /// Won.
    amount: Krw,
    /// Such as `cancelled`, `goodwill`, `dispute`, `surplus`.
    cause: String,
    state: RefundState,
    /// Why it stands where it stands: the provider's code, or ours.
    error_code: Option<String>,
    /// What an operator does about it, in the language of `Accept-Language`; absent when it goes on by itself.
    what_to_do: Option<String>,
    /// Who pays for it, where an administrator chose.
    bearer: Option<Bearer>,
    reason: Option<String>,
    requested_by: Option<UserId>,
    decided_by: Option<UserId>,
    /// The provider's key of the cancel.
    transaction_key: Option<String>,
    /// How an administrator ends it, while that is compared with the provider.
    ending: Option<Ending>,
    /// What was said about that.
    evidence: Option<String>,
    /// When the provider was first asked, since the last time it was asked again by hand.
    sent_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Refund> for RefundView {
    fn from(f: Refund) -> Self {
        Self {
            what_to_do: what_to_do(&f, request::lang()).map(str::to_owned),
            id: f.id,
            reservation_id: f.reservation_id,
            payment_id: f.payment_id,
            order_id: f.attempt_id,
            amount: f.amount_krw,
            cause: f.cause,
            state: f.state,
            error_code: f.error_code,
            bearer: f.bearer,
            reason: f.reason,
            requested_by: f.requested_by,
            decided_by: f.decided_by,
            transaction_key: f.transaction_key,
            ending: f.ending,
            evidence: f.evidence,
            sent_at: f.sent_at,
            created_at: f.created_at,
            updated_at: f.updated_at,
        }
    }
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "AdminRefundPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Page {
    items: Vec<RefundView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<RefundId>,
}

impl Page {
    pub fn new(rows: Vec<Refund>, limit: u32) -> Self {
        let next = rows.last().filter(|_| rows.len() == limit as usize).map(|last| last.id);
        Self { items: rows.into_iter().map(RefundView::from).collect(), next }
    }
}

/// A refund with everything that happened to it.
#[derive(Debug, Object)]
#[oai(rename = "AdminRefundDetail", rename_all = "camelCase")]
pub(super) struct DetailView {
    refund: RefundView,
    /// Oldest first.
    history: Vec<ChangeView>,
}

impl DetailView {
    pub fn new(refund: Refund, history: Vec<RefundChange>) -> Self {
        Self { refund: refund.into(), history: history.into_iter().map(ChangeView::from).collect() }
    }
}

/// One change.
#[derive(Debug, Object)]
#[oai(rename = "RefundChange", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ChangeView {
    number: u32,
    from: Option<RefundState>,
    to: RefundState,
    /// What somebody wrote, or a code.
    reason: Option<String>,
    /// `user`, `admin`, `job`, `operator`.
    actor_kind: String,
    actor_id: Option<Uuid>,
    request_id: String,
    at: DateTime<Utc>,
}

impl From<RefundChange> for ChangeView {
    fn from(change: RefundChange) -> Self {
        Self {
            number: change.number,
            from: change.from_state,
            to: change.to_state,
            reason: change.reason,
            actor_kind: change.actor_kind,
            actor_id: change.actor_id,
            request_id: change.request_id,
            at: change.at,
        }
    }
}

//! Payouts, batches and their control as administrators see them.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use super::earnings::LineView;
use super::text::Text;
use crate::id::{PayoutAccountId, PayoutBatchId, PayoutId, UserId};
use crate::money::Krw;
use crate::payout::{
    Batch, BatchState, Block, Cause, Control, Debt, Outcome, Payout, PayoutState, Resolution, Skip, SkipRow,
    Tally,
};
use crate::settlement::SettlementLine;

/// A payout as its row says. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "AdminPayout", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct PayoutView {
    /// The provider's `refPayoutId`.
    id: PayoutId,
    batch_id: PayoutBatchId,
    mentor_id: UserId,
    account_id: PayoutAccountId,
    /// The provider's id of the payee.
    destination: String,
    state: PayoutState,
    /// Won.
    amount: Krw,
    /// Won that were ready as well and had to wait.
    carried: Krw,
    provider_payout_id: Option<String>,
    error_code: Option<String>,
    /// How the provider contradicted itself or us.
    alert: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    concluded_at: Option<DateTime<Utc>>,
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> Self {
        Self {
            id: payout.id,
            batch_id: payout.batch_id,
            mentor_id: payout.mentor_id,
            account_id: payout.account_id,
            destination: payout.destination,
            state: payout.state,
            amount: payout.amount_krw,
            carried: payout.carried_krw,
            provider_payout_id: payout.provider_payout_id,
            error_code: payout.error_code,
            alert: payout.alert,
            created_at: payout.created_at,
            updated_at: payout.updated_at,
            sent_at: payout.sent_at,
            concluded_at: payout.concluded_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "AdminPayoutPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct PayoutPage {
    items: Vec<PayoutView>,
    /// `before` of the next page; absent on the last one.
    next: Option<PayoutId>,
}

impl PayoutPage {
    pub fn new(rows: Vec<Payout>, limit: u32) -> Self {
        let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id);
        Self { items: rows.into_iter().map(PayoutView::from).collect(), next }
    }
}

/// A payout with what it pays for and how administrators decided it.
#[derive(Debug, Object)]
#[oai(rename = "AdminPayoutDetail", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Detail {
    #[oai(flatten)]
    payout: PayoutView,
    resolution: Option<ResolutionView>,
    /// Oldest first; those of a payout that failed are in a later one.
    lines: Vec<LineView>,
}

impl Detail {
    pub fn new(payout: Payout, resolution: Option<ResolutionView>, lines: Vec<SettlementLine>) -> Self {
        let lines = lines.into_iter().map(LineView::from).collect();
        Self { payout: payout.into(), resolution, lines }
    }
}

/// How a payout was decided by hand, and by whom.
#[derive(Debug, Object)]
#[oai(rename = "PayoutResolution", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ResolutionView {
    outcome: Outcome,
    /// What the first administrator saw, and where.
    evidence: String,
    asked_by: UserId,
    asked_at: DateTime<Utc>,
    /// Absent while another one is needed.
    confirmed_by: Option<UserId>,
    confirmed_at: Option<DateTime<Utc>>,
}

impl From<Resolution> for ResolutionView {
    fn from(r: Resolution) -> Self {
        Self {
            outcome: r.outcome,
            evidence: r.evidence,
            asked_by: r.asked_by,
            asked_at: r.asked_at,
            confirmed_by: r.confirmed_by,
            confirmed_at: r.confirmed_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "ResolvePayoutRequest", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResolveRequest {
    pub outcome: Outcome,
    /// What shows it: a bank statement, an answer of the provider's support.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub evidence: Text,
}

/// Whether money may leave.
#[derive(Debug, Object)]
#[oai(rename = "PayoutControl", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ControlView {
    paused: bool,
    /// Of the last pause or release.
    reason: String,
    /// UTC.
    since: DateTime<Utc>,
    /// `admin`, `operator` (the command line) or `job` (the audit).
    actor_kind: String,
    actor_id: Option<Uuid>,
}

impl From<Control> for ControlView {
    fn from(control: Control) -> Self {
        Self {
            paused: control.paused,
            reason: control.reason,
            since: control.since,
            actor_kind: control.actor_kind,
            actor_id: control.actor_id,
        }
    }
}

/// Payouts in one state.
#[derive(Debug, Object)]
#[oai(rename = "PayoutTally", rename_all = "camelCase")]
struct PayoutTally {
    state: String,
    count: i64,
    /// Won.
    amount: Krw,
}

/// Mentors who were not paid for one reason.
#[derive(Debug, Object)]
#[oai(rename = "PayoutSkipTally", rename_all = "camelCase")]
struct SkipTally {
    reason: String,
    count: i64,
    /// Won; below zero where mentors owe.
    amount: Krw,
}

/// One run of paying out. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "PayoutBatch", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct BatchView {
    id: PayoutBatchId,
    cause: Cause,
    state: BatchState,
    /// Why it stands still; absent when it does not.
    blocked: Option<Block>,
    due_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    payouts: Vec<PayoutTally>,
    skipped: Vec<SkipTally>,
}

impl BatchView {
    pub fn new(batch: Batch, payouts: &[Tally], skipped: &[Tally]) -> Self {
        let of = |tally: &&Tally| tally.batch_id == batch.id;
        Self {
            id: batch.id,
            cause: batch.cause,
            state: batch.state,
            blocked: batch.blocked,
            due_at: batch.due_at,
            created_at: batch.created_at,
            finished_at: batch.finished_at,
            payouts: payouts
                .iter()
                .filter(of)
                .map(|t| PayoutTally { state: t.word.clone(), count: t.count, amount: t.amount_krw })
                .collect(),
            skipped: skipped
                .iter()
                .filter(of)
                .map(|t| SkipTally { reason: t.word.clone(), count: t.count, amount: t.amount_krw })
                .collect(),
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "PayoutBatchPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct BatchPage {
    pub items: Vec<BatchView>,
    /// `before` of the next page; absent on the last one.
    pub next: Option<PayoutBatchId>,
}

/// A mentor whom a batch did not pay; what was ready stays so.
#[derive(Debug, Object)]
#[oai(rename = "PayoutSkip", rename_all = "camelCase")]
struct SkipView {
    mentor_id: UserId,
    reason: Skip,
    /// Won that were ready; below zero when the mentor owes.
    amount: Krw,
}

#[derive(Debug, Object)]
#[oai(rename = "PayoutBatchDetail", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct BatchDetail {
    #[oai(flatten)]
    batch: BatchView,
    /// A page of the mentors who were not paid.
    skips: Vec<SkipView>,
    /// `after` of the next page; absent on the last one.
    next: Option<UserId>,
}

impl BatchDetail {
    pub fn new(batch: BatchView, skips: Vec<SkipRow>, limit: u32) -> Self {
        let next = skips.last().filter(|_| skips.len() == limit as usize).map(|skip| skip.mentor_id);
        let skips = skips
            .into_iter()
            .map(|s| SkipView { mentor_id: s.mentor_id, reason: s.reason, amount: s.amount_krw })
            .collect();
        Self { batch, skips, next }
    }
}

/// A mentor who owes.
#[derive(Debug, Object)]
#[oai(rename = "PayoutDebt", rename_all = "camelCase")]
struct DebtView {
    mentor_id: UserId,
    /// Won, below zero.
    amount: Krw,
    /// When the oldest line behind it was written (UTC).
    since: DateTime<Utc>,
}

#[derive(Debug, Object)]
#[oai(rename = "PayoutDebtPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct DebtPage {
    items: Vec<DebtView>,
    /// `after` of the next page; absent on the last one.
    next: Option<UserId>,
}

impl DebtPage {
    pub fn new(rows: Vec<Debt>, limit: u32) -> Self {
        let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.mentor_id);
        let items = rows
            .into_iter()
            .map(|d| DebtView { mentor_id: d.mentor_id, amount: d.amount_krw, since: d.since })
            .collect();
        Self { items, next }
    }
}

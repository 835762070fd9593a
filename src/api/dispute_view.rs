//! Disputes as their sides and administrators see them.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use uuid::Uuid;

use crate::dispute::{
    Dispute, Evidence, EvidenceKind, HistoryRow, Kind, NoShowReport, Outcome, Party, State,
};
use crate::id::{DisputeId, EvidenceId, NoShowReportId, ReservationId, UserId};
use crate::money::Krw;
use crate::reservation::Absent;
use crate::settlement::Bearer;

/// Won are whole, instants UTC.
#[derive(Debug, Object)]
#[oai(rename = "Dispute", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct DisputeView {
    id: DisputeId,
    reservation_id: ReservationId,
    opened_by: Party,
    kind: Kind,
    description: String,
    /// Asked back by a mentee, or to be paid by a mentor.
    claim: Krw,
    state: State,
    version: i64,
    /// When the state ends by itself: the last moment to answer, or to show evidence.
    deadline: Option<DateTime<Utc>>,
    /// What the other side said.
    answer: Option<String>,
    /// What the other side agrees to.
    offer: Option<Krw>,
    answered_at: Option<DateTime<Utc>>,
    result: Option<ResultView>,
    /// What the caller may do now.
    actions: Vec<Action>,
    created_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    /// The server's clock, for countdowns.
    server_now: DateTime<Utc>,
}

/// What was decided or agreed.
#[derive(Debug, Object)]
#[oai(rename = "DisputeResult", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ResultView {
    /// Absent where the sides agreed.
    outcome: Option<Outcome>,
    /// Given back to the mentee.
    refund: Krw,
    /// Paid to the mentor by the platform, before its fee. For the mentor.
    compensation: Option<Krw>,
    /// Who bears the refund. For the mentor.
    bearer: Option<Bearer>,
    reason: Option<String>,
}

/// One thing the caller may do with a dispute.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename = "DisputeAction", rename_all = "snake_case")]
enum Action {
    Answer,
    TakeOffer,
    AddEvidence,
    Withdraw,
}

impl DisputeView {
    /// As a side of it sees it.
    pub fn new(d: Dispute, viewer: Party, now: DateTime<Utc>) -> Self {
        let result = matches!(d.state, State::Decided | State::Accepted).then(|| {
            let is_mentor = viewer == Party::Mentor;
            ResultView {
                outcome: d.outcome,
                refund: d.refund_krw.unwrap_or_default(),
                compensation: d.compensation_krw.filter(|_| is_mentor),
                bearer: d.bearer.filter(|_| is_mentor),
                reason: d.decision_reason.clone(),
            }
        });
        let allowed = [
            (Action::Answer, d.may_answer(viewer, now)),
            (Action::TakeOffer, d.may_take_offer(viewer)),
            (Action::AddEvidence, d.takes_evidence(now)),
            (Action::Withdraw, d.may_withdraw(viewer)),
        ];
        Self {
            id: d.id,
            reservation_id: d.reservation_id,
            opened_by: d.opened_by,
            kind: d.kind,
            description: d.description,
            claim: d.claim_krw,
            state: d.state.shown(),
            version: d.version,
            deadline: d.deadline,
            answer: d.answer,
            offer: d.offer_krw,
            answered_at: d.answered_at,
            result,
            actions: allowed.into_iter().filter(|(_, may)| *may).map(|(action, _)| action).collect(),
            created_at: d.created_at,
            closed_at: d.closed_at,
            server_now: now,
        }
    }
}

/// A dispute with what both sides have shown.
#[derive(Debug, Object)]
#[oai(rename = "DisputeWithEvidence", rename_all = "camelCase")]
pub(super) struct Whole {
    #[oai(flatten)]
    dispute: DisputeView,
    /// Oldest first.
    evidence: Vec<EvidenceView>,
}

impl Whole {
    pub fn new(dispute: Dispute, evidence: Vec<Evidence>, viewer: Party, now: DateTime<Utc>) -> Self {
        Self {
            dispute: DisputeView::new(dispute, viewer, now),
            evidence: evidence.into_iter().map(EvidenceView::from).collect(),
        }
    }
}

/// What one side shows.
#[derive(Debug, Object)]
#[oai(rename = "DisputeEvidence", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct EvidenceView {
    id: EvidenceId,
    side: Party,
    kind: EvidenceKind,
    text: String,
    /// Of links. Written by one of the sides: warn before you open it.
    url: Option<String>,
    at: DateTime<Utc>,
}

impl From<Evidence> for EvidenceView {
    fn from(e: Evidence) -> Self {
        Self { id: e.id, side: e.side, kind: e.kind, text: e.body, url: e.url, at: e.at }
    }
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "DisputePage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Page {
    items: Vec<DisputeView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<DisputeId>,
}

impl Page {
    pub fn new(rows: Vec<Dispute>, limit: u32, viewer: UserId, now: DateTime<Utc>) -> Self {
        let next = rows.last().filter(|_| rows.len() == limit as usize).map(|d| d.id);
        let items =
            rows.into_iter().filter_map(|d| d.party_of(viewer).map(|side| DisputeView::new(d, side, now)));
        Self { items: items.collect(), next }
    }
}

/// Somebody's word that somebody did not come.
#[derive(Debug, Object)]
#[oai(rename = "NoShowReport", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ReportView {
    id: NoShowReportId,
    reservation_id: ReservationId,
    /// Who says it.
    side: Party,
    absent: Absent,
    note: Option<String>,
    at: DateTime<Utc>,
}

impl From<NoShowReport> for ReportView {
    fn from(report: NoShowReport) -> Self {
        Self {
            id: report.id,
            reservation_id: report.reservation_id,
            side: report.side,
            absent: report.absent,
            note: report.note,
            at: report.at,
        }
    }
}

/// A dispute, as administrators see it.
#[derive(Debug, Object)]
#[oai(rename = "DisputeCase", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Case {
    pub id: DisputeId,
    reservation_id: ReservationId,
    mentor_id: UserId,
    mentee_id: UserId,
    opened_by: Party,
    kind: Kind,
    description: String,
    claim: Krw,
    state: State,
    version: i64,
    deadline: Option<DateTime<Utc>>,
    answer: Option<String>,
    offer: Option<Krw>,
    answered_at: Option<DateTime<Utc>>,
    /// Decided or, in state `proposed`, proposed.
    outcome: Option<Outcome>,
    refund: Option<Krw>,
    compensation: Option<Krw>,
    bearer: Option<Bearer>,
    reason: Option<String>,
    decided_by: Option<UserId>,
    approved_by: Option<UserId>,
    created_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
}

impl From<Dispute> for Case {
    fn from(d: Dispute) -> Self {
        Self {
            id: d.id,
            reservation_id: d.reservation_id,
            mentor_id: d.mentor_id,
            mentee_id: d.mentee_id,
            opened_by: d.opened_by,
            kind: d.kind,
            description: d.description,
            claim: d.claim_krw,
            state: d.state,
            version: d.version,
            deadline: d.deadline,
            answer: d.answer,
            offer: d.offer_krw,
            answered_at: d.answered_at,
            outcome: d.outcome,
            refund: d.refund_krw,
            compensation: d.compensation_krw,
            bearer: d.bearer,
            reason: d.decision_reason,
            decided_by: d.decided_by,
            approved_by: d.approved_by,
            created_at: d.created_at,
            closed_at: d.closed_at,
        }
    }
}

/// One change of a dispute.
#[derive(Debug, Object)]
#[oai(rename = "DisputeChange", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ChangeView {
    version: i64,
    from: Option<State>,
    to: State,
    cause: String,
    reason: Option<String>,
    /// `user`, `admin`, `job`, `operator`.
    actor_kind: String,
    actor_id: Option<Uuid>,
    request_id: String,
    at: DateTime<Utc>,
}

impl From<HistoryRow> for ChangeView {
    fn from(row: HistoryRow) -> Self {
        Self {
            version: row.version,
            from: row.from_state,
            to: row.to_state,
            cause: row.cause,
            reason: row.reason,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            request_id: row.request_id,
            at: row.at,
        }
    }
}

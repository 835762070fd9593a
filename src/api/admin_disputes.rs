//! What administrators decide about sessions: disputes and no-shows.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Object, OpenApi};

use super::answer::{Because, page_size};
use super::caller::Caller;
use super::dispute_view::{Case, ChangeView, EvidenceView, ReportView};
use super::earnings::LineView;
use super::idempotency::Key;
use super::notice_proofs::{NoticeProof, proofs};
use super::problem::Problem;
use super::reservation_view::HistoryView;
use super::session_view::PresenceView;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::dispute::{self, Decision, Outcome, State};
use crate::id::{DisputeId, NoShowReportId, RefundId, ReservationId, UserId};
use crate::ledger::{self, EntryRow};
use crate::money::Krw;
use crate::payment::{self, PaymentState, Refund, RefundState};
use crate::reservation::{self, Absent, Reservation, State as Stage};
use crate::session;
use crate::settlement::{self, Bearer};

pub struct AdminDisputesApi;

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "DisputeCases", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Cases {
    items: Vec<Case>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<DisputeId>,
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "NoShowReports", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Reports {
    items: Vec<ReportView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<NoShowReportId>,
}

/// A dispute with everything that bears on it.
#[derive(Debug, Object)]
#[oai(rename = "DisputeFile", rename_all = "camelCase", skip_serializing_if_is_none)]
struct File {
    #[oai(flatten)]
    case: Case,
    /// Oldest first, as everything below.
    history: Vec<ChangeView>,
    evidence: Vec<EvidenceView>,
    reservation: SessionView,
    no_show_reports: Vec<ReportView>,
    /// Who was in the session's room.
    presences: Vec<PresenceView>,
    payment_state: Option<PaymentState>,
    refunds: Vec<GivenBack>,
    lines: Vec<LineView>,
    postings: Vec<PostingView>,
    /// Whom we told what, and whether it arrived.
    notices: Vec<NoticeProof>,
}

/// The session that a dispute is about.
#[derive(Debug, Object)]
#[oai(rename = "DisputedSession", rename_all = "camelCase", skip_serializing_if_is_none)]
struct SessionView {
    title: String,
    price: Krw,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    state: Stage,
    absent: Option<Absent>,
    history: Vec<HistoryView>,
}

/// A refund of the session.
#[derive(Debug, Object)]
#[oai(rename = "DisputedRefund", rename_all = "camelCase", skip_serializing_if_is_none)]
struct GivenBack {
    id: RefundId,
    amount: Krw,
    cause: String,
    state: RefundState,
    error_code: Option<String>,
    created_at: DateTime<Utc>,
}

/// One line of the ledger; debits are positive.
#[derive(Debug, Object)]
#[oai(rename = "Posting", rename_all = "camelCase", skip_serializing_if_is_none)]
struct PostingView {
    kind: String,
    key: String,
    account: String,
    owner_id: Option<UserId>,
    amount: Krw,
    at: DateTime<Utc>,
}

#[derive(Debug, Object)]
#[oai(rename = "DecideDispute", rename_all = "camelCase", deny_unknown_fields)]
struct DecideRequest {
    outcome: Outcome,
    /// Won given back to the mentee.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000")))]
    refund: i64,
    /// Who bears the refund: mentor and platform by their shares, or the platform alone.
    bearer: Bearer,
    /// Won paid to the mentor out of the platform's own pocket, where what they should have earned was given back;
    /// the platform's fee is taken of it.
    #[oai(default, validator(minimum(value = "0"), maximum(value = "1000000000")))]
    compensation: i64,
    /// Both sides read it.
    #[oai(validator(min_length = 1, max_length = 2000))]
    reason: Text,
}

#[derive(Debug, Object)]
#[oai(rename = "MarkNoShow", rename_all = "camelCase", deny_unknown_fields)]
struct NoShowRequest {
    absent: Absent,
    /// Both sides read it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
}

/// What became of a session to which somebody did not come.
#[derive(Debug, Object)]
#[oai(rename = "NoShow", rename_all = "camelCase", skip_serializing_if_is_none)]
struct NoShowView {
    reservation_id: ReservationId,
    state: Stage,
    absent: Option<Absent>,
    version: i64,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AdminDisputesApi {
    /// List disputes
    ///
    /// Newest first; `state=in_review` waits for a decision, `state=proposed` for a second administrator. For
    /// administrators.
    #[oai(path = "/disputes", method = "get", operation_id = "adminListDisputes")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<State>>,
        /// The `next` of the page before.
        before: Query<Option<DisputeId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Cases>, Problem> {
        caller.admin()?;
        let rows = dispute::page(app.core.db.pool(), state.0, before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|d| d.id);
        Ok(Json(Cases { items: rows.into_iter().map(Case::from).collect(), next }))
    }

    /// Show a dispute with everything that bears on it
    ///
    /// For administrators.
    #[oai(path = "/disputes/:id", method = "get", operation_id = "adminGetDispute")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
    ) -> Result<Json<File>, Problem> {
        caller.admin()?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// Decide a dispute
    ///
    /// The money moves at once: the refund is on its way, and what the session earned can be paid out. What costs the
    /// platform more than the limit waits, in state `proposed`, for another administrator. For administrators.
    #[oai(path = "/disputes/:id/decide", method = "post", operation_id = "adminDecideDispute")]
    async fn decide(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<DecideRequest>,
    ) -> Result<Json<File>, Problem> {
        let admin = caller.admin()?;
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "decide-dispute", &request)?;
        let decision = Decision {
            outcome: body.outcome,
            refund: Krw(body.refund),
            bearer: body.bearer,
            compensation: Krw(body.compensation),
            reason: body.reason.to_string(),
        };
        unit!(app, admin, tx => {
            if key.begin(tx).await?.is_none() {
                dispute::decide(tx, &app.core.rules, id.0, caller.user_id(), &decision).await?;
                key.save(tx, "decided").await?;
            }
            Ok(())
        })?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// Approve a proposed decision
    ///
    /// By another administrator than the one who proposed it. For administrators.
    #[oai(path = "/disputes/:id/approve", method = "post", operation_id = "adminApproveDispute")]
    async fn approve(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<File>, Problem> {
        let admin = caller.admin()?;
        let key = Key::parse(idempotency_key.0, caller.user_id(), "approve-dispute", &id.0.to_string())?;
        unit!(app, admin, tx => {
            if key.begin(tx).await?.is_none() {
                dispute::approve(tx, &app.core.rules, id.0, caller.user_id()).await?;
                key.save(tx, "approved").await?;
            }
            Ok(())
        })?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// Send a proposed decision back
    ///
    /// The dispute is in review again. For administrators.
    #[oai(path = "/disputes/:id/send-back", method = "post", operation_id = "adminSendBackDispute")]
    async fn send_back(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        body: Json<Because>,
    ) -> Result<Json<File>, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => { Ok(dispute::send_back(tx, id.0, &body.reason).await?) })?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// List reports of no-shows
    ///
    /// Of sessions that nothing became of yet, newest first. For administrators.
    #[oai(path = "/no-show-reports", method = "get", operation_id = "adminListNoShowReports")]
    async fn reports(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<NoShowReportId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Reports>, Problem> {
        caller.admin()?;
        let rows = dispute::undecided_reports(app.core.db.pool(), before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|r| r.id);
        Ok(Json(Reports { items: rows.into_iter().map(ReportView::from).collect(), next }))
    }

    /// Say that somebody did not come
    ///
    /// From 10 minutes after the start until the session is completed. The mentee: the mentor is paid. The mentor:
    /// everything goes back to the mentee. Both: nothing moves until it is reviewed, as a dispute that the platform
    /// opens. For administrators.
    #[oai(path = "/reservations/:id/no-show", method = "post", operation_id = "adminMarkNoShow")]
    async fn no_show(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<NoShowRequest>,
    ) -> Result<Json<NoShowView>, Problem> {
        let admin = caller.admin()?;
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "no-show", &request)?;
        unit!(app, admin, tx => {
            if key.begin(tx).await?.is_none() {
                let (rules, judge) = (&app.core.rules, caller.user_id());
                dispute::mark_no_show(tx, rules, id.0, judge, body.absent, &body.reason).await?;
                key.save(tx, "marked").await?;
            }
            Ok(())
        })?;
        let found = reservation::find(app.core.db.pool(), id.0).await?;
        let r = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
        Ok(Json(NoShowView { reservation_id: r.id, state: r.state, absent: r.absent, version: r.version }))
    }
}

async fn file(app: &Shared, id: DisputeId) -> Result<File, Problem> {
    let pool = app.core.db.pool();
    let found = dispute::find(pool, id).await?.ok_or_else(|| Problem::new("dispute.not_found"))?;
    let about = found.reservation_id;
    let r = reservation::find(pool, about).await?.ok_or_else(|| Problem::new("reservation.not_found"))?;
    let lines = settlement::lines_of_reservation(pool, about, r.mentor_id).await?;
    Ok(File {
        case: found.into(),
        history: dispute::history(pool, id).await?.into_iter().map(ChangeView::from).collect(),
        evidence: dispute::evidence_of(pool, id).await?.into_iter().map(EvidenceView::from).collect(),
        no_show_reports: dispute::reports_of(pool, about).await?.into_iter().map(ReportView::from).collect(),
        presences: session::presences(pool, r.room()).await?.into_iter().map(PresenceView::from).collect(),
        payment_state: payment::payment_of_reservation(pool, about).await?.map(|p| p.state),
        refunds: payment::refunds_of(pool, about).await?.into_iter().map(GivenBack::from).collect(),
        lines: lines.into_iter().map(LineView::from).collect(),
        postings: ledger::entries_of_reservation(pool, about)
            .await?
            .into_iter()
            .map(PostingView::from)
            .collect(),
        notices: proofs(app, about).await?,
        reservation: session(app, r).await?,
    })
}

async fn session(app: &Shared, r: Reservation) -> Result<SessionView, Problem> {
    let history = reservation::history(app.core.db.pool(), r.id).await?;
    Ok(SessionView {
        title: r.title,
        price: r.price_krw,
        starts_at: r.starts_at,
        ends_at: r.ends_at,
        state: r.state,
        absent: r.absent,
        history: history.into_iter().map(HistoryView::from).collect(),
    })
}

impl From<Refund> for GivenBack {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            amount: refund.amount_krw,
            cause: refund.cause,
            state: refund.state,
            error_code: refund.error_code,
            created_at: refund.created_at,
        }
    }
}

impl From<EntryRow> for PostingView {
    fn from(row: EntryRow) -> Self {
        Self {
            kind: row.kind,
            key: row.posting_key,
            account: row.account.name().to_owned(),
            owner_id: row.owner_id,
            amount: row.amount_krw,
            at: row.at,
        }
    }
}

//! Problems with sessions: reported by one side, answered by the other, shown by both.

use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Enum, Object, OpenApi};

use super::answer::{Created, page_size};
use super::caller::Caller;
use super::dispute_view::{EvidenceView, Page, ReportView, Whole};
use super::idempotency::Key;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::dispute::{self, Answer, Dispute, Kind, NewDispute, NewEvidence};
use crate::id::{DisputeId, ReservationId};
use crate::money::Krw;
use crate::reservation::Absent;

pub struct DisputesApi;

#[derive(Debug, Object)]
#[oai(rename = "OpenDispute", rename_all = "camelCase", deny_unknown_fields)]
struct OpenRequest {
    kind: Kind,
    #[oai(validator(min_length = 1, max_length = 4000))]
    description: Text,
    /// Won asked back by a mentee, or to be paid by a mentor; at most the price.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000000")))]
    claim: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisputeAnswerKind", rename_all = "snake_case")]
enum AnswerKind {
    Accept,
    Contest,
}

#[derive(Debug, Object)]
#[oai(rename = "AnswerDispute", rename_all = "camelCase", deny_unknown_fields)]
struct AnswerRequest {
    kind: AnswerKind,
    /// Of `accept`: won that the caller agrees to; the whole claim when absent. Less than the claim is an offer, which
    /// the opener may take.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000")))]
    amount: Option<i64>,
    #[oai(validator(min_length = 1, max_length = 4000))]
    text: Text,
}

#[derive(Debug, Object)]
#[oai(rename = "AddDisputeEvidence", rename_all = "camelCase", deny_unknown_fields)]
struct EvidenceRequest {
    #[oai(validator(min_length = 1, max_length = 4000))]
    text: Text,
    /// An https address that the text is about.
    #[oai(validator(min_length = 9, max_length = 2000))]
    url: Option<Text>,
}

#[derive(Debug, Object)]
#[oai(rename = "ReportNoShow", rename_all = "camelCase", deny_unknown_fields)]
struct ReportRequest {
    /// Who did not come.
    absent: Absent,
    #[oai(validator(min_length = 1, max_length = 4000))]
    note: Option<Text>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Disputes")]
impl DisputesApi {
    /// Open a dispute
    ///
    /// By either side, from the session's start until 48 hours after its end, a cancellation that kept money, or a
    /// no-show (against which it is the appeal). One at a time. Until it is over, what the session earned is not paid
    /// out. The other side can answer for 7 days.
    #[oai(path = "/reservations/:id/disputes", method = "post", operation_id = "openDispute")]
    async fn open(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<OpenRequest>,
    ) -> Result<Created<Whole>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "open-dispute", &request)?;
        let new =
            NewDispute { kind: body.kind, description: body.description.to_string(), claim: Krw(body.claim) };
        let opened: DisputeId = unit!(app, caller.actor(), tx => {
            if let Some(saved) = key.begin(tx).await? {
                return saved.parse().map_err(|_| Problem::new("internal"));
            }
            let opened = dispute::open(tx, &app.core.rules, id.0, caller.user_id(), &new).await?;
            key.save(tx, &opened.id.to_string()).await?;
            Ok(opened.id)
        })?;
        Ok(Created::Created(Json(whole(&app, opened, &caller).await?)))
    }

    /// List the caller's disputes
    ///
    /// On either side of them, newest first.
    #[oai(path = "/me/disputes", method = "get", operation_id = "listDisputes")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<DisputeId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Page>, Problem> {
        let pool = app.core.db.pool();
        let rows = dispute::page_for_member(pool, caller.user_id(), before.0, limit.0).await?;
        Ok(Json(Page::new(rows, limit.0, caller.user_id(), app.core.clock.now())))
    }

    /// Show a dispute
    ///
    /// With what both sides have shown, and what the caller may do next.
    #[oai(path = "/disputes/:id", method = "get", operation_id = "getDispute")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
    ) -> Result<Json<Whole>, Problem> {
        Ok(Json(whole(&app, id.0, &caller).await?))
    }

    /// Answer a dispute
    ///
    /// By the other side. `accept` of the whole claim of a mentee gives it back at once; of less, it is an offer.
    /// After `contest` and after an offer both sides can show evidence for 3 days; then an administrator decides.
    #[oai(path = "/disputes/:id/answer", method = "post", operation_id = "answerDispute")]
    async fn answer(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<AnswerRequest>,
    ) -> Result<Json<Whole>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "answer-dispute", &request)?;
        let answer = match (body.kind, body.amount) {
            (AnswerKind::Accept, amount) => Answer::Accept(amount.map(Krw)),
            (AnswerKind::Contest, None) => Answer::Contest,
            (AnswerKind::Contest, Some(_)) => {
                return Err(Problem::new("dispute.amount_unwanted").field("amount"));
            }
        };
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_none() {
                dispute::answer(tx, &app.core.rules, id.0, caller.user_id(), &answer, &body.text).await?;
                key.save(tx, "answered").await?;
            }
            Ok(())
        })?;
        Ok(Json(whole(&app, id.0, &caller).await?))
    }

    /// Take what the other side offered
    ///
    /// By the mentee who opened it. The offer goes back to the mentee, and the dispute is over.
    #[oai(path = "/disputes/:id/take-offer", method = "post", operation_id = "takeDisputeOffer")]
    async fn take_offer(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<Whole>, Problem> {
        let key = Key::parse(idempotency_key.0, caller.user_id(), "take-offer", &id.0.to_string())?;
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_none() {
                dispute::take_offer(tx, &app.core.rules, id.0, caller.user_id()).await?;
                key.save(tx, "taken").await?;
            }
            Ok(())
        })?;
        Ok(Json(whole(&app, id.0, &caller).await?))
    }

    /// Show evidence
    ///
    /// By both sides, until the deadline of the dispute; 20 things each. Nothing shown can be changed.
    #[oai(path = "/disputes/:id/evidence", method = "post", operation_id = "addDisputeEvidence")]
    async fn evidence(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Json<EvidenceRequest>,
    ) -> Result<Created<EvidenceView>, Problem> {
        let request = format!("{}{}", id.0, body.to_json_string());
        let key = Key::parse(idempotency_key.0, caller.user_id(), "add-evidence", &request)?;
        let new = NewEvidence { body: body.text.to_string(), url: body.url.as_deref().map(str::to_owned) };
        let shown = unit!(app, caller.actor(), tx => {
            if let Some(saved) = key.begin(tx).await? {
                let evidence = dispute::evidence_of(tx.conn(), id.0).await?;
                let shown = evidence.into_iter().find(|e| e.id.to_string() == saved);
                return shown.ok_or_else(|| Problem::new("internal"));
            }
            let shown = dispute::add_evidence(tx, id.0, caller.user_id(), &new).await?;
            key.save(tx, &shown.id.to_string()).await?;
            Ok(shown)
        })?;
        Ok(Created::Created(Json(shown.into())))
    }

    /// Withdraw a dispute
    ///
    /// By whoever opened it. What the session earned can be paid out again.
    #[oai(path = "/disputes/:id/withdraw", method = "post", operation_id = "withdrawDispute")]
    async fn withdraw(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<DisputeId>,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
    ) -> Result<Json<Whole>, Problem> {
        let key = Key::parse(idempotency_key.0, caller.user_id(), "withdraw-dispute", &id.0.to_string())?;
        unit!(app, caller.actor(), tx => {
            if key.begin(tx).await?.is_none() {
                dispute::withdraw(tx, &app.core.rules, id.0, caller.user_id()).await?;
                key.save(tx, "withdrawn").await?;
            }
            Ok(())
        })?;
        Ok(Json(whole(&app, id.0, &caller).await?))
    }

    /// Report that somebody did not come
    ///
    /// By either side, from 10 minutes after the start. It is one side's word and decides nothing; the first one
    /// counts.
    #[oai(path = "/reservations/:id/no-show-reports", method = "post", operation_id = "reportNoShow")]
    async fn report(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<ReportRequest>,
    ) -> Result<Created<ReportView>, Problem> {
        let report = unit!(app, caller.actor(), tx => {
            let note = body.note.as_deref();
            Ok(dispute::report_no_show(tx, id.0, caller.user_id(), body.absent, note).await?)
        })?;
        Ok(Created::Created(Json(report.into())))
    }
}

async fn whole(app: &Shared, id: DisputeId, caller: &Caller) -> Result<Whole, Problem> {
    let pool = app.core.db.pool();
    let found = dispute::find_for_member(pool, id, caller.user_id()).await?;
    let not_found = || Problem::new("dispute.not_found");
    let found: Dispute = found.ok_or_else(not_found)?;
    let side = found.party_of(caller.user_id()).ok_or_else(not_found)?;
    let evidence = dispute::evidence_of(pool, id).await?;
    Ok(Whole::new(found, evidence, side, app.core.clock.now()))
}

impl From<dispute::Error> for Problem {
    fn from(error: dispute::Error) -> Self {
        match error {
            dispute::Error::Reservation(inner) => inner.into(),
            dispute::Error::Payment(inner) => inner.into(),
            dispute::Error::Settlement(inner) => inner.into(),
            dispute::Error::DecisionInvalid(rule) => {
                Self::new("dispute.decision_invalid").context(serde_json::json!({ "rule": rule }))
            }
            other => Self::of(other.code(), other),
        }
    }
}

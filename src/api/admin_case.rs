//! Everything that happened to one reservation, in one list: support answers from one screen.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use sqlx::MySqlPool;
use uuid::Uuid;

use super::admin_acts::note_reading;
use super::admin_case_entries::{Entry, Log};
use super::admin_reservations::AdminReservation;
use super::caller::Caller;
use super::dispute_view::Case;
use super::earnings::LineView;
use super::notice_proofs::proofs;
use super::problem::Problem;
use super::refund_view::RefundView;
use super::{Shared, Tag};
use crate::id::{PaymentId, ReservationId, UserId};
use crate::money::Krw;
use crate::outbox::{self, Filter, Row};
use crate::payment::{self, PaymentState};
use crate::reservation::{self, Absent, Reservation};
use crate::{act, dispute, ledger, partner, review, session, settlement};

pub struct CaseApi;

/// As many entries as are shown; the oldest ones stay.
const MOST_ENTRIES: usize = 1_000;
/// As many jobs of each row, acts, and messages to systems of others.
const MOST_OF_EACH: u32 = 100;

/// A reservation with all that bears on it.
#[derive(Debug, Object)]
#[oai(rename = "ReservationCase", rename_all = "camelCase", skip_serializing_if_is_none)]
struct CaseFile {
    reservation: AdminReservation,
    title: String,
    absent: Option<Absent>,
    /// Of an extension: the session it extends.
    extends: Option<ReservationId>,
    payment: Option<PaymentView>,
    refunds: Vec<RefundView>,
    lines: Vec<LineView>,
    disputes: Vec<Case>,
    /// What is counted against its mentor because of it.
    strikes: Vec<String>,
    /// Oldest first.
    entries: Vec<Entry>,
    /// There were more entries than are shown.
    truncated: bool,
}

/// The payment of a reservation.
#[derive(Debug, Object)]
#[oai(rename = "CasePayment", rename_all = "camelCase")]
struct PaymentView {
    id: PaymentId,
    state: PaymentState,
    amount: Krw,
    attempts: usize,
}

#[OpenApi(prefix_path = "/v1/admin/reservations", tag = "Tag::Admin")]
impl CaseApi {
    /// Show the case of a reservation
    ///
    /// Its history, tries to pay, refunds, ledger, settlement, jobs, notices with their proofs, who was in the room,
    /// disputes, reviews, what operators did and what systems outside were told: one list, oldest first. That it was read
    /// is kept. For administrators.
    #[oai(path = "/:id/case", method = "get", operation_id = "adminGetCase")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<CaseFile>, Problem> {
        let admin = caller.admin()?;
        let found = reservation::find(app.core.db.pool(), id.0).await?;
        let r = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
        note_reading(&app, admin).await?;
        Ok(Json(file(&app, r).await?))
    }
}

async fn file(app: &Shared, r: Reservation) -> Result<CaseFile, Problem> {
    let (pool, id) = (app.core.db.pool(), r.id);
    let mut log = Log::default();
    log.history(reservation::history(pool, id).await?);
    let payment = payment::payment_of_reservation(pool, id).await?;
    let attempts = match &payment {
        Some(payment) => payment::attempts_of(pool, payment.id).await?,
        None => Vec::new(),
    };
    let refunds = payment::refunds_of(pool, id).await?;
    let disputes = dispute::of_reservation(pool, id).await?;
    let lines = settlement::lines_of_reservation(pool, id, r.mentor_id).await?;
    let mut subjects = vec![id.0];
    subjects.extend(attempts.iter().map(|attempt| attempt.id.0));
    subjects.extend(refunds.iter().map(|refund| refund.id.0));
    subjects.extend(disputes.iter().map(|dispute| dispute.id.0));
    for refund in &refunds {
        log.refund(refund, payment::refund_history(pool, refund.id).await?);
    }
    for dispute in &disputes {
        log.dispute(dispute, dispute::history(pool, dispute.id).await?);
    }
    log.attempts(&attempts);
    log.postings(ledger::entries_of_reservation(pool, id).await?);
    log.lines(&lines);
    log.jobs(jobs(pool, &subjects).await?);
    log.notices(proofs(app, id).await?);
    log.presences(session::presences(pool, r.room()).await?);
    log.no_show_reports(dispute::reports_of(pool, id).await?);
    log.reviews(review::of_member(pool, id, r.mentor_id).await?);
    log.acts(acts(pool, &subjects).await?);
    let told = partner::Filter { subject: Some(id.0), ..partner::Filter::default() };
    log.webhooks(partner::deliveries(pool, &told, MOST_OF_EACH).await?);
    let (entries, truncated) = log.entries(MOST_ENTRIES);
    Ok(CaseFile {
        strikes: strikes(pool, r.mentor_id, id).await?,
        payment: payment.map(|payment| PaymentView {
            id: payment.id,
            state: payment.state,
            amount: payment.amount_krw,
            attempts: attempts.len(),
        }),
        refunds: refunds.into_iter().map(RefundView::from).collect(),
        lines: lines.into_iter().map(LineView::from).collect(),
        disputes: disputes.into_iter().map(Case::from).collect(),
        title: r.title.clone(),
        absent: r.absent,
        extends: r.extends_id,
        reservation: r.into(),
        entries,
        truncated,
    })
}

/// The jobs about these rows.
async fn jobs(pool: &MySqlPool, subjects: &[Uuid]) -> Result<Vec<Row>, Problem> {
    let mut jobs = Vec::new();
    for subject in subjects {
        let filter = Filter { subject: Some(*subject), ..Filter::default() };
        jobs.extend(outbox::list(pool, &filter, MOST_OF_EACH).await?);
    }
    Ok(jobs)
}

/// What operators did about these rows.
async fn acts(pool: &MySqlPool, objects: &[Uuid]) -> Result<Vec<act::Act>, Problem> {
    let mut acts = Vec::new();
    for object in objects {
        let filter = act::Filter { object: Some(*object), ..act::Filter::default() };
        acts.extend(act::list(pool, &filter, MOST_OF_EACH).await?);
    }
    Ok(acts)
}

async fn strikes(pool: &MySqlPool, mentor: UserId, id: ReservationId) -> Result<Vec<String>, Problem> {
    let strikes = reservation::strikes(pool, mentor, 200).await?;
    Ok(strikes.into_iter().filter(|strike| strike.reservation_id == id).map(|strike| strike.cause).collect())
}

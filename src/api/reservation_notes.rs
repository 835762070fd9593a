//! The mentee's question before a session and the mentor's summary after it.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::Problem;
use super::reservations::{locked, stands};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::{ReservationId, UserId};
use crate::reservation::{self, Notes};

pub struct ReservationNotesApi;

#[derive(Debug, Object)]
#[oai(rename = "ReservationQuestion", rename_all = "camelCase", deny_unknown_fields)]
struct QuestionRequest {
    #[oai(validator(min_length = 1, max_length = 2000))]
    question: Text,
}

#[derive(Debug, Object)]
#[oai(rename = "ReservationSummary", rename_all = "camelCase", deny_unknown_fields)]
struct SummaryRequest {
    #[oai(validator(min_length = 1, max_length = 4000))]
    summary: Text,
}

/// What the two wrote down for one another.
#[derive(Debug, Object)]
#[oai(rename = "ReservationNotes", rename_all = "camelCase", skip_serializing_if_is_none)]
struct NotesView {
    /// The mentee's, before the session.
    question: Option<String>,
    question_at: Option<DateTime<Utc>>,
    /// The mentor's, after it.
    summary: Option<String>,
    summary_at: Option<DateTime<Utc>>,
}

impl From<Notes> for NotesView {
    fn from(notes: Notes) -> Self {
        let Notes { question, question_at, summary, summary_at } = notes;
        Self { question, question_at, summary, summary_at }
    }
}

#[OpenApi(prefix_path = "/v1/reservations", tag = "Tag::Reservations")]
impl ReservationNotesApi {
    /// Show what the two wrote down
    ///
    /// To both sides, and to nobody else.
    #[oai(path = "/:id/notes", method = "get", operation_id = "getReservationNotes")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<NotesView>, Problem> {
        show(&app, id.0, caller.user_id()).await
    }

    /// Say what the session is to be about
    ///
    /// By the mentee, until the session is over; the text before is replaced.
    #[oai(path = "/:id/question", method = "put", operation_id = "askInReservation")]
    async fn ask(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<QuestionRequest>,
    ) -> Result<Json<NotesView>, Problem> {
        let user = caller.user_id();
        unit!(app, caller.actor(), tx => {
            let found = locked(tx, id.0, user).await?;
            let asked = reservation::ask(tx, &found, user, &body.question).await;
            asked.map_err(|error| stands(error.into(), &found))
        })?;
        show(&app, id.0, user).await
    }

    /// Sum a session up
    ///
    /// By the mentor, once the session has begun; the text before is replaced.
    #[oai(path = "/:id/summary", method = "put", operation_id = "sumUpReservation")]
    async fn sum_up(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<SummaryRequest>,
    ) -> Result<Json<NotesView>, Problem> {
        let user = caller.user_id();
        unit!(app, caller.actor(), tx => {
            let found = locked(tx, id.0, user).await?;
            let written = reservation::sum_up(tx, &found, user, &body.summary).await;
            written.map_err(|error| stands(error.into(), &found))
        })?;
        show(&app, id.0, user).await
    }
}

async fn show(app: &Shared, id: ReservationId, viewer: UserId) -> Result<Json<NotesView>, Problem> {
    let pool = app.core.db.pool();
    let found = reservation::find_for_member(pool, id, viewer).await?;
    let found = found.ok_or_else(|| Problem::new("reservation.not_found"))?;
    Ok(Json(reservation::notes(pool, found.id).await?.into()))
}

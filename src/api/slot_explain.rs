//! Why times of an offering are not offered: for its mentor, and for administrators.

use chrono::{DateTime, NaiveDateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::Problem;
use super::schedule_dates::date;
use super::slot_reason::SlotReason;
use super::{Shared, Tag, request};
use crate::availability::{self, Explained, Explanation, Question};
use crate::id::{OfferingId, UserId};
use crate::mentor::{self, Offering};

pub struct ExplainApi;

/// Times of an offering, and why they are not offered.
#[derive(Debug, Object)]
#[oai(rename = "SlotExplanation", rename_all = "camelCase")]
struct ExplanationView {
    offering_id: OfferingId,
    /// The mentor's IANA zone.
    time_zone: String,
    duration_minutes: u32,
    /// Ascending by the wall clock. A time that comes twice stands here twice.
    times: Vec<TimeView>,
}

/// A time on the mentor's wall clock.
#[derive(Debug, Object)]
#[oai(rename = "ExplainedTime", rename_all = "camelCase", skip_serializing_if_is_none)]
struct TimeView {
    /// `2026-03-08T02:00`
    local_time: String,
    /// Absent when the clocks leave it out.
    starts_at: Option<DateTime<Utc>>,
    /// Whether it is offered.
    offered: bool,
    /// The rule that removes it.
    reason: Option<SlotReason>,
    /// The rule in words, in the language of `Accept-Language` (ko or en).
    text: Option<String>,
}

impl From<Explained> for TimeView {
    fn from(time: Explained) -> Self {
        let reason = time.reason.map(SlotReason::from);
        Self {
            local_time: time.local.format("%Y-%m-%dT%H:%M").to_string(),
            starts_at: time.start,
            offered: reason.is_none(),
            reason,
            text: reason.map(|reason| reason.text(request::lang()).to_owned()),
        }
    }
}

/// Exactly one of the three.
fn question(
    start: Option<DateTime<Utc>>,
    local: Option<String>,
    day: Option<String>,
) -> Result<Question, Problem> {
    let unclear = |field| Problem::new("slot.invalid_question").field(field);
    match (start, local, day) {
        (Some(start), None, None) => Ok(Question::At(start)),
        (None, Some(text), None) => {
            wall_clock(&text).map(Question::Local).ok_or_else(|| unclear("localStart"))
        }
        (None, None, Some(text)) => date(&text).map(Question::Date).ok_or_else(|| unclear("date")),
        _ => Err(unclear("start")),
    }
}

/// Exactly `YYYY-MM-DDTHH:MM`.
fn wall_clock(text: &str) -> Option<NaiveDateTime> {
    let (day, time) = text.split_once('T')?;
    let digits = time.len() == 5 && time.bytes().enumerate().all(|(i, b)| i == 2 || b.is_ascii_digit());
    date(day).filter(|_| digits)?;
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok()
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Availability")]
impl ExplainApi {
    /// Explain why times are not offered
    ///
    /// By the offering's mentor. About one instant (`start`), one time of the mentor's wall clock (`localStart`), or
    /// every quarter of an hour of a date there (`date`).
    #[oai(path = "/offerings/:id/slots/explain", method = "get", operation_id = "explainSlots")]
    #[allow(clippy::too_many_arguments)]
    async fn explain(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<OfferingId>,
        start: Query<Option<DateTime<Utc>>>,
        /// `YYYY-MM-DDTHH:MM`
        #[oai(name = "localStart", validator(max_length = 16))]
        local_start: Query<Option<String>>,
        /// `YYYY-MM-DD`
        #[oai(validator(max_length = 10))]
        date: Query<Option<String>>,
        /// As this mentee would be answered, by the limit of sessions with one mentee.
        #[oai(name = "menteeId")]
        mentee_id: Query<Option<UserId>>,
        /// The offering's, unless given: 15 to 480, a multiple of 15.
        #[oai(
            name = "durationMinutes",
            validator(minimum(value = "15"), maximum(value = "480"), multiple_of = 15.0)
        )]
        duration_minutes: Query<Option<u32>>,
    ) -> Result<Json<ExplanationView>, Problem> {
        let mentor = caller.mentor()?;
        let offering = mentor::find_offering_for_owner(app.core.db.pool(), id.0, mentor).await?;
        let question = question(start.0, local_start.0, date.0)?;
        Ok(Json(answer(&app, offering, mentee_id.0, duration_minutes.0, question).await?))
    }

    /// Explain why times of any offering are not offered
    ///
    /// By administrators; the same as for its mentor.
    #[oai(path = "/admin/offerings/:id/slots/explain", method = "get", operation_id = "adminExplainSlots")]
    #[allow(clippy::too_many_arguments)]
    async fn explain_any(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<OfferingId>,
        start: Query<Option<DateTime<Utc>>>,
        /// `YYYY-MM-DDTHH:MM`
        #[oai(name = "localStart", validator(max_length = 16))]
        local_start: Query<Option<String>>,
        /// `YYYY-MM-DD`
        #[oai(validator(max_length = 10))]
        date: Query<Option<String>>,
        /// As this mentee would be answered, by the limit of sessions with one mentee.
        #[oai(name = "menteeId")]
        mentee_id: Query<Option<UserId>>,
        /// The offering's, unless given: 15 to 480, a multiple of 15.
        #[oai(
            name = "durationMinutes",
            validator(minimum(value = "15"), maximum(value = "480"), multiple_of = 15.0)
        )]
        duration_minutes: Query<Option<u32>>,
    ) -> Result<Json<ExplanationView>, Problem> {
        caller.admin()?;
        let offering = mentor::find_offering(app.core.db.pool(), id.0).await?;
        let question = question(start.0, local_start.0, date.0)?;
        Ok(Json(answer(&app, offering, mentee_id.0, duration_minutes.0, question).await?))
    }
}

async fn answer(
    app: &Shared,
    offering: Offering,
    mentee: Option<UserId>,
    minutes: Option<u32>,
    question: Question,
) -> Result<ExplanationView, Problem> {
    let (pool, now) = (app.core.db.pool(), app.core.clock.now());
    let minutes = minutes.unwrap_or(offering.duration_min);
    let Explanation { zone, times } =
        availability::explain(pool, offering.mentor_id, offering.kind, mentee, minutes, question, now)
            .await?;
    Ok(ExplanationView {
        offering_id: offering.id,
        time_zone: zone.name().to_owned(),
        duration_minutes: minutes,
        times: times.into_iter().map(TimeView::from).collect(),
    })
}

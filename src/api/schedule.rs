//! A mentor's hours.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::Problem;
use super::request;
use super::schedule_body::{ScheduleView, SetRequest};
use super::slot_reason::SlotReason;
use super::{Shared, Tag, unit};
use crate::availability::{self, Reason};
use crate::id::{ReservationId, UserId};
use crate::reservation::{self, Conflict, State};

pub struct ScheduleApi;

#[OpenApi(prefix_path = "/v1/me/schedule", tag = "Tag::Availability")]
impl ScheduleApi {
    /// Show the caller's hours
    #[oai(path = "/", method = "get", operation_id = "getMySchedule")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<ScheduleView>, Problem> {
        let schedule = availability::schedule(app.core.db.pool(), caller.user_id()).await?;
        Ok(Json(schedule.into()))
    }

    /// Set the caller's hours
    ///
    /// By approved mentors; what stood there is replaced, but for the fields that are absent and say so. Reservations
    /// that exist keep their instants: a preview lists those that the new hours would not offer.
    #[oai(path = "/", method = "put", operation_id = "setMySchedule")]
    async fn set(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<SetRequest>,
    ) -> Result<Json<ScheduleView>, Problem> {
        let mentor = caller.mentor()?;
        let change = body.parse()?;
        let version = body.expected_version;
        let schedule = unit!(app, caller.actor(), tx => {
            let new = availability::proposed(tx.conn(), mentor, change.clone(), version).await?;
            Ok(availability::set_schedule(tx, mentor, new, version).await?)
        })?;
        Ok(Json(schedule.into()))
    }

    /// Look at what other hours would do
    ///
    /// Takes what would be set, and shows the bookings ahead that those hours would not offer any more. Nothing is
    /// written: bookings keep their instants whatever the hours become; it is the mentor who moves or cancels them.
    #[oai(path = "/preview", method = "post", operation_id = "previewMySchedule")]
    async fn preview(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<SetRequest>,
    ) -> Result<Json<PreviewView>, Problem> {
        let mentor = caller.mentor()?;
        let (pool, change) = (app.core.db.pool(), body.parse()?);
        let new = availability::proposed(pool, mentor, change, body.expected_version).await?;
        let (conflicts, all) = reservation::conflicts(pool, mentor, &new, app.core.clock.now()).await?;
        Ok(Json(PreviewView::new(conflicts, all)))
    }
}

/// What other hours would do.
#[derive(Debug, Object)]
#[oai(rename = "SchedulePreview", rename_all = "camelCase")]
struct PreviewView {
    /// Bookings ahead that were looked at, the soonest first; at most 1,000.
    bookings: u32,
    /// Those that the hours would not offer any more.
    conflicts: Vec<ConflictView>,
}

/// A booking that other hours would not offer any more.
#[derive(Debug, Object)]
#[oai(rename = "ScheduleConflict", rename_all = "camelCase")]
struct ConflictView {
    reservation_id: ReservationId,
    title: String,
    mentee_id: UserId,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    state: State,
    /// Whether money was taken for it, or it is free of charge: whoever cancels it owes what its policy says.
    is_paid: bool,
    /// The first rule that it breaks.
    rule: SlotReason,
    /// The rule in words, in the language of `Accept-Language` (ko or en).
    text: String,
}

impl PreviewView {
    fn new(conflicts: Vec<Conflict>, all: usize) -> Self {
        let bookings = u32::try_from(all).unwrap_or(u32::MAX);
        Self { bookings, conflicts: conflicts.into_iter().map(ConflictView::from).collect() }
    }
}

impl From<Conflict> for ConflictView {
    fn from(conflict: Conflict) -> Self {
        let (r, rule) = (conflict.reservation, SlotReason::from(Reason::Refused(conflict.rule)));
        Self {
            reservation_id: r.id,
            is_paid: r.is_paid(),
            title: r.title,
            mentee_id: r.mentee_id,
            starts_at: r.starts_at,
            ends_at: r.ends_at,
            state: r.state,
            rule,
            text: rule.text(request::lang()).to_owned(),
        }
    }
}

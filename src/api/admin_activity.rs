//! The back office looks back: who changed what, and from where.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::admin_acts::note_reading;
use super::answer::page_size;
use super::caller::Caller;
use super::instant::When;
use super::page_key::{instant_key, key_text};
use super::problem::Problem;
use super::{Shared, Tag};
use crate::activity::{self, Entry, Filter};
use crate::id::{EventId, UserId};

impl From<activity::Error> for Problem {
    /// The log is on its way or away: nobody but an administrator who looks back has to wait for it.
    fn from(error: activity::Error) -> Self {
        Self::new("service.unavailable").because(error)
    }
}

pub struct ActivityApi;

/// Who made a change.
#[derive(Debug, Object)]
#[oai(rename = "ActivityActor", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ActorView {
    /// `user`, `admin`, `job`, `operator` (the command line), or `anonymous`.
    kind: String,
    /// The person's id, or the job's.
    id: Option<Uuid>,
}

/// Something that a change is about.
#[derive(Debug, Object)]
#[oai(rename = "ActivitySubject", rename_all = "camelCase")]
struct SubjectView {
    /// As the data names it, such as `reservation` for `reservationId`.
    kind: String,
    id: Uuid,
}

/// From where: of a person the address and the program, of a job the worker and the kind.
#[derive(Debug, Object)]
#[oai(rename = "ActivityOrigin", rename_all = "camelCase", skip_serializing_if_is_none)]
struct OriginView {
    ip: Option<String>,
    user_agent: Option<String>,
    worker: Option<String>,
    job: Option<String>,
}

/// One change. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "ActivityEntry", rename_all = "camelCase", skip_serializing_if_is_none)]
struct EntryView {
    id: EventId,
    at: DateTime<Utc>,
    /// Such as `reservation.confirmed`.
    #[oai(rename = "type")]
    kind: String,
    /// Absent of what happened before it was written down.
    actor: Option<ActorView>,
    /// Whose feeds tell of it.
    people: Vec<UserId>,
    subjects: Vec<SubjectView>,
    /// The request that caused it, also by way of jobs.
    request_id: Option<String>,
    /// Absent of what a process of ours did by itself.
    from: Option<OriginView>,
    /// What the feeds say.
    data: Any<Value>,
    /// When the log forgets it.
    expires_at: DateTime<Utc>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let origin = |w: activity::Whence| OriginView {
            ip: w.ip,
            user_agent: w.user_agent,
            worker: w.worker,
            job: w.job,
        };
        let subjects = entry.subjects.into_iter().map(|s| SubjectView { kind: s.kind, id: s.id });
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            actor: entry.doer.map(|doer| ActorView { kind: doer.kind, id: doer.id }),
            people: entry.people,
            subjects: subjects.collect(),
            request_id: entry.request_id,
            from: entry.whence.map(origin),
            data: Any(entry.data),
            expires_at: entry.expires_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "Activity", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Entries {
    /// Newest first.
    items: Vec<EntryView>,
    /// `before` of the next page; absent on the last one.
    next: Option<String>,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl ActivityApi {
    /// Search the activity log
    ///
    /// Every change with who made it, on what, and from where, newest first; entries fit every filter that is given.
    /// The log follows within seconds, and forgets by the type of what happened. 503 while MongoDB is away. That it
    /// was read is kept. For administrators.
    #[oai(path = "/activity", method = "get", operation_id = "adminListActivity")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// Who did it: the id of a person or a job.
        actor: Query<Option<Uuid>>,
        /// Whose feed tells of it.
        person: Query<Option<UserId>>,
        /// What it is about, such as a reservation's or a payment's id.
        subject: Query<Option<Uuid>>,
        /// A type or its beginning, at least up to the dot: `payment.`, `reservation.cancelled`.
        #[oai(name = "type", validator(max_length = 64, pattern = "^[a-z_]+\\.[a-z_.]*$"))]
        kind: Query<Option<String>>,
        /// The request that caused it.
        #[oai(name = "requestId", validator(max_length = 64))]
        request_id: Query<Option<String>>,
        /// At this instant or later.
        from: Query<Option<When>>,
        /// Before this instant.
        to: Query<Option<When>>,
        /// The `next` of the page before.
        #[oai(validator(max_length = 100))]
        before: Query<Option<String>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Entries>, Problem> {
        let admin = caller.admin()?;
        let before = before.0.as_deref().map(last_of_page).transpose()?;
        let filter = Filter {
            actor: actor.0,
            person: person.0,
            subject: subject.0,
            kind: kind.0,
            request_id: request_id.0,
            from: from.0.map(|at| at.0),
            to: to.0.map(|at| at.0),
            before,
        };
        let found = activity::search(&app.core.mongo, &filter, limit.0, app.core.clock.now()).await?;
        note_reading(&app, admin).await?;
        let next = found.last().filter(|_| found.len() == limit.0 as usize).map(|e| key_text(e.at, e.id.0));
        Ok(Json(Entries { items: found.into_iter().map(EntryView::from).collect(), next }))
    }
}

fn last_of_page(text: &str) -> Result<(DateTime<Utc>, EventId), Problem> {
    let (at, id) = instant_key(text).ok_or_else(|| Problem::new("page.invalid").field("before"))?;
    Ok((at, EventId(id)))
}

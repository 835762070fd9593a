//! The back office's view of the outbox: look, run again, take back.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::answer::page_size;
use super::caller::Caller;
use super::problem::Problem;
use super::{App, Shared, Tag, unit};
use crate::id::JobId;
use crate::job::Queue;
use crate::outbox::{self, Filter, Row};

pub struct JobsApi;

/// Where a job stands.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
enum JobState {
    /// Waits until it is due.
    Pending,
    /// On its way to a worker, or running there.
    Published,
    Done,
    /// Failed for good: `retry` runs it again.
    Dead,
    Cancelled,
}

impl JobState {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Published => "published",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename = "Queue", rename_all = "lowercase")]
pub(super) enum QueueName {
    Payment,
    Inbox,
    Settlement,
    Booking,
    Reminder,
    Notification,
    Webhook,
}

impl QueueName {
    pub(super) fn queue(self) -> Queue {
        match self {
            Self::Payment => Queue::Payment,
            Self::Inbox => Queue::Inbox,
            Self::Settlement => Queue::Settlement,
            Self::Booking => Queue::Booking,
            Self::Reminder => Queue::Reminder,
            Self::Notification => Queue::Notification,
            Self::Webhook => Queue::Webhook,
        }
    }
}

/// A job as its row says. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "Job", rename_all = "camelCase", skip_serializing_if_is_none)]
struct JobView {
    id: JobId,
    /// Versioned, such as `payment.confirm.v1`.
    kind: String,
    queue: String,
    state: String,
    payload: Any<Value>,
    dedup_key: Option<String>,
    /// The row the job is about.
    subject: Option<Uuid>,
    attempts: u32,
    run_at: DateTime<Utc>,
    worker: Option<String>,
    claimed_at: Option<DateTime<Utc>>,
    lease_until: Option<DateTime<Utc>>,
    last_error: Option<String>,
    /// The request that caused it.
    request_id: String,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<Row> for JobView {
    fn from(row: Row) -> Self {
        // A payload that is no JSON is shown as the text it is.
        let payload = serde_json::from_str(&row.payload).unwrap_or(Value::String(row.payload));
        Self {
            id: row.id,
            kind: row.kind,
            queue: row.queue,
            state: row.state,
            payload: Any(payload),
            dedup_key: row.dedup_key,
            subject: row.subject,
            attempts: row.attempts,
            run_at: row.run_at,
            worker: row.worker,
            claimed_at: row.claimed_at,
            lease_until: row.lease_until,
            last_error: row.last_error,
            request_id: row.request_id,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
struct Jobs {
    items: Vec<JobView>,
    /// `before` of the next page; absent on the last one.
    next: Option<JobId>,
}

#[OpenApi(prefix_path = "/v1/admin/jobs", tag = "Tag::Admin")]
impl JobsApi {
    /// List jobs
    ///
    /// Newest first. For administrators.
    #[oai(path = "/", method = "get", operation_id = "adminListJobs")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        state: Query<Option<JobState>>,
        queue: Query<Option<QueueName>>,
        #[oai(validator(max_length = 64))] kind: Query<Option<String>>,
        /// Jobs about this row alone.
        subject: Query<Option<Uuid>>,
        /// Words that stand in the last error.
        #[oai(validator(min_length = 1, max_length = 200))]
        error: Query<Option<String>>,
        /// The `next` of the page before.
        before: Query<Option<JobId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Jobs>, Problem> {
        caller.admin()?;
        let filter = Filter {
            state: state.0.map(|s| s.name().to_owned()),
            queue: queue.0.map(|q| q.queue().name().to_owned()),
            kind: kind.0,
            subject: subject.0,
            error: error.0,
            before: before.0,
        };
        let rows = outbox::list(app.core.db.pool(), &filter, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|r| r.id);
        Ok(Json(Jobs { items: rows.into_iter().map(JobView::from).collect(), next }))
    }

    /// Show a job
    ///
    /// For administrators.
    #[oai(path = "/:id", method = "get", operation_id = "adminGetJob")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<JobId>,
    ) -> Result<Json<JobView>, Problem> {
        caller.admin()?;
        Ok(Json(show(&app, id.0).await?))
    }

    /// Run a job again
    ///
    /// A dead or cancelled one, with a fresh count of attempts. For administrators.
    #[oai(path = "/:id/retry", method = "post", operation_id = "adminRetryJob")]
    async fn retry(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<JobId>,
    ) -> Result<Json<JobView>, Problem> {
        let admin = caller.admin()?;
        show(&app, id.0).await?;
        let replayed = unit!(app, admin, tx => { Ok(outbox::replay(tx, id.0).await?) })?;
        if !replayed {
            return Err(Problem::new("job.not_replayable"));
        }
        tracing::info!(job_id = %id.0, admin = %caller.user_id(), "job replayed");
        Ok(Json(show(&app, id.0).await?))
    }

    /// Take a job back
    ///
    /// One that waits or is dead; what runs is not stopped. For administrators.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "adminCancelJob")]
    async fn cancel(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<JobId>,
    ) -> Result<Json<JobView>, Problem> {
        let admin = caller.admin()?;
        show(&app, id.0).await?;
        let cancelled = unit!(app, admin, tx => { Ok(outbox::cancel(tx, id.0).await?) })?;
        if !cancelled {
            return Err(Problem::new("job.not_cancellable"));
        }
        tracing::info!(job_id = %id.0, admin = %caller.user_id(), "job cancelled");
        Ok(Json(show(&app, id.0).await?))
    }
}

async fn show(app: &App, id: JobId) -> Result<JobView, Problem> {
    let row = outbox::show(app.core.db.pool(), id).await?;
    row.map(JobView::from).ok_or_else(|| Problem::new("job.not_found"))
}

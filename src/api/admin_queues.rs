//! Queues and dead jobs as wholes: how they stand, and what is done about many at once.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::admin_jobs::QueueName;
use super::answer::Because;
use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{App, Shared, Tag, unit};
use crate::job::Queue;
use crate::outbox::{self, Failure, Filter, Touched};

pub struct QueuesApi;

/// As many causes as are shown.
const MOST_CAUSES: u32 = 100;
/// As many jobs as one request touches.
const MOST: u32 = 500;

/// How one queue stands. Instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "QueueState", rename_all = "camelCase", skip_serializing_if_is_none)]
struct QueueView {
    queue: String,
    paused: bool,
    reason: Option<String>,
    paused_since: Option<DateTime<Utc>>,
    paused_by: Option<Uuid>,
    /// Jobs that are due and wait.
    due: i64,
    /// Jobs on their way to a worker, or running there.
    published: i64,
    /// Seconds that the oldest due job has waited.
    lag_seconds: f64,
}

/// Dead jobs that failed alike.
#[derive(Debug, Object)]
#[oai(rename = "JobFailure", rename_all = "camelCase")]
struct FailureView {
    kind: String,
    /// How the error begins, at most 80 characters.
    error: String,
    count: i64,
}

impl From<Failure> for FailureView {
    fn from(failure: Failure) -> Self {
        Self { kind: failure.kind, error: failure.error, count: failure.count }
    }
}

/// Which dead jobs; at least a kind or words of the error.
#[derive(Debug, Object)]
#[oai(rename = "BulkJobs", rename_all = "camelCase", deny_unknown_fields)]
struct BulkRequest {
    #[oai(validator(min_length = 1, max_length = 64))]
    kind: Option<Text>,
    queue: Option<QueueName>,
    /// Words that stand in the last error.
    #[oai(validator(min_length = 3, max_length = 200))]
    error: Option<Text>,
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
}

impl BulkRequest {
    fn filter(&self) -> Result<Filter, Problem> {
        if self.kind.is_none() && self.error.is_none() {
            return Err(Problem::new("job.filter_needed"));
        }
        Ok(Filter {
            queue: self.queue.map(|queue| queue.queue().name().to_owned()),
            kind: self.kind.as_ref().map(|kind| kind.0.clone()),
            error: self.error.as_ref().map(|error| error.0.clone()),
            ..Filter::default()
        })
    }
}

#[derive(Debug, Object)]
#[oai(rename = "TouchedJobs", rename_all = "camelCase")]
struct TouchedView {
    count: usize,
    /// There are others: ask again.
    more: bool,
}

impl From<Touched> for TouchedView {
    fn from(touched: Touched) -> Self {
        Self { count: touched.count, more: touched.more }
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl QueuesApi {
    /// List queues
    ///
    /// With what waits in each. For administrators.
    #[oai(path = "/queues", method = "get", operation_id = "adminListQueues")]
    async fn list(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Vec<QueueView>>, Problem> {
        caller.admin()?;
        Ok(Json(queues(&app).await?))
    }

    /// Pause a queue
    ///
    /// Nothing more of it is given out; what was given out runs to its end. For administrators.
    #[oai(path = "/queues/:queue/pause", method = "post", operation_id = "adminPauseQueue")]
    async fn pause(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        queue: Path<QueueName>,
        body: Json<Because>,
    ) -> Result<Json<Vec<QueueView>>, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => { Ok(outbox::pause(tx, queue.0.queue(), &body.reason).await?) })?;
        Ok(Json(queues(&app).await?))
    }

    /// Let a queue go on
    ///
    /// For administrators.
    #[oai(path = "/queues/:queue/resume", method = "post", operation_id = "adminResumeQueue")]
    async fn resume(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        queue: Path<QueueName>,
        body: Json<Because>,
    ) -> Result<Json<Vec<QueueView>>, Problem> {
        let admin = caller.admin()?;
        tracing::info!(queue = queue.0.queue().name(), reason = &*body.reason, "queue resumed");
        unit!(app, admin, tx => { Ok(outbox::resume(tx, queue.0.queue()).await?) })?;
        Ok(Json(queues(&app).await?))
    }

    /// List what dead jobs failed of
    ///
    /// By kind and by how the error begins, most first. For administrators.
    #[oai(path = "/job-failures", method = "get", operation_id = "adminListJobFailures")]
    async fn failures(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<Vec<FailureView>>, Problem> {
        caller.admin()?;
        let failures = outbox::failures(app.core.db.pool(), MOST_CAUSES).await?;
        Ok(Json(failures.into_iter().map(FailureView::from).collect()))
    }

    /// Run many dead jobs again
    ///
    /// Oldest first, at most 500 at a time, each with a fresh count of attempts. For administrators.
    #[oai(path = "/jobs/bulk-retry", method = "post", operation_id = "adminRetryJobs")]
    async fn retry(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<BulkRequest>,
    ) -> Result<Json<TouchedView>, Problem> {
        let admin = caller.admin()?;
        let filter = body.filter()?;
        let touched = unit!(app, admin, tx => { Ok(outbox::retry_dead(tx, &filter, MOST).await?) })?;
        Ok(Json(touched.into()))
    }

    /// Discard many dead jobs
    ///
    /// Oldest first, at most 500 at a time. For administrators.
    #[oai(path = "/jobs/bulk-discard", method = "post", operation_id = "adminDiscardJobs")]
    async fn discard(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<BulkRequest>,
    ) -> Result<Json<TouchedView>, Problem> {
        let admin = caller.admin()?;
        let filter = body.filter()?;
        let touched = unit!(app, admin, tx => { Ok(outbox::discard_dead(tx, &filter, MOST).await?) })?;
        Ok(Json(touched.into()))
    }
}

async fn queues(app: &App) -> Result<Vec<QueueView>, Problem> {
    let (pool, now) = (app.core.db.pool(), app.core.clock.now());
    let pauses = outbox::pauses(pool).await?;
    let mut queues = Vec::new();
    for queue in Queue::ALL {
        let pause = pauses.iter().find(|pause| pause.queue == queue.name());
        let (due, published) = outbox::backlog(pool, queue, now).await?;
        queues.push(QueueView {
            queue: queue.name().to_owned(),
            paused: pause.is_some(),
            reason: pause.map(|pause| pause.reason.clone()),
            paused_since: pause.map(|pause| pause.since),
            paused_by: pause.and_then(|pause| pause.actor_id),
            due,
            published,
            lag_seconds: outbox::oldest_due_age(pool, queue, now).await?,
        });
    }
    Ok(queues)
}

//! The jobs of the story, as their rows in the outbox say. Only read, never written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use konnect::id::JobId;
use sqlx::MySqlPool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::text::{span, time};
use super::timeline::{Mark, Timeline};

/// How often the rows are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long a job that is due may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// A job that is due this much after its row was written waits for its time.
const FUTURE_MS: i64 = 200;
/// Characters of an error that are shown.
const ERROR_SHOWN: usize = 40;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub queue: String,
    pub payload: String,
    pub subject: Option<Uuid>,
    pub state: String,
    pub attempts: u32,
    /// UTC, by the clock of the processes, as all instants here.
    pub run_at: DateTime<Utc>,
    pub claimed_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Seen {
    /// What the story is about: reservations and attempts to pay.
    subjects: HashSet<Uuid>,
    jobs: BTreeMap<JobId, Job>,
    looks: u64,
    fault: Option<String>,
}

/// Watches the outbox and prints what changes.
pub struct Jobs {
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Jobs {
    /// Watches the rows that are written from now on.
    pub fn watch(pool: MySqlPool, line: Timeline) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let changed = watch::Sender::new(());
        let mut watcher = Watcher { pool, line, since: JobId::generate(), related: HashMap::new() };
        let (shared, tell) = (seen.clone(), changed.clone());
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = watcher.look(&shared).await {
                    lock(&shared).fault = Some(format!("the outbox can not be read: {error}"));
                }
                tell.send_replace(());
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { seen, changed, task }
    }

    /// From now on jobs about this row belong to the story.
    pub fn follow(&self, subject: &str) {
        if let Ok(subject) = subject.parse() {
            lock(&self.seen).subjects.insert(subject);
        }
    }

    /// Waits until a job of this kind about this row is done.
    ///
    /// # Errors
    /// When it is dead or cancelled, or not done within 15 s.
    pub async fn done(&self, kind: &str, subject: &str) -> Result<Job> {
        let is_it = |job: &&Job| job.kind == kind && job.subject.is_some_and(|s| s.to_string() == subject);
        let job = self.until(kind, |seen| {
            let ended = |job: &&Job| !matches!(job.state.as_str(), "pending" | "published");
            seen.jobs.values().filter(is_it).find(ended).cloned()
        });
        let job = job.await?;
        match job.state.as_str() {
            "done" => Ok(job),
            state => bail!("not as promised: {kind} is {state}: {}", job.last_error.unwrap_or_default()),
        }
    }

    /// Waits until no job of the story runs or is due, apart from those that wait for a later time.
    ///
    /// # Errors
    /// When one is dead, or not done within 15 s.
    pub async fn settle(&self, now: impl Fn() -> DateTime<Utc>) -> Result<()> {
        // What was committed before this call is in the rows of the look after the one that runs now.
        let enough = lock(&self.seen).looks + 2;
        let open = |job: &Job| match job.state.as_str() {
            "published" => true,
            "pending" => job.attempts > 0 || job.run_at <= now(),
            _ => false,
        };
        let dead = self.until("the jobs that are due", |seen| {
            let dead = seen.jobs.values().find(|job| job.state == "dead");
            let settled = seen.looks >= enough && !seen.jobs.values().any(open);
            if dead.is_some() || settled { Some(dead.cloned()) } else { None }
        });
        match dead.await? {
            Some(job) => {
                bail!("not as promised: {} is dead: {}", job.kind, job.last_error.unwrap_or_default())
            }
            None => Ok(()),
        }
    }

    /// How many jobs of the story are in this state.
    pub fn count(&self, state: &str) -> usize {
        lock(&self.seen).jobs.values().filter(|job| job.state == state).count()
    }

    async fn until<T>(&self, what: &str, found: impl Fn(&Seen) -> Option<T>) -> Result<T> {
        let mut changed = self.changed.subscribe();
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let got = {
                let seen = lock(&self.seen);
                if let Some(fault) = &seen.fault {
                    bail!("{fault}");
                }
                found(&seen)
            };
            if let Some(got) = got {
                return Ok(got);
            }
            if tokio::time::timeout_at(give_up, changed.changed()).await.is_err() {
                let seen = lock(&self.seen);
                let open = seen.jobs.values().filter(|j| matches!(j.state.as_str(), "pending" | "published"));
                let open: Vec<_> = open.map(|j| format!("{} {}", j.kind, j.state)).collect();
                bail!("not as promised: {what} not done within {PATIENCE:?}; open: {}", open.join(", "));
            }
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Watcher {
    pool: MySqlPool,
    line: Timeline,
    since: JobId,
    /// For jobs whose own subject is a notice or a webhook: what that is about.
    related: HashMap<JobId, Uuid>,
}

impl Watcher {
    async fn look(&mut self, shared: &Mutex<Seen>) -> Result<()> {
        let rows: Vec<Job> = sqlx::query_as(
            "SELECT id, kind, queue, payload, subject, state, attempts, run_at, claimed_at, last_error,
                created_at, finished_at
             FROM outbox WHERE id > ? ORDER BY id",
        )
        .bind(self.since)
        .fetch_all(&self.pool)
        .await?;
        let mut fresh = Vec::new();
        for row in rows {
            if let Some(about) = self.about(&row).await? {
                fresh.push((about, row));
            }
        }
        let mut seen = lock(shared);
        seen.looks += 1;
        for (about, row) in fresh {
            if seen.subjects.contains(&about) {
                let before = seen.jobs.insert(row.id, row.clone());
                if let Some(news) = news(before.as_ref(), &row) {
                    let what = format!("{:<28} {:<12} {news}", row.kind, row.queue);
                    self.line.line("job", Mark::Job, &what);
                }
            }
        }
        Ok(())
    }

    /// The row of the story that a job is about.
    async fn about(&mut self, job: &Job) -> Result<Option<Uuid>> {
        if let Some(about) = self.related.get(&job.id) {
            return Ok(Some(*about));
        }
        let about = match job.kind.as_str() {
            "notification.deliver.v1" => {
                let of_notice: Option<Option<Uuid>> =
                    sqlx::query_scalar("SELECT reservation_id FROM notices WHERE id = ?")
                        .bind(job.subject)
                        .fetch_optional(&self.pool)
                        .await?;
                of_notice.flatten()
            }
            "payment.sync_webhook.v1" => self.order_of_webhook(&job.payload).await?,
            _ => return Ok(job.subject),
        };
        if let Some(about) = about {
            self.related.insert(job.id, about);
        }
        Ok(about)
    }

    async fn order_of_webhook(&self, payload: &str) -> Result<Option<Uuid>> {
        let payload: serde_json::Value = serde_json::from_str(payload)?;
        let body: Option<String> =
            sqlx::query_scalar("SELECT CAST(body AS CHAR) FROM webhook_inbox WHERE transmission_id = ?")
                .bind(payload["transmission_id"].as_str())
                .fetch_optional(&self.pool)
                .await?;
        let body: serde_json::Value = serde_json::from_str(body.as_deref().unwrap_or("null"))?;
        Ok(body.pointer("/data/orderId").and_then(|id| id.as_str()?.parse().ok()))
    }
}

/// What a reader should know about a change; nothing when only the way to a worker was made.
fn news(before: Option<&Job>, job: &Job) -> Option<String> {
    let was = before.map_or("", |job| job.state.as_str());
    let tried_before = before.map_or(0, |job| job.attempts);
    match job.state.as_str() {
        "pending" if before.is_none() && job.attempts == 0 => {
            let wait = (job.run_at - job.created_at).num_milliseconds();
            (wait > FUTURE_MS).then(|| format!("waits {}", span(wait)))
        }
        "pending" if job.attempts > 0 && (was == "published" || job.attempts > tried_before) => {
            let error: String =
                job.last_error.iter().flat_map(|error| error.chars()).take(ERROR_SHOWN).collect();
            let wait = job.claimed_at.map_or(0, |at| (job.run_at - at).num_milliseconds());
            Some(format!("attempt {} failed, next +{}: {error}", job.attempts, span(wait)))
        }
        state @ ("done" | "dead") if state != was => {
            let took =
                job.finished_at.zip(job.claimed_at).map(|(end, start)| (end - start).num_milliseconds());
            let took = took.map_or_else(String::new, |took| format!(", took {}", span(took)));
            Some(format!("{state}, attempt {}, {}{took}", job.attempts, start_of(job)))
        }
        "cancelled" if was != "cancelled" => Some("cancelled: no longer needed".to_owned()),
        _ => None,
    }
}

/// How soon a job was started; for one that waited for its time, that time. The clock jumps past it.
fn start_of(job: &Job) -> String {
    let waited = (job.run_at - job.created_at).num_milliseconds() > FUTURE_MS && job.attempts == 1;
    match job.claimed_at {
        Some(at) if !waited => format!("started +{}", span((at - job.run_at).num_milliseconds())),
        _ => format!("due {}", time(job.run_at)),
    }
}

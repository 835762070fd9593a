//! Jobs to measure with: written in one of several ways, and what became of them.
//!
//! The job is `diagnostic.ping.v1`: it travels the whole line and finishes in a transaction that writes nothing else.

use std::collections::HashMap;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use konnect::clock::Instant;
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::id::JobId;
use konnect::job::{Job, Ping};
use konnect::{outbox, transact};
use sqlx::QueryBuilder;
use tokio::task::JoinSet;

use super::pace::Pace;
use super::sample::Sample;

/// Jobs written by one transaction, and transactions at a time, when many are written.
pub const BATCH: usize = 100;
pub const WRITERS: usize = 2;
/// Who write one job a transaction, at a time.
const SINGLE: usize = 16;
/// Rows of one statement that fills the outbox.
const FILL: usize = 500;
/// For everything to be done.
const PATIENCE: Duration = Duration::from_secs(90);
/// Jobs that are due later than this from now belong to nobody who waits here.
const SOON: TimeDelta = TimeDelta::hours(1);

/// What became of jobs that were written one by one.
pub struct Starts {
    /// From the moment the writing process saw its commit to the instant of the handler's own transaction.
    pub waited: Sample,
    /// From the instant at which each job was to be written to its commit: it grows when the schedule cannot be kept.
    pub late: Sample,
}

fn context(name: &str, index: usize) -> Context {
    Context::new(Actor::Operator, format!("bench-{name}-{index}"))
}

/// Writes one job at each instant, and waits until all have run, once each.
pub async fn starts(core: &Core, name: &'static str, due: Vec<Duration>) -> Result<Starts> {
    let (since, count) = (core.clock.now(), due.len());
    let pace = Pace::start(due, SINGLE);
    let mut writers = JoinSet::new();
    for _ in 0..SINGLE {
        let (core, pace) = (core.clone(), pace.clone());
        writers.spawn(async move {
            let mut written = Vec::new();
            while let Some((index, due)) = pace.next().await {
                let cx = context(name, index);
                let ping = Ping { sent_at: core.clock.now() };
                transact!(core.db, cx, sqlx::Error, tx => { outbox::enqueue(tx, &ping).await })?;
                written.push((cx.request_id, core.clock.now(), due.elapsed()));
            }
            anyhow::Ok(written)
        });
    }
    let (mut commits, mut late) = (HashMap::new(), Vec::new());
    while let Some(written) = writers.join_next().await {
        for (request_id, committed, after) in written?? {
            commits.insert(request_id, committed);
            late.push(after);
        }
    }
    wait_done(core, since, count).await?;
    let rows: Vec<(String, Instant)> = sqlx::query_as(
        "SELECT request_id, finished_at FROM outbox WHERE kind = ? AND state = 'done' AND attempts = 1
         AND finished_at >= ?",
    )
    .bind(Ping::KIND)
    .bind(since)
    .fetch_all(core.db.pool())
    .await?;
    let last = rows.iter().map(|(_, began)| *began).max().unwrap_or(since);
    let elapsed = (last - since).to_std().unwrap_or_default();
    let waited = |(request_id, began): (String, Instant)| {
        let commit = commits.get(&request_id)?;
        // The worker may be quicker than the news of the commit.
        Some((began - *commit).to_std().unwrap_or_default())
    };
    let times: Vec<Duration> = rows.into_iter().filter_map(waited).collect();
    ensure!(times.len() == count, "{} of {count} jobs ran, and once", times.len());
    Ok(Starts { waited: Sample::new(times, elapsed), late: Sample::new(late, elapsed) })
}

/// Jobs a second when each has a transaction of its own and the next one is written at once, from the first writing to
/// the last job done.
pub async fn one_by_one(core: &Core, name: &'static str, count: usize) -> Result<f64> {
    let since = core.clock.now();
    starts(core, name, vec![Duration::ZERO; count]).await?;
    rate(core, since, since, count).await
}

/// Jobs a second from the first commit to the last job done.
pub async fn enqueue_and_drain(core: &Core, count: usize) -> Result<f64> {
    let since = core.clock.now();
    let first = write_many(core, "through", count, None).await?;
    rate(core, since, first, count).await
}

/// Jobs a second from the instant at which all are due.
pub async fn drain(core: &Core, count: usize) -> Result<f64> {
    let since = core.clock.now();
    let due = since + TimeDelta::seconds(3) + TimeDelta::milliseconds(count as i64 / 2);
    write_many(core, "drain", count, Some(due)).await?;
    ensure!(core.clock.now() < due, "writing the jobs took too long");
    rate(core, since, due, count).await
}

/// Waits for `count` jobs that were written after `since`; how many were done a second after `from`.
async fn rate(core: &Core, since: Instant, from: Instant, count: usize) -> Result<f64> {
    wait_done(core, since, count).await?;
    let (last, runs): (Option<Instant>, Option<i64>) = sqlx::query_as(
        "SELECT MAX(finished_at), CAST(SUM(attempts) AS SIGNED) FROM outbox
         WHERE kind = ? AND state = 'done' AND finished_at >= ?",
    )
    .bind(Ping::KIND)
    .bind(since)
    .fetch_one(core.db.pool())
    .await?;
    ensure!(runs == Some(i64::try_from(count)?), "{runs:?} runs of {count} jobs");
    let took = last.context("jobs have ended")? - from;
    Ok(count as f64 / took.as_seconds_f64())
}

/// Writes jobs; the instant right after the first commit.
pub async fn write_many(
    core: &Core,
    name: &'static str,
    count: usize,
    due: Option<Instant>,
) -> Result<Instant> {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let core = core.clone();
        writers.spawn(async move {
            let mut first = None;
            for start in (0..count).step_by(BATCH).skip(writer).step_by(WRITERS) {
                let cx = context(name, start);
                transact!(core.db, cx, sqlx::Error, tx => {
                    for _ in start..count.min(start + BATCH) {
                        let ping = Ping { sent_at: tx.now };
                        outbox::enqueue_at(tx, &ping, due.unwrap_or(tx.now)).await?;
                    }
                    Ok(())
                })?;
                first.get_or_insert(core.clock.now());
            }
            anyhow::Ok(first)
        });
    }
    let mut first = None;
    while let Some(written) = writers.join_next().await {
        first = [first, written??].into_iter().flatten().min();
    }
    first.context("jobs were written")
}

/// Writes jobs that are due tomorrow, as rows: nobody is woken for what nobody may take yet.
pub async fn write_for_tomorrow(core: &Core, count: usize) -> Result<()> {
    let now = core.clock.now();
    let payload = serde_json::to_string(&Ping { sent_at: now })?;
    for start in (0..count).step_by(FILL) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO outbox (id, kind, queue, payload, run_at, state, attempts, request_id, created_at) ",
        );
        insert.push_values(start..count.min(start + FILL), |mut row, index| {
            row.push_bind(JobId::generate())
                .push_bind(Ping::KIND)
                .push_bind(Ping::QUEUE.name())
                .push_bind(payload.clone())
                .push_bind(now + TimeDelta::days(1) + TimeDelta::milliseconds(index as i64))
                .push("'pending', 0")
                .push_bind("bench-tomorrow")
                .push_bind(now);
        });
        insert.build().execute(core.db.pool()).await?;
    }
    Ok(())
}

/// Until `count` pings were done after `since` and none of those that are due runs or waits.
pub async fn wait_done(core: &Core, since: Instant, count: usize) -> Result<()> {
    let patience = Stopwatch::now();
    loop {
        // A range of an index: cheap, and cheaper the nearer the end is. The queue has other jobs that recur.
        let left: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM outbox WHERE queue = ? AND state IN ('pending', 'published') AND run_at < ?
             AND kind = ?",
        )
        .bind(Ping::QUEUE.name())
        .bind(since + SOON)
        .bind(Ping::KIND)
        .fetch_one(core.db.pool())
        .await?;
        if left == 0 {
            break;
        }
        ensure!(patience.elapsed() < PATIENCE, "{left} jobs are left: do relay and worker run?");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let done: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM outbox WHERE kind = ? AND state = 'done' AND finished_at >= ?",
    )
    .bind(Ping::KIND)
    .bind(since)
    .fetch_one(core.db.pool())
    .await?;
    ensure!(done >= i64::try_from(count)?, "{done} of {count} jobs are done");
    Ok(())
}

//! Jobs: how soon they start, and how many get through.
//!
//! The job is `diagnostic.ping.v1`: it travels the whole line and finishes in a transaction that writes nothing else.

use std::collections::HashMap;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use konnect::clock::Instant;
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::job::{Job, Ping};
use konnect::{outbox, transact};
use tokio::task::JoinSet;

use super::process::Process;
use super::report::{Figure, Section, Target};
use super::sample::{Sample, median};
use super::server::forget;
use super::{Bench, say};

/// One after the other, far apart.
const IDLE_GAP: Duration = Duration::from_millis(50);
/// 300 jobs a second.
const STEADY_GAP: Duration = Duration::from_micros(3_333);
/// Jobs written by one transaction, and transactions at a time, when many are written.
const BATCH: usize = 100;
const WRITERS: usize = 2;
/// For everything to be done.
const PATIENCE: Duration = Duration::from_secs(90);

pub async fn measure(bench: &Bench) -> Result<Vec<Section>> {
    let core = &bench.core;
    forget(core.db.pool()).await?;
    let relay = Process::start(&bench.programs, "relay", &[])?;
    let worker = Process::start(&bench.programs, "reminder-worker", &[])?;
    say("jobs: warm-up");
    write_many(core, "warm-up", 500, None).await?;
    wait_done(core, 500).await?;

    say("jobs: start, idle");
    let idle = starts(core, "idle", bench.plan.idle_jobs, IDLE_GAP).await?;
    say("jobs: start, under load");
    let steady = starts(core, "steady", bench.plan.steady_jobs, STEADY_GAP).await?;
    let mut through = Vec::new();
    let mut drained = Vec::new();
    for round in 1..=bench.plan.rounds {
        say(&format!("jobs: throughput, round {round} of {}", bench.plan.rounds));
        through.push(enqueue_and_drain(core, bench.plan.drained_jobs).await?);
        drained.push(drain(core, bench.plan.drained_jobs).await?);
    }
    worker.stop().await?;
    relay.stop().await?;
    Ok(vec![
        Section {
            title: "From commit to the handler's start",
            figures: vec![
                Figure::new("idle p50", idle.p50(), "ms", Target::AtMost(10.0)),
                Figure::new("idle p99", idle.p99(), "ms", Target::AtMost(50.0)),
                Figure::new(format!("under {:.0} jobs/s p50", 1.0 / STEADY_GAP.as_secs_f64()), steady.p50(), "ms", Target::Free),
                Figure::new(format!("under {:.0} jobs/s p99", 1.0 / STEADY_GAP.as_secs_f64()), steady.p99(), "ms", Target::AtMost(250.0)),
            ],
            notes: vec![
                format!("{} jobs one by one every {} ms; {} jobs evenly, {:.0} a second came through", idle.count(), IDLE_GAP.as_millis(), steady.count(), steady.rate()),
                "from the moment the enqueuing process saw its commit to the instant of the handler's own transaction".to_owned(),
            ],
        },
        Section {
            title: "No-op jobs through outbox, relay, Redis and one worker process",
            figures: vec![
                Figure::new("first commit to last done", median(through.iter().copied()), "jobs/s", Target::AtLeast(1_500.0)),
                Figure::new("due at once to last done", median(drained.iter().copied()), "jobs/s", Target::AtLeast(1_500.0)),
            ],
            notes: vec![
                format!("{} rounds of {} jobs each way; medians", bench.plan.rounds, bench.plan.drained_jobs),
                format!("first way: written by {WRITERS} connections, {BATCH} jobs a transaction, while they are worked off"),
                "second way: all written before, due at the same instant".to_owned(),
            ],
        },
    ])
}

fn context(name: &str, index: usize) -> Context {
    Context::new(Actor::Operator, format!("bench-{name}-{index}"))
}

/// Enqueues one job after each gap; the time from each commit to the start of its handler.
async fn starts(core: &Core, name: &'static str, count: usize, gap: Duration) -> Result<Sample> {
    let mut timer = tokio::time::interval(gap);
    let mut writers = JoinSet::new();
    let started = Stopwatch::now();
    for index in 0..count {
        timer.tick().await;
        let core = core.clone();
        writers.spawn(async move {
            let cx = context(name, index);
            let ping = Ping { sent_at: core.clock.now() };
            transact!(core.db, cx, sqlx::Error, tx => { outbox::enqueue(tx, &ping).await })?;
            anyhow::Ok((cx.request_id, core.clock.now()))
        });
    }
    let mut commits = HashMap::new();
    while let Some(written) = writers.join_next().await {
        commits.extend([written??]);
    }
    wait_done(core, count).await?;
    let elapsed = started.elapsed();
    let rows: Vec<(String, Instant)> = sqlx::query_as(
        "SELECT request_id, finished_at FROM outbox WHERE kind = ? AND state = 'done' AND attempts = 1",
    )
    .bind(Ping::KIND)
    .fetch_all(core.db.pool())
    .await?;
    let waited = |(request_id, began): (String, Instant)| {
        let commit = commits.get(&request_id)?;
        // The worker may be quicker than the news of the commit.
        Some((began - *commit).to_std().unwrap_or_default())
    };
    let times: Vec<Duration> = rows.into_iter().filter_map(waited).collect();
    ensure!(times.len() == count, "{} of {count} jobs ran, and once", times.len());
    forget(core.db.pool()).await?;
    Ok(Sample::new(times, elapsed))
}

/// Jobs a second from the first commit to the last job done.
async fn enqueue_and_drain(core: &Core, count: usize) -> Result<f64> {
    let first = write_many(core, "through", count, None).await?;
    rate(core, first, count).await
}

/// Jobs a second from the instant at which all are due.
async fn drain(core: &Core, count: usize) -> Result<f64> {
    let due = core.clock.now() + TimeDelta::seconds(3) + TimeDelta::milliseconds(count as i64 / 2);
    write_many(core, "drain", count, Some(due)).await?;
    ensure!(core.clock.now() < due, "writing the jobs took too long");
    rate(core, due, count).await
}

async fn rate(core: &Core, from: Instant, count: usize) -> Result<f64> {
    wait_done(core, count).await?;
    let (last, runs): (Option<Instant>, i64) =
        sqlx::query_as("SELECT MAX(finished_at), CAST(SUM(attempts) AS SIGNED) FROM outbox WHERE kind = ?")
            .bind(Ping::KIND)
            .fetch_one(core.db.pool())
            .await?;
    ensure!(runs == i64::try_from(count)?, "{runs} runs of {count} jobs");
    forget(core.db.pool()).await?;
    let took = last.context("jobs have ended")? - from;
    Ok(count as f64 / took.as_seconds_f64())
}

/// Writes jobs; the instant right after the first commit.
async fn write_many(core: &Core, name: &'static str, count: usize, due: Option<Instant>) -> Result<Instant> {
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

/// Until `count` pings are done and none waits or runs.
async fn wait_done(core: &Core, count: usize) -> Result<()> {
    let patience = Stopwatch::now();
    loop {
        // Both ends of an index: cheap, and cheaper the nearer the end is.
        let left: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM outbox WHERE queue = ? AND state IN ('pending', 'published')",
        )
        .bind(Ping::QUEUE.name())
        .fetch_one(core.db.pool())
        .await?;
        if left == 0 {
            break;
        }
        ensure!(patience.elapsed() < PATIENCE, "{left} jobs are left: do relay and worker run?");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let done: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ? AND state = 'done'")
        .bind(Ping::KIND)
        .fetch_one(core.db.pool())
        .await?;
    ensure!(done >= i64::try_from(count)?, "{done} of {count} jobs are done");
    Ok(())
}

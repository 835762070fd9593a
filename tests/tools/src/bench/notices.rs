//! One happening, many people, three channels: how many notices a second, in how much memory, and what a worker that is
//! killed half way through costs.

use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Context as _, Result, ensure};
use konnect::id::UserId;
use konnect::job::{NotifyEvent, Queue};
use konnect::user::{self, Locale, NewUser, Platform};
use konnect::{outbox, transact};
use serde_json::{Value, json};
use sqlx::MySqlPool;

use super::http::{Connection, get};
use super::live::usage::resident_bytes;
use super::process::Process;
use super::report::{Figure, Section, Target};
use super::server::forget;
use super::world::context;
use super::{Bench, say};

/// Told in the app, by mail and by push.
const KIND: &str = "reservation.cancelled";
const CHANNELS: usize = 3;
/// People made by one transaction.
const BATCH: usize = 50;
/// Jobs that a worker has in hand when it is killed, and so the most that can come again.
const CONCURRENCY: usize = 64;
/// For everything to be told.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(100);
const MIB: f64 = 1_048_576.0;

pub async fn measure(bench: &Bench) -> Result<Section> {
    let pool = bench.core.db.pool();
    let count = bench.plan.told;
    say(&format!("notices: making {count} people with a device each"));
    let people = crowd(bench, count).await?;
    forget(pool).await?;
    let mut sandbox = Process::start(&bench.programs, "sandbox", &[("RUST_LOG", "error")])?;
    sandbox.wait_ready(bench.sandbox, "/sandbox/tally").await?;
    let relay = Process::start(&bench.programs, "relay", &[])?;

    say("notices: warm-up");
    let worker = start_worker(bench)?;
    tell(bench, "warm-up", &people[..count.min(200)]).await?;
    wait_told(pool, "warm-up", count.min(200)).await?;

    say("notices: one happening");
    let begun = Stopwatch::now();
    tell(bench, "whole", &people).await?;
    let half = wait_for(pool, "whole", count * CHANNELS / 2).await?;
    let resident_half = resident_bytes(worker.id()?)?;
    wait_told(pool, "whole", count).await?;
    let took = begun.elapsed();
    let resident_end = resident_bytes(worker.id()?)?;
    worker.stop().await?;

    say("notices: the same, and the worker is killed half way through");
    let before = came(bench).await?;
    let victim = start_worker(bench)?;
    tell(bench, "killed", &people).await?;
    wait_for(pool, "killed", count * CHANNELS / 2).await?;
    // Killed, without a goodbye.
    drop(victim);
    let killed = Stopwatch::now();
    let successor = start_worker(bench)?;
    wait_told(pool, "killed", count).await?;
    let recovered = killed.elapsed();
    let after = came(bench).await?;
    for process in [successor, relay, sandbox] {
        process.stop().await?;
    }
    let (taken, different) = (after.all - before.all, after.distinct - before.distinct);
    ensure!(different == 2 * count, "{different} different mails and pushes came of {}", 2 * count);
    let again = taken - different;

    let most = most_rows(pool).await? as f64;
    let notices = (count * CHANNELS) as f64;
    let growth = 100.0 * (resident_end - resident_half) / resident_half;
    Ok(Section {
        title: "Notices: one happening, three channels",
        figures: vec![
            Figure::new("notices told", notices / took.as_secs_f64(), "/s", Target::AtLeast(1_000.0)),
            Figure::new("memory of the worker, half way", resident_half / MIB, "MiB", Target::Free),
            Figure::new("more at the end", growth, "%", Target::AtMost(10.0)),
            Figure::new("rows of one person, happening and channel, at most", most, "", Target::AtMost(1.0)),
            Figure::new(
                "came again after the kill, under the same id",
                again as f64,
                "",
                Target::AtMost(CONCURRENCY as f64),
            ),
            Figure::new("from the kill to the last one told", recovered.as_secs_f64(), "s", Target::Free),
        ],
        notes: vec![
            format!("{count} people, one worker process, {CONCURRENCY} jobs at a time; half were told after {:.1} s", half.as_secs_f64()),
            "a notice is told when it stands in the app, or when the stand-in for mail or push has taken it and the row says so".to_owned(),
            "what a killed worker had handed over without writing it down comes again under the same Message-ID or collapse id".to_owned(),
        ],
    })
}

fn start_worker(bench: &Bench) -> Result<Process> {
    let concurrency = CONCURRENCY.to_string();
    let settings = [("KONNECT_WORKER_CONCURRENCY", concurrency.as_str()), ("RUST_LOG", "error")];
    Process::start(&bench.programs, "notification-worker", &settings)
}

async fn crowd(bench: &Bench, count: usize) -> Result<Vec<UserId>> {
    let mut people = Vec::with_capacity(count);
    for start in (0..count).step_by(BATCH) {
        let made = transact!(bench.core.db, context(), anyhow::Error, tx => {
            let mut made = Vec::new();
            for number in start..count.min(start + BATCH) {
                let email = format!("told-{number}@bench.example");
                let new = NewUser::parse(&email, "Told", Locale::Ko, "Asia/Seoul")?;
                let id = user::register(tx, &new, "nobody logs in").await?.id;
                user::add_device_token(tx, id, &format!("bench:{number}"), Platform::Android).await?;
                made.push(id);
            }
            Ok(made)
        })?;
        people.extend(made);
    }
    Ok(people)
}

/// One happening that these people are told of.
async fn tell(bench: &Bench, name: &str, people: &[UserId]) -> Result<()> {
    let event = NotifyEvent {
        event_key: name.to_owned(),
        kind: KIND.to_owned(),
        people: people.to_vec(),
        reservation_id: None,
        data: json!({ "title": "백엔드 코드 리뷰", "startsAt": "2026-01-05T01:00:00Z" }),
        expires_at: None,
    };
    transact!(bench.core.db, context(), anyhow::Error, tx => { Ok(outbox::enqueue(tx, &event).await?) })?;
    Ok(())
}

/// How many notices of a happening are told.
async fn told(pool: &MySqlPool, name: &str) -> Result<usize> {
    let told: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM notices WHERE event_key = ? AND state IN ('stored', 'sent')",
    )
    .bind(name)
    .fetch_one(pool)
    .await?;
    Ok(usize::try_from(told)?)
}

/// Until so many are told; how long that took.
async fn wait_for(pool: &MySqlPool, name: &str, count: usize) -> Result<Duration> {
    let begun = Stopwatch::now();
    while told(pool, name).await? < count {
        ensure!(begun.elapsed() < PATIENCE, "{} of {count} notices are told", told(pool, name).await?);
        tokio::time::sleep(LOOK).await;
    }
    Ok(begun.elapsed())
}

/// Until these people are told on every channel and no job is left: once each, by the rows.
async fn wait_told(pool: &MySqlPool, name: &str, people: usize) -> Result<()> {
    wait_for(pool, name, people * CHANNELS).await?;
    let begun = Stopwatch::now();
    loop {
        let left: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM outbox WHERE queue = ? AND state IN ('pending', 'published')
             AND kind LIKE 'notification.%' AND run_at <= ?",
        )
        .bind(Queue::Notification.name())
        .bind(konnect::clock::Clock::system().now())
        .fetch_one(pool)
        .await?;
        if left == 0 {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "{left} jobs are left");
        tokio::time::sleep(LOOK).await;
    }
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM notices WHERE event_key = ?")
        .bind(name)
        .fetch_one(pool)
        .await?;
    ensure!(usize::try_from(rows)? == people * CHANNELS, "{rows} rows for {people} people");
    Ok(())
}

/// How often somebody was told the same on the same channel, at most.
async fn most_rows(pool: &MySqlPool) -> Result<i64> {
    let most = "SELECT MAX(told.times) FROM
                (SELECT COUNT(*) AS times FROM notices GROUP BY event_key, user_id, channel) AS told";
    Ok(sqlx::query_scalar(most).fetch_one(pool).await?)
}

/// What the stand-in has taken, mails and pushes together.
struct Came {
    all: usize,
    distinct: usize,
}

async fn came(bench: &Bench) -> Result<Came> {
    let mut connection = Connection::open(bench.sandbox).await?;
    let answer = connection.send(&get("/sandbox/tally")).await?;
    let tally: Value = serde_json::from_slice(answer.expect(200)?)?;
    let sum = |field: &str| -> Result<usize> {
        let of = |what: &str| tally[what][field].as_u64().context("a count");
        Ok(usize::try_from(of("pushes")? + of("mails")?)?)
    };
    Ok(Came { all: sum("all")?, distinct: sum("distinct")? })
}

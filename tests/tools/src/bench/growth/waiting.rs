//! What the relay and the jobs that are due cost when more and more others wait for their day.

use std::convert::Infallible;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Result, ensure};
use konnect::job::{Job, Ping};
use konnect::relay::Relay;
use konnect_tools::picture::Axis;

use super::super::catalogue::refresh_all;
use super::super::pace::evenly;
use super::super::pings::{Starts, enqueue_and_drain, starts, wait_done, write_for_tomorrow, write_many};
use super::super::process::Process;
use super::super::report::{Curves, Section, Target};
use super::super::sample::{Sample, median};
use super::super::server::{forget, settle};
use super::super::{Bench, say};
use super::{Course, picture};

/// Rows of one full round of the relay, and full rounds until the transport has enough for now.
const ROUND: usize = 500;
const ROUNDS: usize = 4;
/// Rounds that find nothing due.
const LOOKS: usize = 300;
/// Rounds of throughput; their median counts.
const THROUGH: usize = 3;
/// Jobs a second whose start is looked at: far below what the system can do.
const GENTLE: f64 = 100.0;
/// At the most waiting jobs, by what it was with the fewest.
const KEEPS: Target = Target::AtLeast(0.8);

/// With one number of waiting jobs.
struct Measured {
    looks: Sample,
    rounds: Sample,
    /// Jobs a second.
    through: f64,
    starts: Starts,
}

pub async fn measure(bench: &Bench) -> Result<Curves> {
    let (core, size) = (&bench.core, &bench.plan.growth);
    let pool = core.db.pool();
    // Nothing for the reconcilers of the same queue to find.
    refresh_all(bench).await?;
    forget(pool).await?;
    let worker = Process::start(&bench.programs, "reminder-worker", &[])?;
    say("growth: warm-up of jobs");
    let since = core.clock.now();
    let relay = Process::start(&bench.programs, "relay", &[])?;
    write_many(core, "warm-up", ROUND, None).await?;
    wait_done(core, since, ROUND).await?;
    relay.stop().await?;

    let mut sizes = Vec::new();
    let mut waiting = 0;
    for count in size.waiting {
        say(&format!("growth: {count} jobs wait"));
        write_for_tomorrow(core, count - waiting).await?;
        waiting = *count;
        // Also what the relay writes again and again: while it stands still, nothing but pings falls due.
        sqlx::query("DELETE FROM outbox WHERE state = 'done' OR kind <> ?")
            .bind(Ping::KIND)
            .execute(pool)
            .await?;
        sqlx::raw_sql("ANALYZE TABLE outbox").execute(pool).await?;
        settle(pool).await?;
        sizes.push((waiting, measured(bench).await?));
    }
    let still: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ? AND state = 'pending'")
        .bind(Ping::KIND)
        .fetch_one(pool)
        .await?;
    ensure!(still == i64::try_from(waiting)?, "{still} of {waiting} jobs still wait");
    worker.stop().await?;
    forget(pool).await?;
    Ok(curves(bench, &sizes))
}

async fn measured(bench: &Bench) -> Result<Measured> {
    let (core, size) = (&bench.core, &bench.plan.growth);
    // The relay of this process, whose rounds can be timed; the one that runs by itself comes afterwards.
    let relay = Relay::new(core.clone());
    let mut rounds = Vec::new();
    let begun = Stopwatch::now();
    for _ in 0..size.passes {
        let since = core.clock.now();
        write_many(core, "rounds", ROUND * ROUNDS, None).await?;
        for _ in 0..ROUNDS {
            let began = Stopwatch::now();
            let published = relay.publish_batch(Ping::QUEUE).await?;
            rounds.push(began.elapsed());
            ensure!(published == ROUND, "{published} rows in a full round");
        }
        tokio::select! {
            done = wait_done(core, since, ROUND * ROUNDS) => done?,
            failed = publish_on(&relay) => match failed? {},
        }
    }
    let rounds = Sample::new(rounds, begun.elapsed());
    let mut looks = Vec::new();
    let begun = Stopwatch::now();
    for _ in 0..LOOKS {
        let began = Stopwatch::now();
        // A job that a handler wrote may have fallen due.
        if relay.publish_batch(Ping::QUEUE).await? == 0 {
            looks.push(began.elapsed());
        }
    }
    ensure!(looks.len() > LOOKS / 2, "only {} of {LOOKS} rounds found nothing due", looks.len());
    let looks = Sample::new(looks, begun.elapsed());

    let process = Process::start(&bench.programs, "relay", &[])?;
    let mut through = Vec::new();
    // The first one waits for the process to be there.
    for round in 0..=THROUGH {
        let rate = enqueue_and_drain(core, size.jobs).await?;
        if round > 0 {
            through.push(rate);
        }
    }
    let starts = starts(core, "growth", evenly(size.starts, GENTLE)).await?;
    process.stop().await?;
    Ok(Measured { looks, rounds, through: median(through), starts })
}

/// Pings are left when another job was due as well and took a place in a round.
async fn publish_on(relay: &Relay) -> Result<Infallible> {
    loop {
        relay.publish_batch(Ping::QUEUE).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn curves(bench: &Bench, sizes: &[(usize, Measured)]) -> Curves {
    let of = "waiting";
    let course = |what, value: fn(&Measured) -> f64| Course::new(what, "ms", sizes, value);
    let times = [
        course("nothing due, p50", |m| m.looks.p50()),
        course("500 published, p50", |m| m.rounds.p50()),
        course("to the start, p50", |m| m.starts.waited.p50()),
        course("to the start, p99", |m| m.starts.waited.p99()),
    ];
    let through = [Course::new("jobs a second", "jobs/s", sizes, |m| m.through)];
    let mut figures: Vec<_> = times.iter().chain(&through).flat_map(|course| course.figures(of)).collect();
    figures.extend(times.iter().filter_map(|course| course.ratio(of, Target::Free)));
    figures.extend(through.iter().filter_map(|course| course.ratio(of, KEEPS)));
    let size = &bench.plan.growth;
    let section = Section {
        title: "Cost against data size: jobs that wait for tomorrow",
        figures,
        notes: vec![
            format!(
                "one round of the relay for one queue: {LOOKS} that find nothing due, {} that publish {ROUND} rows while a worker takes them",
                size.passes * ROUNDS
            ),
            format!("to the start: from commit, {} no-op jobs evenly, {GENTLE:.0} a second", size.starts),
            format!(
                "jobs a second: {THROUGH} rounds of {} no-op jobs that are due at once, first commit to last done; medians",
                size.jobs
            ),
        ],
    };
    let across = "jobs that wait, due tomorrow";
    let up = || Axis::by_powers("milliseconds");
    let pictures = vec![
        (
            "performance-growth-jobs.svg",
            picture("Cost against jobs that wait: a round of the relay, a job's start", across, up(), &times),
        ),
        (
            "performance-growth-throughput.svg",
            picture("Throughput against jobs that wait", across, Axis::from_zero("jobs a second"), &through),
        ),
    ];
    Curves { sections: vec![section], pictures }
}

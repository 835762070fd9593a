//! Jobs: how soon they start, and how many get through.

use anyhow::Result;

use super::pace::evenly;
use super::pings::{BATCH, WRITERS, drain, enqueue_and_drain, starts, wait_done, write_many};
use super::process::Process;
use super::report::{Figure, Section, Target};
use super::sample::median;
use super::server::forget;
use super::{Bench, say};

/// Jobs a second: one after the other and far apart, and what a busy system has.
const IDLE: f64 = 20.0;
const STEADY: f64 = 300.0;

pub async fn measure(bench: &Bench) -> Result<Vec<Section>> {
    let core = &bench.core;
    forget(core.db.pool()).await?;
    let relay = Process::start(&bench.programs, "relay", &[])?;
    let worker = Process::start(&bench.programs, "reminder-worker", &[])?;
    say("jobs: warm-up");
    let since = core.clock.now();
    write_many(core, "warm-up", 500, None).await?;
    wait_done(core, since, 500).await?;
    forget(core.db.pool()).await?;

    say("jobs: start, idle");
    let idle = starts(core, "idle", evenly(bench.plan.idle_jobs, IDLE)).await?.waited;
    forget(core.db.pool()).await?;
    say("jobs: start, under load");
    let steady = starts(core, "steady", evenly(bench.plan.steady_jobs, STEADY)).await?.waited;
    forget(core.db.pool()).await?;
    let mut through = Vec::new();
    let mut drained = Vec::new();
    for round in 1..=bench.plan.rounds {
        say(&format!("jobs: throughput, round {round} of {}", bench.plan.rounds));
        through.push(enqueue_and_drain(core, bench.plan.drained_jobs).await?);
        forget(core.db.pool()).await?;
        drained.push(drain(core, bench.plan.drained_jobs).await?);
        forget(core.db.pool()).await?;
    }
    worker.stop().await?;
    relay.stop().await?;
    Ok(vec![
        Section {
            title: "From commit to the handler's start",
            figures: vec![
                Figure::new("idle p50", idle.p50(), "ms", Target::AtMost(10.0)),
                Figure::new("idle p99", idle.p99(), "ms", Target::AtMost(50.0)),
                Figure::new(format!("under {STEADY:.0} jobs/s p50"), steady.p50(), "ms", Target::Free),
                Figure::new(format!("under {STEADY:.0} jobs/s p99"), steady.p99(), "ms", Target::AtMost(250.0)),
            ],
            notes: vec![
                format!("{} jobs one by one every {} ms; {} jobs evenly, {:.0} a second came through", idle.count(), 1000.0 / IDLE, steady.count(), steady.rate()),
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

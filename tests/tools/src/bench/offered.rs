//! Latency against load: how long things take when some share of what the system can do is asked of it.
//!
//! The capacity is found first, in a closed loop that asks for the next thing when the last one is answered. Then things
//! are due at random instants that are fixed beforehand (see [`super::pace`]), at some percent of that capacity.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{SecondsFormat, TimeDelta};
use konnect_tools::picture::{Axis, Line, Picture};

use super::catalogue::refresh_all;
use super::http::get;
use super::load::{Until, drive};
use super::pace::{at_random, offer};
use super::pings::{one_by_one, starts, wait_done, write_many};
use super::process::Process;
use super::report::{Curves, Figure, Section, Target};
use super::reserve::{self, CONNECTIONS, HOLDS_PER_MENTEE};
use super::sample::Sample;
use super::server::forget;
use super::slots::counted;
use super::world::World;
use super::{Bench, say};

/// Percent of the capacity.
const SHARES: [u32; 6] = [10, 25, 50, 70, 85, 95];
/// A load up to this percent must come through as it was offered.
const KEPT: u32 = 70;
/// Of the listings: a week, so that some ten thousand of them find room in Redis.
const WINDOW: TimeDelta = TimeDelta::days(7);
/// Between the beginnings of two windows of one mentor.
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Of each load.
    seconds: f64,
    /// Things of a load at the least, however slow the system is.
    least: usize,
    /// For the capacity of each; reservations take what their mentees may hold.
    listings: usize,
    jobs: usize,
}

impl Size {
    pub const FULL: Self = Self { seconds: 6.0, least: 100, listings: 4_000, jobs: 4_000 };
    pub const QUICK: Self = Self { seconds: 0.5, least: 20, listings: 200, jobs: 200 };

    /// How many things are due at this rate.
    fn count(&self, rate: f64, most: usize) -> usize {
        ((rate * self.seconds) as usize).max(self.least).min(most)
    }
}

/// What one load came to.
struct Step {
    percent: u32,
    /// A second, of what was asked for.
    rate: f64,
    sample: Sample,
    /// From the beginning to the instant at which the last thing was due.
    span: Duration,
}

/// The loads of one thing.
struct Curve {
    /// A second, in a closed loop.
    capacity: f64,
    steps: Vec<Step>,
}

impl Curve {
    fn new(capacity: f64) -> Self {
        Self { capacity, steps: Vec::new() }
    }

    fn rate(&self, percent: u32) -> f64 {
        self.capacity * f64::from(percent) / 100.0
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![Figure::new("capacity, closed loop", self.capacity, "/s", Target::Free)];
        for step in &self.steps {
            let name = |what| format!("{} % ({:.0}/s): {what}", step.percent, step.rate);
            for (what, share) in QUANTILES {
                figures.push(Figure::new(name(what), step.sample.quantile(share), "ms", Target::Free));
            }
            // What is answered long after the last request was due was not worked off meanwhile.
            let through = 100.0 * step.span.as_secs_f64() / step.sample.elapsed.as_secs_f64();
            let target = if step.percent == KEPT { Target::AtLeast(90.0) } else { Target::Free };
            figures.push(Figure::new(name("came through, of what was offered"), through, "%", target));
        }
        figures
    }

    fn picture(&self, title: &str, what: &str) -> Picture {
        let line = |(name, share): (&str, f64)| Line {
            name: name.to_owned(),
            points: self.steps.iter().map(|step| (step.rate, step.sample.quantile(share))).collect(),
        };
        Picture {
            title: title.to_owned(),
            across: Axis::from_zero(format!("{what} offered a second; capacity {:.0}/s", self.capacity)),
            up: Axis::by_powers("milliseconds"),
            lines: QUANTILES.map(line).into(),
        }
    }

    fn note(&self) -> String {
        let counts: Vec<_> = self.steps.iter().map(|step| step.sample.count().to_string()).collect();
        format!("an open loop, due at random instants: {} of them by load", counts.join(", "))
    }
}

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// Reservations and listings, while the api runs. What there was of reservations and jobs is forgotten.
pub async fn over_http(bench: &Bench, world: &World) -> Result<Curves> {
    let reserved = reservations(bench, world).await?;
    let listed = listings(bench, world).await?;
    let times = "a time counts from the instant at which the request was due, so that a wait for a connection is in it";
    let sections = vec![
        Section {
            title: "Latency against load: reservations on distinct slots",
            figures: reserved.figures(),
            notes: vec![
                reserved.note(),
                format!(
                    "{times}; {CONNECTIONS} connections; before each load every reservation is forgotten"
                ),
            ],
        },
        Section {
            title: "Latency against load: slot listings for a week that are in no cache",
            figures: listed.figures(),
            notes: vec![
                listed.note(),
                format!(
                    "{times}; {CONNECTIONS} connections; another week each, and the api counted the misses"
                ),
            ],
        },
    ];
    let pictures = vec![
        (
            "performance-load-reservations.svg",
            reserved.picture("Latency against load: POST /v1/reservations", "reservations"),
        ),
        (
            "performance-load-slots.svg",
            listed.picture("Latency against load: slot listings that are in no cache", "listings"),
        ),
    ];
    Ok(Curves { sections, pictures })
}

async fn reservations(bench: &Bench, world: &World) -> Result<Curve> {
    let (pool, size) = (bench.core.db.pool(), &bench.plan.offered);
    let most = HOLDS_PER_MENTEE * world.mentees.len();
    ensure!(most.div_ceil(world.mentors.len()) <= world.starts.len(), "there are slots for every mentee");
    say("load: capacity of reservations");
    forget(pool).await?;
    reserve::over_http(bench, world, "load-warm-up", most / 4).await?;
    forget(pool).await?;
    let mut curve = Curve::new(reserve::over_http(bench, world, "load-capacity", most).await?.rate());
    for percent in SHARES {
        let rate = curve.rate(percent);
        let count = size.count(rate, most);
        say(&format!("load: {count} reservations, {rate:.0}/s"));
        forget(pool).await?;
        let requests = reserve::requests(world, &format!("load-{percent}"), count);
        let due = at_random(count, rate, percent.into());
        let span = due[count - 1];
        let sample = offer(bench.api, CONNECTIONS, requests, 201, due).await?;
        curve.steps.push(Step { percent, rate, sample, span });
    }
    forget(pool).await?;
    Ok(curve)
}

/// The `index`th listing: another mentor's each, and another week when all mentors have had theirs. No two are the same,
/// so none is in a cache.
fn listing(world: &World, index: usize) -> Result<Vec<u8>> {
    let mentors = world.mentors.len();
    let from = world.starts[0] + QUARTER * i32::try_from(index / mentors)?;
    let [from, to] = [from, from + WINDOW].map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    let offering = world.mentors[index % mentors].offering;
    Ok(get(&format!("/v1/offerings/{offering}/slots?from={from}&to={to}")))
}

async fn listings(bench: &Bench, world: &World) -> Result<Curve> {
    let size = &bench.plan.offered;
    let mut asked = 0;
    let mut next = |count: usize| {
        asked += count;
        (asked - count..asked).map(|index| listing(world, index)).collect::<Result<Vec<_>>>()
    };
    say("load: capacity of listings");
    let until = Until::AllSent;
    drive(bench.api, CONNECTIONS, next(size.listings / 4)?.into(), 200, until).await?;
    let before = counted(bench, "miss").await?;
    let requests = next(size.listings)?;
    let mut curve = Curve::new(drive(bench.api, CONNECTIONS, requests.into(), 200, until).await?.rate());
    let mut missed = size.listings;
    for percent in SHARES {
        let rate = curve.rate(percent);
        let count = size.count(rate, usize::MAX);
        say(&format!("load: {count} listings, {rate:.0}/s"));
        let due = at_random(count, rate, percent.into());
        let span = due[count - 1];
        let sample = offer(bench.api, CONNECTIONS, next(count)?, 200, due).await?;
        curve.steps.push(Step { percent, rate, sample, span });
        missed += count;
    }
    let counted = counted(bench, "miss").await? - before;
    ensure!(counted as usize == missed, "{counted} of {missed} listings were a miss");
    Ok(curve)
}

/// Jobs, through a relay and a worker of its own.
pub async fn of_jobs(bench: &Bench) -> Result<Curves> {
    let (core, size) = (&bench.core, &bench.plan.offered);
    let pool = core.db.pool();
    // Nothing for the reconcilers of the same queue to find.
    refresh_all(bench).await?;
    forget(pool).await?;
    let relay = Process::start(&bench.programs, "relay", &[])?;
    let worker = Process::start(&bench.programs, "reminder-worker", &[])?;
    say("load: capacity of jobs");
    let since = core.clock.now();
    write_many(core, "load-warm-up", 500, None).await?;
    wait_done(core, since, 500).await?;
    forget(pool).await?;
    let mut curve = Curve::new(one_by_one(core, "load-capacity", size.jobs).await?);
    let mut late = Vec::new();
    for percent in SHARES {
        let rate = curve.rate(percent);
        let count = size.count(rate, usize::MAX);
        say(&format!("load: {count} jobs, {rate:.0}/s"));
        forget(pool).await?;
        let due = at_random(count, rate, percent.into());
        let span = due[count - 1];
        let found = starts(core, "load", due).await?;
        let name = format!("{percent} % ({rate:.0}/s): committed after it was due, p99");
        late.push(Figure::new(name, found.late.p99(), "ms", Target::Free));
        curve.steps.push(Step { percent, rate, sample: found.waited, span });
    }
    forget(pool).await?;
    worker.stop().await?;
    relay.stop().await?;
    let section = Section {
        title: "Latency against load: jobs from commit to the handler's start",
        figures: curve.figures().into_iter().chain(late).collect(),
        notes: vec![
            curve.note(),
            "each job is written by a transaction of its own; capacity: from the first writing to the last job done".to_owned(),
            "a commit that comes late does not hide: how long after its instant each job was committed is shown as well".to_owned(),
        ],
    };
    let picture = curve.picture("Latency against load: jobs from commit to start", "jobs");
    Ok(Curves { sections: vec![section], pictures: vec![("performance-load-jobs.svg", picture)] })
}

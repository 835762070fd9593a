//! The catalogue and slot listings over a thousand mentors, before and after a million bookings.

pub(super) mod history;
pub(super) mod people;

use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use anyhow::{Result, ensure};
use chrono::{SecondsFormat, TimeDelta};
use futures_util::{StreamExt, TryStreamExt, stream};
use konnect::availability;
use konnect::reservation;
use konnect::transact;
use serde_json::Value;

use history::History;

use super::http::{Connection, get};
use super::load::{Until, drive};
use super::process::Process;
use super::report::{Figure, Section, Target};
use super::sample::Sample;
use super::server::forget;
use super::slots::{counted, past_the_quarter};
use super::world::{Mentor, context};
use super::{Bench, say};

pub(super) const CONNECTIONS: usize = 4;
/// Sessions of each mentor that are still to come.
const AHEAD: usize = 40;

/// What was measured with one size of history.
struct Measured {
    misses: Sample,
    /// By the name of what is asked for.
    searches: Vec<(&'static str, Sample)>,
}

impl Measured {
    fn search(&self) -> Sample {
        Sample::join(&self.searches.iter().map(|(_, sample)| sample.clone()).collect::<Vec<_>>())
    }
}

pub async fn measure(bench: &Bench) -> Result<Section> {
    // Bookings of other parts, which the audit has seen: those that are written here are no whole ones.
    forget(bench.core.db.pool()).await?;
    say("catalogue: making mentors");
    let mentors = people::make(&bench.core, "catalogue", bench.plan.catalogue_mentors).await?;
    let pool = [("KONNECT_DB_CONNECTIONS", bench.pool.as_str())];
    let mut api = Process::start(&bench.programs, "api", &pool)?;
    api.wait_ready(bench.api, "/readyz").await?;
    refresh_all(bench).await?;
    let empty = measured(bench, &mentors, "no bookings").await?;

    let each = bench.plan.bookings_each;
    say(&format!("catalogue: writing {} bookings", each * mentors.len()));
    let began = Stopwatch::now();
    let history = History::begin(bench.core.db.pool(), &mentors, bench.core.clock.now()).await?;
    history.grow(0..each).await?;
    history.ahead(0..AHEAD).await?;
    history.analyse().await?;
    let written = began.elapsed();
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM reservations").fetch_one(bench.core.db.pool()).await?;
    bump_all(bench, &mentors).await?;
    let refreshed = refresh_all(bench).await?;
    let facts = count_facts(bench, &mentors).await?;
    let full = measured(bench, &mentors, "all bookings").await?;
    api.stop().await?;

    let (none, all) = (empty.search(), full.search());
    let p95 = |sample: &Sample| sample.quantile(0.95);
    let mut figures = vec![
        Figure::new("bookings", rows as f64, "", Target::Free),
        Figure::new("slots for 30 days, not cached, p95", p95(&full.misses), "ms", Target::AtMost(10.0)),
        Figure::new("the same without bookings", p95(&empty.misses), "ms", Target::Free),
        Figure::new("with : without", p95(&full.misses) / p95(&empty.misses), "x", Target::AtMost(1.5)),
        Figure::new("search p95", p95(&all), "ms", Target::AtMost(30.0)),
        Figure::new("the same without bookings", p95(&none), "ms", Target::Free),
        Figure::new("with : without", p95(&all) / p95(&none), "x", Target::AtMost(1.5)),
        Figure::new("next free slot of one mentor worked out, p50", refreshed.p50(), "ms", Target::Free),
        Figure::new("facts of one mentor counted, p50", facts.p50(), "ms", Target::Free),
    ];
    for (what, sample) in &full.searches {
        figures.push(Figure::new(format!("search: {what}, p95"), p95(sample), "ms", Target::Free));
    }
    Ok(Section {
        title: "The catalogue: a thousand mentors, a million bookings",
        figures,
        notes: vec![
            format!(
                "{} mentors, {each} bookings each in 90 days and {AHEAD} ahead; written in {:.0} s",
                mentors.len(),
                written.as_secs_f64()
            ),
            format!(
                "{} misses, each after its mentor's calendar had changed, on {CONNECTIONS} connections",
                full.misses.count()
            ),
            format!(
                "{} searches of {} kinds on {CONNECTIONS} connections, 20 cards a page",
                all.count(),
                full.searches.len()
            ),
        ],
    })
}

async fn measured(bench: &Bench, mentors: &[Mentor], with: &str) -> Result<Measured> {
    let mut misses = Vec::new();
    for round in 1..=bench.plan.rounds {
        say(&format!("catalogue: slots with {with}, round {round} of {}", bench.plan.rounds));
        misses.push(listed(bench, mentors).await?);
    }
    let mut searches = Vec::new();
    for (what, paths) in queries(bench).await? {
        say(&format!("catalogue: {what} with {with}"));
        let requests = Arc::new(paths.iter().map(|path| get(path)).collect::<Vec<_>>());
        drive(bench.api, CONNECTIONS, requests.clone(), 200, Until::AllSent).await?;
        let length = Duration::from_secs_f64(bench.plan.listing_seconds / 2.0);
        searches.push((what, drive(bench.api, CONNECTIONS, requests, 200, Until::Elapsed(length)).await?));
    }
    Ok(Measured { misses: Sample::join(&misses), searches })
}

/// So long after the midnight (UTC) before now, as it stands in a query.
fn at(bench: &Bench, days: i64, hours: i64) -> String {
    let at = bench.core.clock.now().date_naive().and_hms_opt(0, 0, 0).expect("midnight").and_utc();
    (at + TimeDelta::days(days) + TimeDelta::hours(hours)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Every mentor's slots of 30 days, once, after the calendars have changed: nothing comes from a cache.
pub(super) async fn listed(bench: &Bench, mentors: &[Mentor]) -> Result<Sample> {
    let (from, to) = (at(bench, 1, 0), at(bench, 31, 0));
    let slots = mentors
        .iter()
        .map(|mentor| get(&format!("/v1/offerings/{}/slots?from={from}&to={to}", mentor.offering)));
    let slots: Arc<Vec<_>> = Arc::new(slots.collect());
    past_the_quarter(bench).await;
    bump_all(bench, mentors).await?;
    // The new versions are announced right after the commit.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = counted(bench, "miss").await?;
    let sample = drive(bench.api, CONNECTIONS, slots.clone(), 200, Until::AllSent).await?;
    let missed = counted(bench, "miss").await? - before;
    ensure!(missed as usize == slots.len(), "{missed} of {} came from MySQL", slots.len());
    Ok(sample)
}

/// What is asked for, each in every order.
pub(super) async fn queries(bench: &Bench) -> Result<Vec<(&'static str, Vec<String>)>> {
    let at = |days, hours| at(bench, days, hours);
    let encoded = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let kinds = [
        ("first page", String::new()),
        ("category and price", "&category=data&priceFrom=30000&priceTo=60000".to_owned()),
        ("words that many have", format!("&q={}", encoded("설계"))),
        ("words that few have", format!("&q={}", encoded("주제42 러스트"))),
        ("words that nobody has", format!("&q={}", encoded("양자역학"))),
        ("language and rating", "&language=ja&minRating=4.5".to_owned()),
        ("free in two hours", format!("&freeFrom={}&freeTo={}", at(3, 1), at(3, 3))),
        ("free within a month", format!("&freeFrom={}&freeTo={}", at(1, 0), at(31, 0))),
        (
            "all of it",
            format!(
                "&category=backend&priceTo=120000&minRating=3&language=ko&q={}&freeFrom={}&freeTo={}",
                encoded("개발"),
                at(2, 0),
                at(9, 0),
            ),
        ),
    ];
    let mut queries = Vec::new();
    for (what, more) in kinds {
        let mut paths = Vec::new();
        for sort in ["newest", "rating", "price", "next_free"] {
            let first = format!("/v1/mentors?sort={sort}{more}");
            let page = Connection::open(bench.api).await?.send(&get(&first)).await?.expect(200)?.to_vec();
            let next = serde_json::from_slice::<Value>(&page)?["next"].as_str().map(str::to_owned);
            paths.extend(next.map(|key| format!("{first}&after={key}")));
            paths.push(first);
        }
        queries.push((what, paths));
    }
    Ok(queries)
}

pub(super) async fn bump_all(bench: &Bench, mentors: &[Mentor]) -> Result<()> {
    for some in mentors.chunks(250) {
        transact!(bench.core.db, context(), sqlx::Error, tx => {
            for mentor in some {
                availability::bump(tx, mentor.id).await?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// What the worker would do, for everybody.
pub(super) async fn refresh_all(bench: &Bench) -> Result<Sample> {
    let jobs = availability::missed_refreshes(&bench.core.db, 100_000).await?;
    let began = Stopwatch::now();
    let times: Vec<Duration> = stream::iter(&jobs)
        .map(|job| async move {
            let began = Stopwatch::now();
            transact!(bench.core.db, context(), availability::Error, tx => {
                availability::refresh_free(tx, job).await
            })?;
            anyhow::Ok(began.elapsed())
        })
        .buffered(2)
        .try_collect()
        .await?;
    Ok(Sample::new(times, began.elapsed()))
}

async fn count_facts(bench: &Bench, mentors: &[Mentor]) -> Result<Sample> {
    let began = Stopwatch::now();
    let mut times = Vec::new();
    for mentor in mentors.iter().take(200) {
        let began = Stopwatch::now();
        reservation::facts(&bench.core.db, mentor.id).await?;
        times.push(began.elapsed());
    }
    Ok(Sample::new(times, began.elapsed()))
}

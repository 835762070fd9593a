//! Slot listings: from the cache against a constant, and without it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{SecondsFormat, TimeDelta};
use konnect::availability;
use konnect::transact;
use serde_json::Value;

use super::http::{Connection, get};
use super::load::{Until, drive};
use super::process::Process;
use super::report::{Figure, Section, Target};
use super::sample::{Sample, median};
use super::world::{World, context};
use super::{Bench, say};

const CONNECTIONS: usize = 4;
/// Listings that are asked for in turn when the cache is measured.
const WARM: usize = 20;
/// The api gives a listing from its own memory for a second.
const FORGOTTEN: Duration = Duration::from_millis(1_300);

pub async fn measure(bench: &Bench, world: &World) -> Result<Section> {
    let from = world.starts[0].to_rfc3339_opts(SecondsFormat::Secs, true);
    let to = (world.starts[0] + TimeDelta::days(30)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let path = |mentor: &super::world::Mentor| {
        format!("/v1/offerings/{}/slots?from={from}&to={to}", mentor.offering)
    };
    let listings: Vec<String> = world.mentors.iter().map(path).collect();
    let first = Connection::open(bench.api).await?.send(&get(&listings[0])).await?.expect(200)?.to_vec();
    let slots = serde_json::from_slice::<Value>(&first)?["slots"].as_array().map_or(0, Vec::len);
    ensure!(slots > 100, "30 days have more than {slots} slots");

    let address = free_address().await?;
    let bytes = first.len().to_string();
    let arguments = ["constant", "--bind", &address.to_string(), "--bytes", &bytes];
    let mut constant = Process::start_self("constant", &arguments)?;
    constant.wait_ready(address, "/").await?;
    let (hits, constants) = cached(bench, &listings, address).await?;
    constant.stop().await?;
    let (misses, fetched) = uncached(bench, world, &listings).await?;

    let times = |rounds: &[(f64, f64)]| median(rounds.iter().map(|(hit, constant)| hit / constant));
    let pairs = |of: fn(&Sample) -> f64| -> Vec<(f64, f64)> {
        hits.iter().zip(&constants).map(|(hit, constant)| (of(hit), of(constant))).collect()
    };
    let slower = times(&pairs(|sample| 1.0 / sample.rate()));
    let later = times(&pairs(Sample::p50));
    let rate = |rounds: &[Sample]| median(rounds.iter().map(Sample::rate));
    let (hit, same) = (Sample::join(&hits), Sample::join(&constants));
    Ok(Section {
        title: "Slot listing for 30 days, 4 connections",
        figures: vec![
            Figure::new("hit p50", hit.p50(), "ms", Target::Free),
            Figure::new("hit p99", hit.p99(), "ms", Target::Free),
            Figure::new("constant p50", same.p50(), "ms", Target::Free),
            Figure::new("hit p50 : constant p50", later, "x", Target::AtMost(2.0)),
            Figure::new("hits", rate(&hits), "/s", Target::Free),
            Figure::new("constants", rate(&constants), "/s", Target::Free),
            Figure::new("time per hit : per constant", slower, "x", Target::AtMost(2.0)),
            Figure::new("hit in Redis p50", fetched.p50(), "ms", Target::Free),
            Figure::new("hit in Redis p99", fetched.p99(), "ms", Target::Free),
            Figure::new("miss p50", misses.p50(), "ms", Target::AtMost(10.0)),
            Figure::new("miss p99", misses.p99(), "ms", Target::Free),
        ],
        notes: vec![
            format!(
                "{slots} slots, {bytes} bytes; the constant is a plain poem handler in a process of its own"
            ),
            format!(
                "{} rounds of {} s each way, in turn; ratios are medians of rounds",
                bench.plan.rounds, bench.plan.listing_seconds
            ),
            format!(
                "{} misses, each after its mentor's calendar had changed, on {CONNECTIONS} connections; the api counted them",
                misses.count()
            ),
        ],
    })
}

/// Rounds of both, in turn.
async fn cached(
    bench: &Bench,
    listings: &[String],
    constant: SocketAddr,
) -> Result<(Vec<Sample>, Vec<Sample>)> {
    let listings: Arc<Vec<_>> = Arc::new(listings.iter().take(WARM).map(|path| get(path)).collect());
    let plain = Arc::new(vec![get("/")]);
    let length = Duration::from_secs_f64(bench.plan.listing_seconds);
    let warm_up = Until::Elapsed(length / 4);
    drive(bench.api, CONNECTIONS, listings.clone(), 200, warm_up).await?;
    drive(constant, CONNECTIONS, plain.clone(), 200, warm_up).await?;
    let (mut hits, mut constants) = (Vec::new(), Vec::new());
    for round in 1..=bench.plan.rounds {
        say(&format!("slots: cached, round {round} of {}", bench.plan.rounds));
        constants.push(drive(constant, CONNECTIONS, plain.clone(), 200, Until::Elapsed(length)).await?);
        let before = counted(bench, "miss").await?;
        hits.push(drive(bench.api, CONNECTIONS, listings.clone(), 200, Until::Elapsed(length)).await?);
        let misses = counted(bench, "miss").await? - before;
        ensure!(misses <= 2.0 * WARM as f64, "{misses} of these listings did not come from the cache");
    }
    Ok((hits, constants))
}

/// Every mentor's listing after the calendars have changed, and once more when the api has forgotten it and Redis
/// has not.
async fn uncached(bench: &Bench, world: &World, listings: &[String]) -> Result<(Sample, Sample)> {
    let requests: Arc<Vec<_>> = Arc::new(listings.iter().map(|path| get(path)).collect());
    let all = async |outcome| {
        let before = counted(bench, outcome).await?;
        let sample = drive(bench.api, CONNECTIONS, requests.clone(), 200, Until::AllSent).await?;
        let counted = counted(bench, outcome).await? - before;
        ensure!(counted as usize == requests.len(), "{counted} of {} were a {outcome}", requests.len());
        Ok(sample)
    };
    let (mut misses, mut fetched) = (Vec::new(), Vec::new());
    for round in 1..=bench.plan.rounds {
        say(&format!("slots: not in memory, round {round} of {}", bench.plan.rounds));
        past_the_quarter(bench).await;
        transact!(bench.core.db, context(), sqlx::Error, tx => {
            for mentor in &world.mentors {
                availability::bump(tx, mentor.id).await?;
            }
            Ok(())
        })?;
        // The new versions are announced right after the commit.
        tokio::time::sleep(Duration::from_millis(300)).await;
        misses.push(all("miss").await?);
        tokio::time::sleep(FORGOTTEN).await;
        fetched.push(all("hit").await?);
    }
    Ok((Sample::join(&misses), Sample::join(&fetched)))
}

/// How many listings had this outcome, by the api's own count.
pub async fn counted(bench: &Bench, outcome: &str) -> Result<f64> {
    let mut connection = Connection::open(bench.api).await?;
    let text = std::str::from_utf8(connection.send(&get("/metrics")).await?.expect(200)?)?.to_owned();
    let outcome = format!("konnect_slot_cache_total{{outcome=\"{outcome}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&outcome));
    Ok(value.map_or(Ok(0.0), str::parse)?)
}

/// Every listing is another one from the next quarter of an hour on: a round does not begin shortly before it.
pub async fn past_the_quarter(bench: &Bench) {
    let left = 900 - bench.core.clock.now().timestamp() % 900;
    if left <= 6 {
        tokio::time::sleep(Duration::from_secs(left.unsigned_abs())).await;
    }
}

async fn free_address() -> Result<SocketAddr> {
    Ok(tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}

//! Reservations a second over HTTP, and the same statements without the api.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;

use super::heard::{ensure_same, heard};
use super::load::{Until, drive, repeat};
use super::replay::{self, Slot};
use super::report::{Figure, Section, Target};
use super::sample::{Sample, median};
use super::server::{Counts, forget};
use super::world::World;
use super::{Bench, http, say};

pub const CONNECTIONS: usize = 32;
/// As many as each mentee of a world takes at a time.
pub const HOLDS_PER_MENTEE: usize = 2;

/// Reservations whose statements are compared.
const COMPARED: usize = 64;

/// The `index`th reservation of a round: another slot each, neighbours of other mentors and mentees.
fn slot(world: &World, index: usize) -> Slot<'_> {
    let mentors = world.mentors.len();
    Slot {
        mentor: &world.mentors[index % mentors],
        mentee: &world.mentees[index % world.mentees.len()],
        starts_at: world.starts[index / mentors],
    }
}

/// What asks for the first `count` slots; `round` tells these requests from those of other rounds.
pub fn requests(world: &World, round: &str, count: usize) -> Vec<Vec<u8>> {
    let request = |index| {
        let Slot { mentor, mentee, starts_at } = slot(world, index);
        let body = json!({ "offeringId": mentor.offering, "startsAt": starts_at }).to_string();
        http::post("/v1/reservations", &mentee.token, &format!("bench-{round}-{index}"), &body)
    };
    (0..count).map(request).collect()
}

/// The first `count` reservations in a closed loop; the slots must be free.
pub async fn over_http(bench: &Bench, world: &World, round: &str, count: usize) -> Result<Sample> {
    let requests = Arc::new(requests(world, round, count));
    drive(bench.api, CONNECTIONS, requests, 201, Until::AllSent).await
}

async fn straight(bench: &Bench, world: &Arc<World>, count: usize) -> Result<Sample> {
    let (core, world) = (bench.core.clone(), world.clone());
    repeat(count, CONNECTIONS, move |index| {
        let (core, world) = (core.clone(), world.clone());
        async move { Ok(replay::reservation(&core, slot(&world, index)).await?) }
    })
    .await
}

/// Both say the same to the server, text by text.
async fn compare(bench: &Bench, world: &Arc<World>) -> Result<()> {
    let pool = bench.core.db.pool();
    forget(pool).await?;
    let api =
        heard(pool, COMPARED, async { over_http(bench, world, "heard", COMPARED).await.map(drop) }).await?;
    forget(pool).await?;
    let replay = heard(pool, COMPARED, async { straight(bench, world, COMPARED).await.map(drop) }).await?;
    ensure_same(&api, &replay)
}

/// Rounds of both, in turn, on the same slots; the last round's reservations stay.
pub async fn measure(bench: &Bench, world: &Arc<World>) -> Result<Section> {
    let count = HOLDS_PER_MENTEE * world.mentees.len();
    ensure!(count.div_ceil(world.mentors.len()) <= world.starts.len(), "there are slots for every mentee");
    let pool = bench.core.db.pool();
    say("reservations: warm-up");
    over_http(bench, world, "warm-up", count / 4).await?;
    forget(pool).await?;
    straight(bench, world, count / 4).await?;
    compare(bench, world).await?;

    let (mut posted, mut replayed, mut statements) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.plan.rounds {
        say(&format!("reservations: round {round} of {}, {count} each", bench.plan.rounds));
        forget(pool).await?;
        let before = Counts::read(pool).await?;
        replayed.push(straight(bench, world, count).await?);
        let between = Counts::read(pool).await?;
        forget(pool).await?;
        let emptied = Counts::read(pool).await?;
        posted.push(over_http(bench, world, &round.to_string(), count).await?);
        let after = Counts::read(pool).await?;
        statements.push((after.per(emptied, count), between.per(before, count)));
    }
    for (api, limit) in &statements {
        ensure!(api.agrees(*limit), "the replay is not what the api does: {api} against {limit}");
    }

    let ratio = median(posted.iter().zip(&replayed).map(|(a, b)| 100.0 * a.rate() / b.rate()));
    let rate = |rounds: &[Sample]| median(rounds.iter().map(Sample::rate));
    let (posts, limit) = (Sample::join(&posted), Sample::join(&replayed));
    Ok(Section {
        title: "Reservations on distinct slots, 32 connections",
        figures: vec![
            Figure::new("POST /v1/reservations", rate(&posted), "/s", Target::Free),
            Figure::new("the same statements straight", rate(&replayed), "/s", Target::Free),
            Figure::new("share of that limit", ratio, "%", Target::AtLeast(60.0)),
            Figure::new("POST p50", posts.p50(), "ms", Target::Free),
            Figure::new("POST p99", posts.p99(), "ms", Target::Free),
            Figure::new("straight p50", limit.p50(), "ms", Target::Free),
            Figure::new("straight p99", limit.p99(), "ms", Target::Free),
        ],
        notes: vec![
            format!(
                "{} rounds of {count} reservations each way, in turn; rates and share are medians of rounds",
                bench.plan.rounds
            ),
            format!(
                "statements per reservation, as the server counted them: {} by the api, {} straight",
                statements[0].0, statements[0].1
            ),
            format!("{} connections to the database on either side", bench.pool),
        ],
    })
}

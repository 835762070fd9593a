//! Live sessions against Node's `socket.io` server under the same load: memory of idle connections, a relay to a
//! crowded room, and what a second of processor time brings in rooms of two.

mod connection;
mod load;
mod packet;
mod rooms;
mod target;
#[cfg(test)]
mod tests;
pub mod usage;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::process::Process;
use super::report::{Figure, Section, Target as Goal};
use super::sample::{Sample, median};
use super::{Bench, say};
use load::Flow;
use target::{MESSAGE, RIVAL, SIGNAL, Seat, TYPING, Target};

/// Each person's share of the idle connections stays below what a person may have.
const IDLE_EACH: usize = 5;
/// Messages a second that each of two people in a room sends: below what a connection may send.
const PACE: f64 = 8.0;
/// A room of the size that is measured holds two people with many devices.
const API: [(&str, &str); 1] = [("KONNECT_SOCKETS_PER_USER", "1000")];

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub idle: usize,
    /// Connections in the crowded room.
    pub crowd: usize,
    /// Relays to it, of one round.
    pub relays: usize,
    /// Rooms of two.
    pub rooms: usize,
    /// Of one round in these.
    pub seconds: f64,
}

impl Size {
    pub const FULL: Self = Self { idle: 5_000, crowd: 1_000, relays: 100, rooms: 500, seconds: 10.0 };
    pub const QUICK: Self = Self { idle: 200, crowd: 50, relays: 10, rooms: 25, seconds: 1.0 };
}

/// What one server did.
#[derive(Default)]
struct Done {
    /// Bytes a connection.
    idle: f64,
    room: Vec<Sample>,
    pairs: Vec<Flow>,
}

pub async fn measure(bench: &Bench) -> Result<Section> {
    let size = bench.plan.live;
    say("live: people and rooms");
    // Enough people for the idle connections as well.
    let people = rooms::make(&bench.core, &bench.tokens, size.rooms.max(size.idle / IDLE_EACH / 2)).await?;
    let settings = [("KONNECT_DB_CONNECTIONS", bench.pool.as_str()), API[0]];
    let mut api = Process::start(&bench.programs, "api", &settings)?;
    api.wait_ready(bench.api, "/readyz").await?;
    let konnect = Target { name: "Konnect", address: bench.api, pid: api.id()? };
    let (rival, node) = start_rival().await?;

    let (mut ours, mut theirs) = (Done::default(), Done::default());
    let idle: Vec<Seat> = people.iter().cycle().take(size.idle).cloned().collect();
    say(&format!("live: {} idle connections each", size.idle));
    theirs.idle = load::idle(&node, &RIVAL, &idle).await?;
    ours.idle = load::idle(&konnect, &TYPING, &idle).await?;
    let crowd: Vec<Seat> = people[..2].iter().cycle().take(size.crowd).cloned().collect();
    let pairs = &people[..2 * size.rooms];
    let length = Duration::from_secs_f64(size.seconds);
    let mut stored = Vec::new();
    for round in 1..=bench.plan.rounds {
        say(&format!("live: round {round} of {}, {} in one room", bench.plan.rounds, size.crowd));
        let first = round as u64 * 1_000_000;
        let numbers = |count: usize| first..first + count as u64;
        theirs.room.push(load::room(&node, &RIVAL, &crowd, numbers(size.relays)).await?);
        ours.room.push(load::room(&konnect, &TYPING, &crowd, numbers(size.relays)).await?);
        stored.push(load::room(&konnect, &MESSAGE, &crowd, numbers(size.relays / 5)).await?);
        say(&format!("live: round {round} of {}, {} rooms of two", bench.plan.rounds, size.rooms));
        theirs.pairs.push(load::pairs(&node, &RIVAL, pairs, PACE, length).await?);
        ours.pairs.push(load::pairs(&konnect, &SIGNAL, pairs, PACE, length).await?);
    }
    api.stop().await?;
    rival.stop().await?;
    Ok(section(bench.plan.rounds, size, &ours, &theirs, &stored))
}

fn section(rounds: usize, size: Size, ours: &Done, theirs: &Done, stored: &[Sample]) -> Section {
    let p99 = |rounds: &[Sample]| Sample::join(rounds).p99();
    let rate = |done: &Done| median(done.pairs.iter().map(|flow| flow.rate));
    let cost = |done: &Done| median(done.pairs.iter().map(|flow| flow.per_cpu_second));
    let lost = |done: &Done| done.pairs.iter().map(|flow| flow.sent - flow.arrived).sum::<usize>();
    let (crowd, free) = (size.crowd, Goal::Free);
    Section {
        title: "Live sessions, against Node's socket.io under the same load",
        figures: vec![
            Figure::new("idle connection, Konnect", ours.idle / 1024.0, "KiB", free),
            Figure::new("idle connection, socket.io", theirs.idle / 1024.0, "KiB", free),
            Figure::new("share of socket.io's", ours.idle / theirs.idle, "", Goal::AtMost(1.0 / 3.0)),
            Figure::new(format!("relay to {crowd}, Konnect, p99"), p99(&ours.room), "ms", free),
            Figure::new(format!("relay to {crowd}, socket.io, p99"), p99(&theirs.room), "ms", free),
            Figure::new(
                "share of socket.io's",
                p99(&ours.room) / p99(&theirs.room),
                "",
                Goal::AtMost(0.5),
            ),
            Figure::new(format!("stored message to {crowd}, Konnect, p99"), p99(stored), "ms", free),
            Figure::new("rooms of two, Konnect", cost(ours), "messages/CPU s", free),
            Figure::new("rooms of two, socket.io", cost(theirs), "messages/CPU s", free),
            Figure::new("times socket.io's", cost(ours) / cost(theirs), "", Goal::AtLeast(3.0)),
        ],
        notes: vec![
            format!(
                "memory: growth of the process's resident set by {} connections, of which nothing is asked",
                size.idle
            ),
            format!(
                "one room: {rounds} rounds of {} relays, one after the other; from sending to each arrival",
                size.relays
            ),
            format!(
                "{} rooms of two, {rounds} rounds of {} s, {PACE} messages a second from each person: {:.0} a second arrived at Konnect's, {:.0} at socket.io's; lost: {} and {}",
                size.rooms,
                size.seconds,
                rate(ours),
                rate(theirs),
                lost(ours),
                lost(theirs)
            ),
            "processor time is the api's and Node's own; Konnect's Redis and database come on top, socket.io has none"
                .to_owned(),
        ],
    }
}

/// Node's server on a free port.
async fn start_rival() -> Result<(Process, Target)> {
    let address: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("js").join("rival.mjs");
    let port = address.port().to_string();
    let script = script.to_str().context("a path in UTF-8")?;
    let mut process = Process::start_known("node", &[script, &port])?;
    process.wait_listening(address).await?;
    let target = Target { name: "socket.io", address, pid: process.id()? };
    Ok((process, target))
}

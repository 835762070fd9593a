//! The three loads: connections that say nothing, one crowded room, many rooms of two.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at, sleep, timeout};

use super::super::sample::Sample;
use super::connection::{Connection, Ear};
use super::target::{Seat, Target, Words};
use super::usage::{cpu_seconds, resident_bytes};

/// Connections that open at a time.
const WIDTH: usize = 32;
/// Opened before memory is counted, so that what a server allocates once is not.
const FIRST: usize = 50;
/// For a server to come to rest after many connections.
const REST: Duration = Duration::from_secs(3);
/// For the last of what was sent to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two relays to a room: none waits for another.
const GAP: Duration = Duration::from_millis(60);
/// Connections of a room that speak in turn: one of each person.
const SPEAKERS: usize = 2;

type Heard = UnboundedReceiver<Instant>;

/// Opens a connection for each seat.
async fn open(target: &Target, words: &Words, seats: &[Seat], ear: &Arc<Ear>) -> Result<Vec<Connection>> {
    let opening =
        seats.iter().map(|seat| Connection::open(target.address, words.door, &seat.token, ear.clone()));
    let opened = stream::iter(opening).buffered(WIDTH).try_collect();
    opened.await.with_context(|| format!("{} connections to {}", seats.len(), target.name))
}

/// Bytes that the server needs for each connection of which nothing is heard.
pub async fn idle(target: &Target, words: &Words, seats: &[Seat]) -> Result<f64> {
    let (ear, _heard) = Ear::new(words.heard);
    let (first, rest) = seats.split_at(FIRST.min(seats.len() / 2));
    let mut open_ones = open(target, words, first, &ear).await?;
    sleep(REST).await;
    let before = resident_bytes(target.pid)?;
    open_ones.extend(open(target, words, rest, &ear).await?);
    sleep(REST).await;
    let after = resident_bytes(target.pid)?;
    ear.check()?;
    Ok((after - before) / rest.len() as f64)
}

/// From a relay to its arrival at each of the others in one room, one relay after the other; `numbers` were not used
/// in the room before.
pub async fn room(target: &Target, words: &Words, seats: &[Seat], numbers: Range<u64>) -> Result<Sample> {
    let (ear, mut heard) = Ear::new(words.heard);
    let members = open(target, words, seats, &ear).await?;
    let joined = join_all(words, seats, &members).await?;
    let joined = joined.last().context("a room with people")?;
    let name = &seats[0].room;
    let started = Instant::now();
    let mut times = Vec::new();
    let mut relays = 0;
    for number in numbers {
        let speaker = &members[number as usize % SPEAKERS.min(members.len())];
        let sent = Instant::now();
        speaker.emit(words.relay, (words.body)(name, joined, number))?;
        relays += 1;
        for arrived in gather(&mut heard, members.len() - 1).await.context(target.name)? {
            times.push(arrived.saturating_duration_since(sent));
        }
        sleep(GAP).await;
        // A server that tells the speaker as well tells one more.
        while heard.try_recv().is_ok() {}
        ear.check()?;
    }
    ensure!(ear.acks() == relays, "{}: {} of {relays} relays are acked", target.name, ear.acks());
    Ok(Sample::new(times, started.elapsed()))
}

/// Waits for so many arrivals.
async fn gather(heard: &mut Heard, count: usize) -> Result<Vec<Instant>> {
    let mut arrived = Vec::with_capacity(count);
    let all = async {
        while arrived.len() < count
            && let Some(at) = heard.recv().await
        {
            arrived.push(at);
        }
    };
    let in_time = timeout(PATIENCE, all).await.is_ok();
    ensure!(in_time && arrived.len() == count, "{} of {count} connections heard a relay", arrived.len());
    Ok(arrived)
}

/// Joins the first ones of all rooms, then the second ones; what each was told.
async fn join_all(words: &Words, seats: &[Seat], members: &[Connection]) -> Result<Vec<Value>> {
    let mut told = vec![Value::Null; members.len()];
    for first in [0, 1] {
        let joining = (first..members.len()).step_by(2).map(|index| async move {
            let joined = members[index].ask(words.join, (words.entry)(&seats[index].room)).await?;
            anyhow::Ok((index, joined))
        });
        let joined: Vec<_> = stream::iter(joining).buffered(WIDTH).try_collect().await?;
        for (index, joined) in joined {
            told[index] = joined;
        }
    }
    Ok(told)
}

/// What came of the load of [`pairs`].
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Messages that arrived, a second.
    pub rate: f64,
    /// Messages that arrived, a second of the server's processor time.
    pub per_cpu_second: f64,
    pub sent: usize,
    pub arrived: usize,
}

/// Rooms of two, who sit next to each other in `seats`: each sends `rate` messages a second for `length`.
pub async fn pairs(
    target: &Target,
    words: &Words,
    seats: &[Seat],
    rate: f64,
    length: Duration,
) -> Result<Flow> {
    let (ear, mut heard) = Ear::new(words.heard);
    let members = open(target, words, seats, &ear).await?;
    let joined = join_all(words, seats, &members).await?;
    sleep(Duration::from_millis(500)).await;

    let cpu = cpu_seconds(target.pid)?;
    let (started, gap) = (Instant::now(), Duration::from_secs_f64(1.0 / rate));
    let each = (length.as_secs_f64() * rate) as usize;
    let mut speaking = JoinSet::new();
    for (index, member) in members.into_iter().enumerate() {
        let (words, room) = (*words, seats[index].room.clone());
        // The second one of a room was told what holds for both.
        let joined = joined[index | 1].clone();
        let offset = gap.mul_f64(index as f64 / seats.len() as f64);
        speaking.spawn(async move {
            let mut timer = interval_at((started + offset).into(), gap);
            timer.set_missed_tick_behavior(MissedTickBehavior::Burst);
            for turn in 0..each {
                timer.tick().await;
                let number = (index * each + turn) as u64;
                member.emit(words.relay, (words.body)(&room, &joined, number))?;
            }
            anyhow::Ok(member)
        });
    }
    let sent = each * seats.len();
    let last = count(&mut heard, sent, length + PATIENCE).await;
    let spent = cpu_seconds(target.pid)? - cpu;
    while let Some(spoken) = speaking.join_next().await {
        drop(spoken??);
    }
    ear.check().context(target.name)?;
    let (arrived, at) = last.with_context(|| format!("{}: nothing arrived", target.name))?;
    let elapsed = at.saturating_duration_since(started).as_secs_f64();
    Ok(Flow {
        rate: arrived as f64 / elapsed,
        per_cpu_second: arrived as f64 / spent.max(0.01),
        sent,
        arrived,
    })
}

/// Counts arrivals until there are enough or time is up; how many, and when the last one was.
async fn count(heard: &mut Heard, enough: usize, patience: Duration) -> Option<(usize, Instant)> {
    let (mut arrived, mut last) = (0, None);
    let all = async {
        while arrived < enough
            && let Some(at) = heard.recv().await
        {
            arrived += 1;
            last = Some(at);
        }
    };
    let _ = timeout(patience, all).await;
    last.map(|at| (arrived, at))
}

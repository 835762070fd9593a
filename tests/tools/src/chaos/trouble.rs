//! The trouble, as the seed says: a deck of every kind of fault is dealt again and again while people book.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use konnect_tools::client::Rest;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::keeper::Keeper;
use super::record::Record;
use super::system::System;

/// Between two faults.
const APART: std::ops::Range<u64> = 300..2_200;
/// Longer than the lease of a job, a presence and a room (15 s).
const FROZEN: std::ops::Range<u64> = 16_000..19_000;
/// Freezes in a deck, of whatever process.
const FREEZES: usize = 2;
/// What goes wrong at the provider, and in how many of a hundred calls; together in thirty.
const PROVIDER: [(&str, u32); 5] = [
    (r#"{"drop_after_commit": true}"#, 9),
    (r#"{"drop_before": true}"#, 7),
    (r#"{"status": 500}"#, 9),
    (r#"{"status": 503}"#, 4),
    (r#"{"delay_ms": 2500}"#, 5),
];
const CALLS: [&str; 10] = [
    "confirm",
    "cancel",
    "get",
    "transactions",
    "settlements",
    "seller",
    "payout",
    "payoutget",
    "payoutlist",
    "balance",
];
/// The mail server and the push service refuse for the moment.
const MESSAGES: [(&str, u32); 2] = [("smtp", 10), ("fcm", 10)];

#[derive(Clone, Debug)]
enum Fault {
    /// A process of this line of the Procfile.
    Kill(usize),
    Freeze,
    KillMysql,
    KillRedis,
    FlushRedis,
    KillMongo,
}

/// From now on the provider fails in thirty of a hundred calls, after committing too.
pub async fn spoil_provider(toss: &Rest) -> Result<()> {
    let faults = CALLS.iter().flat_map(|on| PROVIDER.iter().map(move |(effect, odds)| (*on, *effect, *odds)));
    let messages = MESSAGES.iter().map(|(on, odds)| (*on, r#"{"status": 451}"#, *odds));
    for (on, effect, odds) in faults.chain(messages) {
        let effect: serde_json::Value = serde_json::from_str(effect)?;
        let fault = json!({ "on": on, "odds": odds, "effect": effect });
        toss.post("/sandbox/faults").json(&fault).send().await?.expect(200)?;
    }
    Ok(())
}

/// Makes trouble until it is told to stop; everything that was frozen lives again then.
pub async fn make(system: Arc<System>, record: Record, seed: u64, mut calm: watch::Receiver<bool>) {
    let mut dice = StdRng::seed_from_u64(seed ^ 0x5eed);
    let mut deck = Vec::new();
    let mut frozen = JoinSet::new();
    while !*calm.borrow() {
        let Some(fault) = deck.pop() else {
            deck = whole_deck(system.kinds.len());
            deck.shuffle(&mut dice);
            continue;
        };
        let pause = Duration::from_millis(dice.random_range(APART));
        tokio::select! {
            () = sleep(pause) => {}
            _ = calm.changed() => break,
        }
        strike(&system, &record, fault, &mut dice, &mut frozen).await;
    }
    while frozen.join_next().await.is_some() {}
}

fn whole_deck(kinds: usize) -> Vec<Fault> {
    let mut deck: Vec<Fault> = (0..kinds).map(Fault::Kill).collect();
    deck.extend(std::iter::repeat_n(Fault::Freeze, FREEZES));
    deck.extend([Fault::KillMysql, Fault::KillRedis, Fault::FlushRedis, Fault::KillMongo]);
    deck
}

async fn strike(system: &System, record: &Record, fault: Fault, dice: &mut StdRng, frozen: &mut JoinSet<()>) {
    match fault {
        Fault::Kill(kind) => {
            let (name, keepers) = &system.kinds[kind];
            let keeper = keepers.choose(dice).expect("a process");
            kill(record, keeper, name).await;
        }
        Fault::Freeze => {
            let (name, keepers) = system.kinds.choose(dice).expect("a kind");
            let keeper = keepers.choose(dice).expect("a process").clone();
            let span = Duration::from_millis(dice.random_range(FROZEN));
            record.count("faults", &format!("SIGSTOP {name} for longer than a lease"));
            frozen.spawn(async move {
                keeper.freeze(span).await;
            });
        }
        Fault::KillMysql => kill(record, &system.mysql, "MariaDB").await,
        Fault::KillRedis => kill(record, &system.redis, "Redis").await,
        Fault::KillMongo => kill(record, &system.mongo, "MongoDB").await,
        Fault::FlushRedis => {
            let flushed = flush(&system.place.redis_url()).await;
            record.count("faults", if flushed.is_ok() { "FLUSHALL" } else { "Redis was away" });
        }
    }
}

async fn kill(record: &Record, keeper: &Keeper, what: &str) {
    let was_there = keeper.kill().await;
    record.count("faults", &if was_there { format!("kill -9 {what}") } else { format!("{what} was away") });
}

async fn flush(url: &str) -> Result<()> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let () = redis::cmd("FLUSHALL").query_async(&mut connection).await?;
    Ok(())
}

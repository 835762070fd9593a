//! The trouble: processes killed with -9 and started again, a Redis that loses everything, connections cut.

use std::time::Duration;

use konnect_tests::{ApiNode, PrivateRedis};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::json;
use std::sync::atomic::Ordering;
use tokio::time::sleep;

use super::storm::Storm;

/// Entries between two troubles.
const APART: u64 = 150;
const MOST: u64 = 60;

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Kill(usize),
    LoseRedis,
    Cut,
}

/// So many, each kind at least twice but for Redis, evenly over nine tenths of what is said.
fn script(entries: u64, dice: &mut StdRng) -> Vec<Trouble> {
    use Trouble::{Cut, Kill, LoseRedis};
    let mut script = vec![Kill(0), Cut, LoseRedis, Kill(1), Cut, Kill(0)];
    let kinds = [Kill(0), Kill(1), Kill(0), Kill(1), LoseRedis, Cut, Cut];
    while (script.len() as u64) < (entries / APART).min(MOST) {
        script.push(*kinds.choose(dice).expect("kinds"));
    }
    script.shuffle(dice);
    script
}

/// Makes trouble until the script is at its end; both processes run then.
pub async fn make(
    storm: &Storm<'_>,
    mut nodes: [ApiNode; 2],
    mut redis: PrivateRedis,
    seed: u64,
) -> (PrivateRedis, [ApiNode; 2]) {
    let dice = &mut StdRng::seed_from_u64(seed ^ 0x5eed);
    let script = script(storm.entries, dice);
    let step = storm.entries * 9 / 10 / script.len() as u64;
    for (at, trouble) in (1..).zip(script) {
        while storm.record.progress() < step * at && !*storm.settled.borrow() {
            sleep(Duration::from_millis(20)).await;
        }
        match trouble {
            Trouble::Kill(which) => {
                storm.record.note("trouble", "kill", json!(which));
                nodes[which].kill().await;
                sleep(Duration::from_millis(dice.random_range(50..700))).await;
                nodes[which].start_again().await;
                storm.record.note("trouble", "started", json!(which));
            }
            Trouble::LoseRedis => {
                storm.record.note("trouble", "redis", json!(null));
                redis = redis.restart_empty().await;
            }
            Trouble::Cut => {
                storm.record.note("trouble", "cut", json!(null));
                storm.cuts.send_modify(|cuts| *cuts += 1);
            }
        }
    }
    storm.calm.store(true, Ordering::SeqCst);
    (redis, nodes)
}

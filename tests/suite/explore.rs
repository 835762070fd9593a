//! The core of bookings and their money, explored: in small worlds some operations are done at once, HTTP calls and
//! deliveries of jobs, each by an api or a worker of its own. A seed decides what is done, and which of them gets its
//! next SQL statement through. After each round some order of its steps must explain every answer and all that is in
//! the database and at the provider, by a small model of what may be true (`explore/model.rs`); the ledger agrees, and
//! the audit finds nothing. What was found is in `docs/EXPLORATION.md`.
//!
//! `KONNECT_EXPLORE_SEED=1234` plays that seed alone; `./dev explore 2000` plays that many instead of a few.
//! `explore/seeds.txt` has those that found something once.

#[path = "explore/act.rs"]
mod act;
#[path = "explore/door.rs"]
mod door;
#[path = "explore/found.rs"]
mod found;
#[path = "explore/game.rs"]
mod game;
#[path = "explore/model.rs"]
mod model;
#[path = "explore/order.rs"]
mod order;
#[path = "explore/place.rs"]
mod place;
#[path = "explore/proofs.rs"]
mod proofs;
#[path = "explore/request.rs"]
mod request;
#[path = "explore/stage.rs"]
mod stage;
#[path = "explore/weights.rs"]
mod weights;
#[path = "explore/work.rs"]
mod work;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use konnect_tests::effort;

use game::{Game, Played};
use place::Place;

/// Seeds that share a database.
const A_PLACE: usize = 25;
/// Tests that play side by side.
const SHELVES: u64 = 2;
/// Seeds when nobody says how many.
const A_FEW: u64 = 8;

/// The seeds of a shelf: one that was asked for, or those that found something once and as many more as are wanted.
fn seeds(shelf: u64) -> Vec<u64> {
    let mine = |seed: &u64| seed % SHELVES == shelf;
    if let Some(seed) = effort("KONNECT_EXPLORE_SEED") {
        return Some(seed).filter(mine).into_iter().collect();
    }
    let known = include_str!("explore/seeds.txt").lines().filter_map(|line| {
        let number = line.split('#').next().unwrap_or_default().trim();
        (!number.is_empty()).then(|| number.parse().expect("a seed"))
    });
    let from = effort("KONNECT_EXPLORE_FROM").unwrap_or(0);
    let more = from..from + effort("KONNECT_EXPLORE").unwrap_or(A_FEW);
    known.chain(more).filter(mine).collect()
}

async fn explore(shelf: u64) {
    let (mut sum, mut broken) = (Played::default(), Vec::new());
    let all = seeds(shelf);
    for some in all.chunks(A_PLACE) {
        let mut place = Place::open().await;
        for seed in some {
            let played = AssertUnwindSafe(Game::play(&place, *seed)).catch_unwind().await;
            match played.unwrap_or_else(|_| Err(format!("seed {seed}: something panicked"))) {
                Ok(played) => sum.add(played),
                Err(why) => {
                    eprintln!("{why}\nKONNECT_EXPLORE_SEED={seed} plays it again\n");
                    broken.push(*seed);
                    // What it left would trouble the next one.
                    place.leave().await;
                    place = Place::open().await;
                }
            }
        }
        place.close().await;
    }
    println!(
        "{} seeds: {} rounds, {} operations, {} statements in turns, {} rounds with a refusal",
        all.len(),
        sum.rounds,
        sum.acts,
        sum.statements,
        sum.refusals
    );
    assert!(broken.is_empty(), "seeds that are not explained: {broken:?}");
}

impl Played {
    fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.acts += other.acts;
        self.statements += other.statements;
        self.refusals += other.refusals;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_i05_i07_explored_shelf_1() {
    explore(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_i05_i07_explored_shelf_2() {
    explore(1).await;
}

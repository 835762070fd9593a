//! Random stories of one booking and its money: people, jobs, the provider, its webhooks and its faults take their
//! steps in any order, some of them at once, and workers die between them. After each story everything drains; then
//! the audit finds nothing, the ledger sums to zero, and provider and ledger agree to the won.
//!
//! A story is told by its seed. `KONNECT_STORY=1234` tells that one alone, with its steps printed;
//! `./dev stories 2000` tells that many instead of 80.

#[path = "stories/attendance.rs"]
mod attendance;
#[path = "stories/ends.rs"]
mod ends;
#[path = "stories/office.rs"]
mod office;
#[path = "stories/steps.rs"]
mod steps;
#[path = "stories/teller.rs"]
mod teller;

use konnect_tests::{TestApp, effort};
use teller::Teller;

/// Stories that share a database, one after the other.
const A_BOOK: u64 = 20;
/// Tests that tell stories side by side.
const SHELVES: u64 = 4;

/// Tells every story of one shelf.
async fn tell(shelf: u64) {
    if let Some(seed) = effort("KONNECT_STORY") {
        if seed % SHELVES == shelf {
            read_book(&[seed]).await;
        }
        return;
    }
    let count = effort("KONNECT_STORIES").unwrap_or(80);
    let seeds: Vec<u64> = (0..count).filter(|seed| seed % SHELVES == shelf).collect();
    for book in seeds.chunks(usize::try_from(A_BOOK).expect("few")) {
        read_book(book).await;
    }
}

async fn read_book(seeds: &[u64]) {
    let app = TestApp::start().await;
    let mut teller = Teller::new(&app).await;
    teller.suspicious = seeds.len() == 1;
    for seed in seeds {
        teller.tell(*seed).await;
    }
    teller.expect_agreement().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_i09_stories_of_money_shelf_1() {
    tell(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_i09_stories_of_money_shelf_2() {
    tell(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_i09_stories_of_money_shelf_3() {
    tell(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_i09_stories_of_money_shelf_4() {
    tell(3).await;
}

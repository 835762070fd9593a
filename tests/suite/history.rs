//! A checked history: people with several devices talk in ten rooms over two api processes while the processes are
//! killed, Redis loses everything and connections are cut. Afterwards every acknowledged entry is stored exactly once,
//! no log has a gap, no device heard a log out of order, and all of them know the same in the end (S44 to S47, S49).
//!
//! `KONNECT_HISTORY=20000` stores that many entries instead of 1,500 (`./dev history [N]`), `KONNECT_HISTORY_SEED` plays
//! another game. When a rule is broken, everything that was seen is written to a file.

#[path = "history/check.rs"]
mod check;
#[path = "history/device.rs"]
mod device;
#[path = "history/link.rs"]
mod link;
#[path = "history/record.rs"]
mod record;
#[path = "history/storm.rs"]
mod storm;
#[path = "history/trouble.rs"]
mod trouble;
#[path = "history/view.rs"]
mod view;

use chrono::{DurationRound, TimeDelta};
use futures_util::future::join_all;
use konnect::availability::Window;
use konnect::mentor::Kind;
use konnect_tests::{ApiNode, Booking, PrivateMongo, PrivateRedis, TestApp, effort, weekdays};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use device::Device;
use storm::Storm;

const ROOMS: usize = 10;

/// A paid booking, with a mentor and a mentee of its own.
async fn room(app: &TestApp, number: usize) -> Booking {
    let (mentor, mentee) =
        (app.mentor(&format!("mentor-{number}")).await, app.mentee(&format!("mentee-{number}")).await);
    let mut hours = weekdays();
    hours.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
    let booking = app.book(&mentor, &mentee, offering, hour + TimeDelta::hours(30)).await;
    app.pay(&booking).await;
    booking
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_s45_s46_s47_s49_a_history_of_chats_in_trouble_is_sound() {
    let entries = effort("KONNECT_HISTORY").unwrap_or(1_500);
    let seed = effort("KONNECT_HISTORY_SEED").unwrap_or(1);
    let (redis, mongo) = tokio::join!(PrivateRedis::start(), PrivateMongo::start());
    let mongodb_url = mongo.as_ref().map(PrivateMongo::url);
    let app = TestApp::start_live_over(Some(redis.url()), mongodb_url).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(room(&app, number).await);
    }
    let nodes = tokio::join!(ApiNode::start(&app), ApiNode::start(&app)).into();
    let storm = Storm::new(&app, &nodes, entries);
    let mut dice = StdRng::seed_from_u64(seed);
    let mut devices = Vec::new();
    for (number, booking) in rooms.iter().enumerate() {
        for (side, person) in [("mentor", &booking.mentor), ("mentee", &booking.mentee)] {
            for which in 0..dice.random_range(1..=2) {
                let name = format!("{side}-{number}-{which}");
                devices.push(Device::new(&storm, name, person, booking.id, dice.random()));
            }
        }
    }
    let lives = join_all(devices.into_iter().map(Device::live));
    let (servers, devices, ()) =
        tokio::join!(trouble::make(&storm, nodes, redis, seed), lives, storm.settle());
    let found = check::everything(&storm, &rooms, &devices).await;
    storm.record.judge(seed, found);
    drop(servers);
    // Those who were away are told what they have not read, as that falls due while others still talk.
    app.run_jobs().await;
    assert_eq!(app.jobs_in("dead").await.len(), 0);
    app.expect_sound().await;
    app.leave().await;
}

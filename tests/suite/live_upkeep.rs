//! What an api does for its live sessions by itself, and what happens at the same moment as an entry.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use konnect_tests::{Booking, Person, Socket, TestApp};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::live_rooms::before_the_start;

/// Longer than a renewal takes that is asked for at once, and shorter than the pool waits for a connection.
const SOON: Duration = Duration::from_secs(8);

/// The app's frozen clock, which stands in a file: whoever waits for it to move goes on at once.
struct Hand {
    file: PathBuf,
    now: DateTime<Utc>,
}

impl Hand {
    fn of(app: &TestApp) -> Self {
        let hand = Self { file: app.api_config.tokens.keys_dir.join("hand"), now: app.now() };
        hand.write();
        app.core.clock.follow_file(hand.file.clone());
        hand
    }

    fn advance(&mut self, by: TimeDelta) {
        self.now += by;
        self.write();
    }

    /// Whole or not at all: half a file is no offset.
    fn write(&self) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, self.now.timestamp().to_string()).expect("a file");
        std::fs::rename(next, &self.file).expect("the file of the clock");
    }
}

/// When each connection in a live room was last vouched for, in Unix milliseconds.
async fn vouched(app: &TestApp, booking: &Booking) -> Vec<i64> {
    let mut get = redis::cmd("GET");
    get.arg(app.core.keys.live_room(booking.id));
    let text: Option<String> = get.query_async(&mut app.core.redis.clone()).await.expect("Redis");
    let room: Value = text.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"));
    let places = room["places"].as_array().into_iter().flatten();
    places.filter_map(|place| place["lease"]["seen"].as_i64()).collect()
}

async fn join(socket: &mut Socket, booking: &Booking) -> Value {
    socket.command("session.join", booking.id, json!({})).await.expect("an open room")
}

/// The stays of somebody: whether each is open, and how it ended.
async fn stays_of(app: &TestApp, booking: &Booking, who: &Person) -> Vec<(bool, Option<&'static str>)> {
    let stays = app.stays(booking).await.into_iter().filter(|stay| stay.user_id == who.id);
    stays.map(|stay| (stay.left_at.is_none(), stay.cause.map(|cause| cause.name()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s75_a_call_goes_on_while_the_database_does_not_answer() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let mut config = app.config.clone();
    config.db_connections = 2;
    let (base, core) = app.api_with(&config).await;
    let (mut mentor, _) = Socket::open(&base, &booking.mentor, "").await;
    let (mut mentee, _) = Socket::open(&app.base, &booking.mentee, "").await;
    join(&mut mentor, &booking).await;
    join(&mut mentee, &booking).await;
    let mut hand = Hand::of(&app);

    // The mentor's api waits for the database from here on.
    let mut held = Vec::new();
    for _ in 0..config.db_connections {
        held.push(core.db.pool().acquire().await.expect("a connection"));
    }
    for _ in 0..2 {
        hand.advance(TimeDelta::seconds(10));
        let now = hand.now.timestamp_millis();
        let renewed = app.until(async || {
            let vouched = vouched(&app, &booking).await;
            vouched.len() == 2 && vouched.iter().all(|seen| *seen >= now)
        });
        timeout(SOON, renewed).await.expect("both leases are renewed");
    }
    mentor.command("rtc.restart", booking.id, json!({})).await.expect("still in the room");

    // Once the database answers, who was there all the time has been there all the time.
    drop(held);
    app.until(async || {
        app.stays(&booking).await.iter().all(|stay| stay.left_at.is_none() && stay.seen_at >= hand.now)
    })
    .await;
    for who in [&booking.mentor, &booking.mentee] {
        assert_eq!(stays_of(&app, &booking, who).await, [(true, None)]);
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enters_hears_what_changed_meanwhile() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, _) = Socket::open(&app.base, &booking.mentor, "").await;
    let (mut mentee, _) = Socket::open(&app.base, &booking.mentee, "").await;
    join(&mut mentee, &booking).await;

    // The entry waits for the lock of the room, after its answer was made.
    let mut lock = app.core.db.pool().acquire().await.expect("a connection");
    sqlx::raw_sql("START TRANSACTION").execute(&mut *lock).await.expect("a transaction");
    let row = sqlx::query("SELECT id FROM reservations WHERE id = ? FOR UPDATE").bind(booking.id);
    row.execute(&mut *lock).await.expect("the lock");
    let meanwhile = async {
        app.until(async || vouched(&app, &booking).await.len() == 2).await;
        let media = json!({ "mic": true, "camera": true, "ready": true });
        mentee.command("rtc.media", booking.id, media).await.expect("told");
        sqlx::raw_sql("ROLLBACK").execute(&mut *lock).await.expect("the lock is free");
    };
    let (joined, ()) = tokio::join!(join(&mut mentor, &booking), meanwhile);
    assert_eq!(joined["peer"]["media"]["mic"], false, "the answer is older");
    let state = mentor.event("rtc.state").await;
    let peer = state["members"].as_array().into_iter().flatten().find(|m| m["role"] == "mentee");
    assert_eq!(peer.expect("the mentee")["media"]["mic"], true, "{state}");
    drop(lock);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_joins_again_and_again_has_one_stay_and_is_told_to_wait() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, _) = Socket::open(&app.base, &booking.mentor, "").await;
    let first = join(&mut mentor, &booking).await;
    let again = join(&mut mentor, &booking).await;
    assert!(again["epoch"].as_i64() > first["epoch"].as_i64(), "what was negotiated is over");
    assert_eq!(stays_of(&app, &booking, &booking.mentor).await, [(true, None)]);
    let mut refused = None;
    // Fewer than frames may come at once.
    for _ in 0..35 {
        if let Err(refusal) = mentor.command("session.join", booking.id, json!({})).await {
            refused = Some(refusal["code"].clone());
            break;
        }
    }
    assert_eq!(refused, Some(json!("RATE_LIMITED")));
    mentor.command("session.leave", booking.id, json!({})).await.expect("still there");
    assert_eq!(stays_of(&app, &booking, &booking.mentor).await, [(false, Some("left"))]);
    app.run_jobs().await;
    app.finish().await;
}

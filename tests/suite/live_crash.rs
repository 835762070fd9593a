//! An api process killed with -9 in the middle of a session (S44): the peer hears it, the room is usable elsewhere, and
//! nobody is taken for absent.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use konnect::session::{Cause, Presence};
use konnect_tests::{ApiNode, Booking, Person, Socket, TestApp};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::crashes::live_booking;

/// The longest time until the peer hears that a process with its leases is gone: a lease, and a look.
const HEARD: Duration = Duration::from_secs(25);

/// One clock for the test and for the processes: an offset in a file.
struct SharedClock<'a> {
    app: &'a TestApp,
    file: PathBuf,
    seconds: i64,
}

impl<'a> SharedClock<'a> {
    fn new(app: &'a TestApp) -> Self {
        let file = app.api_config.tokens.keys_dir.join("clock");
        Self { app, file, seconds: 0 }
    }

    fn path(&self) -> &str {
        self.file.to_str().expect("a plain path")
    }

    /// Moves everybody's clock to this instant, in whole seconds.
    async fn move_to(&mut self, at: DateTime<Utc>) {
        let seconds = (at - self.app.now()).num_seconds() + 1;
        self.seconds += seconds;
        self.app.advance(TimeDelta::seconds(seconds));
        std::fs::write(&self.file, self.seconds.to_string()).expect("the file of the clock");
        // Processes look at it every 50 ms.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A session that begins in three minutes, with the mentor at one process and the mentee at another.
struct Scene<'a> {
    clock: SharedClock<'a>,
    booking: Booking,
    one: ApiNode,
    other: ApiNode,
    mentor: Socket,
    mentee: Socket,
}

impl<'a> Scene<'a> {
    async fn open(app: &'a TestApp) -> Self {
        let mut booking = live_booking(app).await;
        app.pay(&booking).await;
        let mut clock = SharedClock::new(app);
        app.keep_alive(booking.starts_at + TimeDelta::minutes(30)).await;
        clock.move_to(booking.starts_at - TimeDelta::minutes(3)).await;
        app.run_jobs().await;
        booking.mentor = app.log_in(&booking.mentor).await;
        booking.mentee = app.log_in(&booking.mentee).await;
        let settings = [("KONNECT_CLOCK_FILE", clock.path())];
        let (one, other) =
            tokio::join!(ApiNode::start_with(app, &settings), ApiNode::start_with(app, &settings));
        let (mut mentor, _) = Socket::open(&one.base, &booking.mentor, "").await;
        let (mut mentee, _) = Socket::open(&other.base, &booking.mentee, "").await;
        mentor.command("session.join", booking.id, json!({})).await.expect("the mentor enters");
        mentee.command("session.join", booking.id, json!({})).await.expect("the mentee enters");
        Self { clock, booking, one, other, mentor, mentee }
    }

    /// The mentor shares the screen, with the mentee's leave: how the room stands then.
    async fn share_screen(&mut self) -> Value {
        let room = self.booking.id;
        let action = |action: &str| json!({ "action": action });
        self.mentor.command("rtc.screen", room, action("request")).await.expect("asked");
        self.mentee.command("rtc.screen", room, action("grant")).await.expect("granted");
        self.mentor.command("rtc.screen", room, action("start")).await.expect("started");
        self.state(|state| state["screen"]["state"] == "sharing").await
    }

    /// Reads what the mentee hears until the room is as wanted.
    async fn state(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let state = self.mentee.event("rtc.state").await;
            if wanted(&state) {
                return state;
            }
        }
    }

    async fn stays(&self, who: &Person) -> Vec<Presence> {
        let stays = self.clock.app.stays(&self.booking).await;
        stays.into_iter().filter(|stay| stay.user_id == who.id).collect()
    }

    /// A minute passes in which the process that lives vouches for its connections; then the reconciler runs.
    async fn a_minute_later(&mut self) {
        let app = self.clock.app;
        self.clock.move_to(app.now() + TimeDelta::seconds(61)).await;
        self.all_seen_since(app.now() - TimeDelta::seconds(1)).await;
        app.reconcile().await;
        app.run_jobs().await;
    }

    /// Waits until the open stays at the process that lives were seen after `at`.
    async fn all_seen_since(&self, at: DateTime<Utc>) {
        let app = self.clock.app;
        let lives = |stay: &Presence, mentee: &Presence| stay.node == mentee.node && stay.left_at.is_none();
        app.until(async || {
            let stays = app.stays(&self.booking).await;
            let mentee = stays.iter().find(|stay| stay.user_id == self.booking.mentee.id).expect("a stay");
            stays.iter().filter(|stay| lives(stay, mentee)).all(|stay| stay.seen_at >= at)
        })
        .await;
    }

    /// Ten minutes after the start, and what was decided then.
    async fn decide(&mut self) -> String {
        let app = self.clock.app;
        self.clock.move_to(self.booking.starts_at).await;
        app.run_jobs().await;
        self.clock.move_to(self.booking.starts_at + TimeDelta::minutes(10)).await;
        self.all_seen_since(app.now() - TimeDelta::seconds(1)).await;
        app.run_jobs().await;
        let verdict = sqlx::query_scalar("SELECT verdict FROM session_decisions WHERE reservation_id = ?");
        verdict.bind(self.booking.id).fetch_one(app.core.db.pool()).await.expect("a decision")
    }
}

fn expect_lost(stay: &Presence) {
    assert_eq!(stay.cause, Some(Cause::Lost));
    let left_at = stay.left_at.expect("closed");
    assert_eq!(left_at - stay.seen_at, TimeDelta::seconds(15), "at the last sign of life, and no later");
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_a_killed_process_loses_its_places_and_nobody_is_absent() {
    let app = TestApp::start_live().await;
    let mut scene = Scene::open(&app).await;
    let room = scene.booking.id;
    let before = scene.share_screen().await;

    scene.one.kill().await;
    let killed = Instant::now();
    let gone = timeout(HEARD, async {
        loop {
            let presence = scene.mentee.event("session.presence").await;
            if presence["present"] == false {
                break presence;
            }
        }
    });
    let gone = gone.await.expect("the peer hears it in time");
    println!("the peer heard it {:?} after the kill", killed.elapsed());
    assert_eq!((&gone["userId"], &gone["role"]), (&json!(scene.booking.mentor.id), &json!("mentor")));
    let state = scene.state(|state| state["screen"]["state"] == "idle").await;
    assert!(state["epoch"].as_i64() > before["epoch"].as_i64(), "what was negotiated is over");

    // The mentor comes back at the other process, without taking over from a ghost.
    let (mut back, _) = Socket::open(&scene.other.base, &scene.booking.mentor, "").await;
    let joined = back.command("session.join", room, json!({})).await.expect("nobody is elsewhere");
    assert_eq!(joined["peer"]["present"], true);
    assert_eq!(joined["screen"]["state"], "idle");
    let offer = json!({ "epoch": joined["epoch"], "kind": "offer", "payload": { "sdp": "v=0\r\n" } });
    back.command("rtc.signal", room, offer).await.expect("relayed");
    assert_eq!(scene.mentee.event("rtc.signal").await["kind"], "offer");

    scene.a_minute_later().await;
    let [lost, stays] = &scene.stays(&scene.booking.mentor).await[..] else { panic!("two stays") };
    expect_lost(lost);
    assert_eq!(stays.left_at, None, "the reconciler leaves those alone who are there");
    assert_eq!(scene.stays(&scene.booking.mentee).await[0].left_at, None);

    assert_eq!(scene.decide().await, "met");
    assert_eq!(app.state(&scene.booking).await, "in_session");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_whoever_was_lost_with_a_process_and_did_not_come_back_is_not_marked() {
    let app = TestApp::start_live().await;
    let mut scene = Scene::open(&app).await;
    scene.one.kill().await;
    scene.a_minute_later().await;
    let [lost] = &scene.stays(&scene.booking.mentor).await[..] else { panic!("one stay") };
    expect_lost(lost);
    assert_eq!(scene.decide().await, "outage", "a person decides");
    assert_eq!(app.state(&scene.booking).await, "in_session", "nobody is absent");
    let strikes = konnect::reservation::strikes(app.core.db.pool(), scene.booking.mentor.id, 10).await;
    assert_eq!(strikes.expect("the database").len(), 0);
    app.finish().await;
}

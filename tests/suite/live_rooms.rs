//! The live session over sockets at two api processes: who is there, what they signal, how it ends.

use chrono::TimeDelta;
use konnect::clock::Instant;
use konnect::session;
use konnect_tests::{Booking, Person, PrivateRedis, Socket, TestApp};
use serde_json::{Value, json};

use super::socket_io::open_room;

/// Five minutes before the start, by a frozen clock.
pub async fn before_the_start(app: &TestApp) -> Booking {
    let mut booking = app.paid_booking().await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    booking.mentor = app.log_in(&booking.mentor).await;
    booking.mentee = app.log_in(&booking.mentee).await;
    booking
}

/// Both in the session, each at an api of their own: the sockets, and what the one who came second was told.
async fn meet(app: &TestApp, booking: &Booking) -> (Socket, Socket, Value) {
    let second = app.second_api().await;
    let (mut mentor, _) = Socket::open(&app.base, &booking.mentor, "").await;
    let (mut mentee, _) = Socket::open(&second, &booking.mentee, "").await;
    mentor.command("session.join", booking.id, json!({})).await.expect("the mentor enters");
    let joined = mentee.command("session.join", booking.id, json!({})).await.expect("the mentee enters");
    let state = state_where(&mut mentor, |state| state["epoch"] == joined["epoch"]).await;
    assert_eq!(state["members"].as_array().map(Vec::len), Some(2));
    (mentor, mentee, joined)
}

/// Reads until how things stand is as wanted.
async fn state_where(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let state = socket.event("rtc.state").await;
        if wanted(&state) {
            return state;
        }
    }
}

fn offer(epoch: &Value) -> Value {
    json!({ "epoch": epoch, "kind": "offer", "payload": { "type": "offer", "sdp": "v=0\r\n" } })
}

fn screen(action: &str) -> Value {
    json!({ "action": action })
}

async fn stays(app: &TestApp, booking: &Booking, who: &Person) -> Vec<(bool, Option<&'static str>)> {
    let stays = session::presences(app.core.db.pool(), booking.id).await.expect("the database");
    let own = stays.into_iter().filter(|stay| stay.user_id == who.id);
    own.map(|stay| (stay.left_at.is_none(), stay.cause.map(|cause| cause.name()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_a_call_is_signalled_between_two_apis_and_stale_signals_are_refused() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, joined) = meet(&app, &booking).await;
    assert_eq!((&joined["role"], &joined["polite"]), (&json!("mentee"), &json!(true)));
    assert_eq!(joined["peer"]["present"], true);
    let epoch = joined["epoch"].clone();

    mentor.command("rtc.signal", booking.id, offer(&epoch)).await.expect("relayed");
    let heard = mentee.event("rtc.signal").await;
    assert_eq!((&heard["from"], &heard["kind"]), (&json!(booking.mentor.id), &json!("offer")));
    assert_eq!(heard["payload"]["sdp"], "v=0\r\n");
    // Both ask for a restart at once: one order, and what belongs to the call before is dropped.
    let (one, other) = tokio::join!(
        mentor.command("rtc.restart", booking.id, json!({})),
        mentee.command("rtc.restart", booking.id, json!({})),
    );
    let (one, other) = (one.expect("restarted"), other.expect("restarted"));
    let newest = one["epoch"].as_i64().max(other["epoch"].as_i64());
    let stale = mentee.command("rtc.signal", booking.id, offer(&epoch)).await.expect_err("of an old epoch");
    assert_eq!((&stale["code"], stale["epoch"].as_i64()), (&json!("STALE_EPOCH"), newest));
    mentee.command("rtc.signal", booking.id, offer(&json!(newest))).await.expect("relayed");
    assert_eq!(mentor.event("rtc.signal").await["epoch"].as_i64(), newest);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s43_nobody_signals_for_another_or_into_another_room() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, joined) = meet(&app, &booking).await;
    let stranger = app.mentee("stranger").await;
    let (mut outside, _) = Socket::open(&app.base, &stranger, "").await;
    let said = offer(&joined["epoch"]);
    assert_eq!(outside.refusal("rtc.signal", booking.id, said.clone()).await, "NOT_JOINED");
    assert_eq!(outside.refusal("session.join", booking.id, json!({})).await, "NOT_PARTICIPANT");
    for forged in ["from", "to", "user", "userId", "connection"] {
        let mut said = said.clone();
        said[forged] = json!(booking.mentor.id);
        assert_eq!(mentee.refusal("rtc.signal", booking.id, said).await, "frame.invalid", "{forged}");
    }
    // A second connection of a member is no member before it has joined.
    let (mut elsewhere, _) = Socket::open(&app.base, &booking.mentee, "").await;
    assert_eq!(elsewhere.refusal("rtc.signal", booking.id, said.clone()).await, "NOT_JOINED");
    mentee.command("rtc.signal", booking.id, said).await.expect("relayed");
    assert_eq!(mentor.event("rtc.signal").await["from"], json!(booking.mentee.id), "and nothing before it");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s50_one_device_is_active_and_another_takes_over_when_it_says_so() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut laptop, joined) = meet(&app, &booking).await;
    let (mut phone, _) = Socket::open(&app.base, &booking.mentee, "").await;
    assert_eq!(phone.refusal("session.join", booking.id, json!({})).await, "ALREADY_ELSEWHERE");
    let taken =
        phone.command("session.join", booking.id, json!({ "takeOver": true })).await.expect("taken over");
    assert!(taken["epoch"].as_i64() > joined["epoch"].as_i64());
    laptop.event("rtc.superseded").await;
    let refused = laptop.refusal("rtc.restart", booking.id, json!({})).await;
    assert!(["NOT_JOINED", "SUPERSEDED"].contains(&&*refused), "{refused}");
    state_where(&mut mentor, |state| state["epoch"] == taken["epoch"]).await;
    mentor.command("rtc.signal", booking.id, offer(&taken["epoch"])).await.expect("relayed");
    assert_eq!(phone.event("rtc.signal").await["kind"], "offer");
    app.until(async || {
        stays(&app, &booking, &booking.mentee).await == [(false, Some("superseded")), (true, None)]
    })
    .await;
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s52_a_screen_is_asked_for_granted_shared_and_revoked_and_a_vanished_sharer_shares_no_more() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, _) = meet(&app, &booking).await;
    let room = booking.id;
    assert_eq!(mentee.refusal("rtc.screen", room, screen("start")).await, "SCREEN_NOT_GRANTED");
    mentee.command("rtc.screen", room, screen("request")).await.expect("asked");
    assert_eq!(mentor.refusal("rtc.screen", room, screen("request")).await, "SCREEN_BUSY");
    mentor.command("rtc.screen", room, screen("grant")).await.expect("granted");
    mentee.command("rtc.screen", room, screen("start")).await.expect("started");
    state_where(&mut mentor, |state| state["screen"]["state"] == "sharing").await;
    mentor.command("rtc.screen", room, screen("revoke")).await.expect("revoked");
    state_where(&mut mentee, |state| state["screen"]["state"] == "idle").await;
    // Once more, and the sharer's line breaks.
    mentee.command("rtc.screen", room, screen("request")).await.expect("asked");
    mentor.command("rtc.screen", room, screen("grant")).await.expect("granted");
    mentee.command("rtc.screen", room, screen("start")).await.expect("started");
    drop(mentee);
    let state = state_where(&mut mentor, |state| state["reason"] == "left").await;
    assert_eq!(state["screen"]["state"], "idle");
    app.until(async || stays(&app, &booking, &booking.mentee).await == [(false, Some("closed"))]).await;
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s42_the_gate_goes_by_the_servers_clock_and_says_what_it_is() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let (mut early, _) = Socket::open(&app.base, &booking.mentee, "").await;
    let refused = early.command("session.join", booking.id, json!({})).await.expect_err("days before");
    assert_eq!(refused["code"], "NOT_IN_TIME_WINDOW");
    let at = |name: &str| refused[name].as_str().expect(name).parse::<Instant>().expect(name);
    assert_eq!(app.now(), at("serverNow"));
    assert_eq!(booking.starts_at - TimeDelta::minutes(10), at("opensAt"));
    assert_eq!(booking.starts_at + TimeDelta::minutes(75), at("closesAt"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_of_its_end_and_closed_when_its_time_is_up() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, _) = meet(&app, &booking).await;
    let end = booking.starts_at + TimeDelta::hours(1);
    // A token as fresh as a client keeps it.
    let later = async |socket: &mut Socket, who: &Person| {
        let fresh = app.log_in(who).await;
        socket.say(json!({ "type": "auth.refresh", "token": fresh.client.token() })).await;
        socket.event("refreshed").await;
    };
    for minute in (5..70).step_by(10) {
        app.advance_to(booking.starts_at + TimeDelta::minutes(minute));
        later(&mut mentor, &booking.mentor).await;
        later(&mut mentee, &booking.mentee).await;
        if minute == 55 {
            let soon = mentor.event("session.ending").await;
            assert_eq!((&soon["endsAt"], &soon["secondsLeft"]), (&json!(end), &json!(300)));
        }
    }
    app.advance_to(end + TimeDelta::minutes(10));
    later(&mut mentor, &booking.mentor).await;
    later(&mut mentee, &booking.mentee).await;
    app.advance_to(end + TimeDelta::minutes(15));
    for socket in [&mut mentor, &mut mentee] {
        assert_eq!(socket.event("session.closed").await["reason"], "window");
    }
    assert_eq!(mentor.refusal("session.join", booking.id, json!({})).await, "NOT_IN_TIME_WINDOW");
    app.until(async || stays(&app, &booking, &booking.mentor).await == [(false, Some("window"))]).await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_session_is_closed_at_once() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, _) = meet(&app, &booking).await;
    app.cancel(&booking, &booking.mentor).await;
    for socket in [&mut mentor, &mut mentee] {
        assert_eq!(socket.event("session.closed").await["reason"], "over");
    }
    assert_eq!(mentee.refusal("session.join", booking.id, json!({})).await, "SESSION_NOT_LIVE");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_a_revoked_member_is_out_of_the_room() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, _) = meet(&app, &booking).await;
    booking.mentee.client.post("/v1/auth/logout", json!({})).await.ok(204);
    assert_eq!(
        loop {
            let frame = mentee.next().await;
            if frame.get("close").is_some() {
                break frame["close"].clone();
            }
        },
        4001
    );
    let state = state_where(&mut mentor, |state| state["reason"] == "left").await;
    let present: Vec<_> = state["members"].as_array().into_iter().flatten().map(|m| &m["present"]).collect();
    assert_eq!(present.iter().filter(|present| ***present == json!(true)).count(), 1);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s45_a_session_outlives_a_redis_that_lost_everything() {
    let redis = PrivateRedis::start().await;
    let app = TestApp::start_live_on(&redis).await;
    let booking = open_room(&app).await;
    let (mut mentor, mut mentee, joined) = meet(&app, &booking).await;
    let redis = redis.restart_empty().await;
    // The leases restore themselves, in an epoch that was never used.
    let restored = |state: &Value| {
        let present =
            state["members"].as_array().into_iter().flatten().filter(|m| m["present"] == true).count();
        present == 2 && state["epoch"].as_i64() > joined["epoch"].as_i64()
    };
    let state = state_where(&mut mentor, restored).await;
    state_where(&mut mentee, restored).await;
    let outcome = mentor.command("rtc.signal", booking.id, offer(&state["epoch"])).await;
    if let Err(refused) = outcome {
        // The other side's lease came after this state.
        let said = offer(&refused["epoch"]);
        mentor.command("rtc.signal", booking.id, said).await.expect("relayed");
    }
    assert_eq!(mentee.event("rtc.signal").await["kind"], "offer");
    assert_eq!(stays(&app, &booking, &booking.mentor).await, [(true, None)], "nobody was away");
    app.run_jobs().await;
    app.finish().await;
    drop(redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn s75_without_mongodb_chat_fails_loudly_and_the_call_goes_on() {
    let app = TestApp::start_without_mongodb().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, joined) = meet(&app, &booking).await;
    mentee.say(json!({ "type": "chat.join", "ref": "chat", "room": booking.id })).await;
    // Signals do not wait for the chat that hangs.
    for _ in 0..5 {
        mentee.command("rtc.signal", booking.id, offer(&joined["epoch"])).await.expect("relayed");
        assert_eq!(mentor.event("rtc.signal").await["kind"], "offer");
    }
    let refused = loop {
        let frame = mentee.next().await;
        if frame["ref"] == "chat" {
            break frame;
        }
    };
    assert_eq!(refused["code"], "UNAVAILABLE");
    app.run_jobs().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_a_stopping_api_gives_its_places_back() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (mut mentor, mut mentee, _) = meet(&app, &booking).await;
    app.stop_apis();
    for socket in [&mut mentor, &mut mentee] {
        assert!(socket.event("going_away").await["retryAfterMs"].is_u64());
    }
    app.until(async || {
        stays(&app, &booking, &booking.mentor).await == [(false, Some("closed"))]
            && stays(&app, &booking, &booking.mentee).await == [(false, Some("closed"))]
    })
    .await;
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_through_a_socket_says_from_where() {
    let app = TestApp::start().await;
    let booking = before_the_start(&app).await;
    let (_mentor, _mentee, _) = meet(&app, &booking).await;
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT actor_kind, client_ip FROM events WHERE type = 'session.joined' AND actor_kind IS NOT NULL",
    )
    .fetch_all(app.core.db.pool())
    .await
    .expect("the database");
    assert_eq!(rows, vec![("user".to_owned(), Some("127.0.0.1".to_owned())); 2]);
    app.run_jobs().await;
    app.finish().await;
}

//! The WebSocket: every event arrives once and in order, whatever is lost on the way, until its session ends.

use chrono::TimeDelta;
use konnect::core::Core;
use konnect::{auth, event, transact};
use konnect_tests::{Person, PrivateRedis, Socket, TestApp};
use serde_json::{Value, json};

/// Commits `count` events for a person, each in a transaction of its own.
async fn append(core: &Core, app: &TestApp, person: &Person, count: i64) {
    for n in 0..count {
        transact!(core.db, app.context(), sqlx::Error, tx => {
            event::append(tx, &[person.id], "test.happened", json!({ "n": n })).await
        })
        .expect("the database");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_in_order_at_every_api() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let second = app.second_api().await;
    let other_process = Core::connect(&app.config, app.core.clock.clone()).await.expect("the stores");
    let (mut here, _) = Socket::open(&app.base, &person, "").await;
    let (mut there, _) = Socket::open(&second, &person, "").await;
    tokio::join!(
        append(&app.core, &app, &person, 60),
        append(&other_process, &app, &person, 60),
        append(&app.core, &app, &person, 60),
        here.expect_events(1, 180),
        there.expect_events(1, 180),
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s45_lost_publications_are_delivered_in_order() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let deaf = app.deaf_core().await;
    let (mut socket, _) = Socket::open(&app.base, &person, "").await;

    // Nobody says anything: the sweep finds them.
    append(&deaf, &app, &person, 3).await;
    socket.expect_events(1, 3).await;
    // The next one is heard: the gap before it is filled first.
    append(&deaf, &app, &person, 2).await;
    append(&app.core, &app, &person, 1).await;
    socket.expect_events(4, 6).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s45_events_arrive_while_redis_is_away_and_after_it_is_back() {
    let redis = PrivateRedis::start().await;
    let app = TestApp::start_live_on(&redis).await;
    let person = app.mentee("person").await;
    let (mut socket, _) = Socket::open(&app.base, &person, "").await;
    append(&app.core, &app, &person, 1).await;
    socket.expect_events(1, 1).await;
    let redis = redis.restart_empty().await;
    append(&app.core, &app, &person, 5).await;
    socket.expect_events(2, 6).await;
    app.finish().await;
    drop(redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn s46_a_client_comes_back_and_hears_the_rest() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    append(&app.core, &app, &person, 5).await;
    let (mut fresh, welcome) = Socket::open(&app.base, &person, "").await;
    assert_eq!((&welcome["head"], &welcome["after"]), (&json!(5), &json!(5)), "from now on");
    let (mut back, welcome) = Socket::open(&app.base, &person, "?after=2").await;
    assert_eq!((&welcome["head"], &welcome["after"]), (&json!(5), &json!(2)));
    back.expect_events(3, 5).await;

    // S47: what happens while the rest is replayed comes once, in its place.
    let ((mut racing, _), ()) =
        tokio::join!(Socket::open(&app.base, &person, "?after=0"), append(&app.core, &app, &person, 20));
    racing.expect_events(1, 25).await;
    fresh.expect_events(6, 25).await;
    back.expect_events(6, 25).await;

    fresh.say(json!({ "type": "resume", "after": 23 })).await;
    fresh.expect_events(24, 25).await;
    fresh.say(json!({ "type": "resume", "after": 25 })).await;
    fresh.say(json!({ "type": "ping" })).await;
    assert_eq!(fresh.next().await["type"], "pong", "nothing is new");
    append(&app.core, &app, &person, 1).await;
    for socket in [&mut fresh, &mut back, &mut racing] {
        socket.expect_events(26, 26).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s46_too_far_behind_is_told_to_read_the_state() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        for n in 0..1_001 {
            event::append(tx, &[person.id], "test.happened", json!({ "n": n })).await?;
        }
        Ok(())
    })
    .expect("the database");
    let resync = |frame: &Value, reason: &str, head: i64| {
        assert_eq!(frame["type"], "resync_required", "{frame}");
        assert_eq!((&frame["reason"], &frame["head"]), (&json!(reason), &json!(head)));
    };
    let (mut behind, _) = Socket::open(&app.base, &person, "?after=0").await;
    resync(&behind.next().await, "too_far_behind", 1_001);
    let (mut just, _) = Socket::open(&app.base, &person, "?after=1").await;
    just.expect_events(2, 1_001).await;
    let (mut ahead, _) = Socket::open(&app.base, &person, "?after=2000").await;
    resync(&ahead.next().await, "unknown_position", 1_001);

    // Rows that are no longer kept.
    sqlx::query("DELETE FROM events WHERE seq <= 900")
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    let (mut late, _) = Socket::open(&app.base, &person, "?after=800").await;
    resync(&late.next().await, "gone", 1_001);
    append(&app.core, &app, &person, 1).await;
    for socket in [&mut behind, &mut just, &mut ahead, &mut late] {
        socket.expect_events(1_002, 1_002).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_an_expiring_token_is_refreshed_in_place_or_the_socket_closes() {
    let app = TestApp::start().await;
    let (person, stranger) = (app.mentee("person").await, app.mentee("stranger").await);
    let (mut socket, welcome) = Socket::open(&app.base, &person, "").await;
    app.advance(TimeDelta::seconds(841));
    let warning = socket.next().await;
    assert_eq!(warning["type"], "token_expiring");
    assert_eq!(warning["sessionExpiresAt"], welcome["sessionExpiresAt"]);

    let refresh = |token: &str| json!({ "type": "auth.refresh", "token": token });
    socket.say(refresh(stranger.client.token().expect("a token"))).await;
    assert_eq!(socket.next().await["code"], "auth.other_user");
    let again = app.log_in(&person).await;
    socket.say(refresh(again.client.token().expect("a token"))).await;
    assert_eq!(socket.next().await["type"], "refreshed");

    app.advance(TimeDelta::seconds(100));
    append(&app.core, &app, &person, 1).await;
    socket.expect_events(1, 1).await;
    app.advance(TimeDelta::seconds(800));
    let end = socket.next().await;
    assert_eq!((&end["close"], &end["reason"]), (&json!(4001), &json!("token expired")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s40_the_end_of_a_session_closes_its_sockets_and_no_other() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let phone = app.log_in(&person).await;
    let second = app.second_api().await;
    let (mut here, _) = Socket::open(&app.base, &person, "").await;
    let (mut there, _) = Socket::open(&second, &person, "").await;
    let (mut other, _) = Socket::open(&second, &phone, "").await;

    person.client.post("/v1/auth/logout", json!({})).await.ok(204);
    append(&app.core, &app, &person, 1).await;
    for socket in [&mut here, &mut there] {
        let end = socket.next().await;
        assert_eq!((&end["close"], &end["reason"]), (&json!(4001), &json!("session ended")));
    }
    assert_eq!(other.next().await["type"], "auth.session_revoked", "the owner may know");
    assert_eq!(other.next().await["type"], "test.happened");

    // Nobody announces it: the sweep does, and what came afterwards is not delivered.
    let deaf = app.deaf_core().await;
    transact!(deaf.db, app.context(), auth::Error, tx => {
        auth::revoke_all(tx, person.id, auth::Reason::Suspended).await
    })
    .expect("the database");
    append(&deaf, &app, &person, 1).await;
    assert_eq!(other.next().await["close"], 4001);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_a_stopping_api_says_so_before_it_closes() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let (mut first, _) = Socket::open(&app.base, &mentor, "").await;
    let (mut second, _) = Socket::open(&app.base, &mentee, "").await;
    app.stop_apis();
    for socket in [&mut first, &mut second] {
        let farewell = socket.next().await;
        assert_eq!(farewell["type"], "going_away");
        assert!(farewell["retryAfterMs"].as_u64().is_some_and(|ms| (200..=5_200).contains(&ms)));
        assert_eq!(socket.next().await["close"], 1001);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_hear_of_a_booking_on_two_apis() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    let second = app.second_api().await;
    let (mut of_mentee, _) = Socket::open(&app.base, &mentee, "").await;
    let (mut of_mentor, _) = Socket::open(&second, &mentor, "").await;

    let starts_at = konnect_tests::monday() + TimeDelta::hours(26);
    let booking = app.book(&mentor, &mentee, offering, starts_at).await;
    for socket in [&mut of_mentee, &mut of_mentor] {
        assert_eq!(socket.event("reservation.reserved").await["data"]["reservationId"], json!(booking.id));
    }
    app.pay(&booking).await;
    assert_eq!(of_mentee.event("payment.captured").await["data"]["reservationId"], json!(booking.id));
    for socket in [&mut of_mentee, &mut of_mentor] {
        let confirmed = socket.event("reservation.confirmed").await;
        assert_eq!(confirmed["data"]["reservationId"], json!(booking.id));
        socket.event("notice.created").await;
    }
    let version = mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "cannot come", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    app.run_jobs().await;
    for socket in [&mut of_mentee, &mut of_mentor] {
        socket.event("reservation.cancelled").await;
    }
    app.finish().await;
}

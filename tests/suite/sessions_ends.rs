//! Sessions that both sides end before their time.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use konnect::session;
use konnect_tests::{Booking, Person, TestApp, instant, monday};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_session_ends_early_when_both_want_it() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    app.advance(TimeDelta::minutes(41) + TimeDelta::seconds(30));
    app.run_jobs().await;
    let seen = app.ask_end(&booking, &booking.mentee).await.ok(200);
    assert_eq!((&seen["state"], &seen["endsRequested"]), (&json!("in_session"), &json!(["mentee"])));
    app.ask_end(&booking, &booking.mentee).await.ok(200);
    let heard = app.events_of(&booking.mentor).await;
    assert_eq!(heard.iter().filter(|kind| *kind == "session.end_asked").count(), 1, "once");

    // Withdrawn, the wish is worth nothing.
    let mentee = app.log_in(&booking.mentee).await;
    let path = format!("{}/end", booking.path());
    let seen = mentee.client.send(reqwest::Method::DELETE, &path, None, &[]).await.ok(200);
    assert_eq!(seen["endsRequested"], json!([]));
    mentee.client.send(reqwest::Method::DELETE, &path, None, &[]).await.ok(200);
    let seen = app.ask_end(&booking, &booking.mentor).await.ok(200);
    assert_eq!((&seen["state"], &seen["endsRequested"]), (&json!("in_session"), &json!(["mentor"])));

    let seen = app.ask_end(&booking, &booking.mentee).await.ok(200);
    assert_eq!((&seen["state"], &seen["actualMinutes"]), (&json!("completed"), &json!(41)));
    assert_eq!((instant(&seen["endedAt"]), &seen["reason"]), (app.now(), &json!("SESSION_NOT_LIVE")));
    let view = app.log_in(&booking.mentee).await.client.get(&booking.path()).await.ok(200);
    assert_eq!((&view["actualMinutes"], &view["price"]), (&json!(41), &json!(50_000)));
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500], "a whole session's money");
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    for person in [&booking.mentee, &booking.mentor] {
        assert_eq!(app.notices_of(person, "reservation.ended_early").await, 1);
    }
    let history = app.log_in(&booking.mentor).await.client.get(&format!("{}/history", booking.path())).await;
    assert_eq!(history.ok(200).as_array().expect("rows").last().expect("a row")["cause"], "ended_early");
    let refused = app.ask_end(&booking, &booking.mentor).await.problem(409, "reservation.not_allowed");
    assert_eq!(refused["context"]["state"], "completed");
    assert_eq!(app.enter(&booking, &booking.mentor).await.expect_err("over").word(), "SESSION_NOT_LIVE");
    app.advance(TimeDelta::hours(50));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.line_states(booking.id).await, ["ready"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_nothing_ends_before_it_begins_or_after_its_end() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.ask_end(&booking, &booking.mentor).await.problem(409, "reservation.not_allowed");
    let stranger = app.mentee("stranger").await;
    app.ask_end(&booking, &stranger).await.problem(404, "reservation.not_found");
    app.meet(&booking).await;
    app.run_jobs().await;
    let view = app.log_in(&booking.mentor).await.client.get(&booking.path()).await.ok(200);
    assert_eq!(view["actions"][0]["action"], "end");
    assert_eq!(instant(&view["actions"][0]["until"]), booking.starts_at + TimeDelta::hours(1));
    app.ask_end(&booking, &booking.mentor).await.ok(200);
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    app.ask_end(&booking, &booking.mentee).await.problem(409, "reservation.not_allowed");
    assert_eq!(app.state(&booking).await, "in_session");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_an_end_before_ten_minutes_leaves_nothing_to_decide() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    app.advance(TimeDelta::minutes(5));
    for person in [&booking.mentor, &booking.mentee] {
        app.ask_end(&booking, person).await.ok(200);
    }
    app.advance(TimeDelta::minutes(5));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    assert_eq!(app.jobs_of("session.decide_no_show.v1").await[0].state, "cancelled");
    app.finish().await;
}

/// What the second wish races against.
async fn rival(admin: &Person, booking: &Booking, kind: &str) -> u16 {
    let id = booking.id;
    let (path, body) = match kind {
        "cancel" => {
            (format!("/v1/admin/reservations/{id}/cancel"), json!({ "reason": "a race", "refund": "full" }))
        }
        _ => (
            format!("/v1/admin/reservations/{id}/no-show"),
            json!({ "absent": "mentor", "reason": "a race" }),
        ),
    };
    admin.client.post(&path, body).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_an_end_races_an_administrator_and_both_sides_at_once() {
    let app = TestApp::start().await;
    let mut booking = app.running_session().await;
    let admin = app.admin("judge").await;
    let mut ends = BTreeSet::new();
    for round in 0..8 {
        app.advance(TimeDelta::minutes(20));
        app.run_jobs().await;
        let kind = if round % 2 == 0 { "cancel" } else { "no-show" };
        let admin = app.log_in(&admin).await;
        let (mentor, mentee, other) = tokio::join!(
            app.ask_end(&booking, &booking.mentor),
            app.ask_end(&booking, &booking.mentee),
            rival(&admin, &booking, kind),
        );
        let wishes = [mentor.status.as_u16(), mentee.status.as_u16()];
        let state = app.state(&booking).await;
        match &*state {
            "completed" => assert_eq!((wishes, other), ([200, 200], 409), "round {round}"),
            _ => {
                assert_eq!(other, 200, "round {round}: {state}");
                assert!(wishes.contains(&409) || wishes == [200, 200], "round {round}");
            }
        }
        app.run_jobs_twice().await;
        let gone = if state == "completed" { [50_000, 0, -42_500, -7_500] } else { [0, 0, 0, 0] };
        assert_eq!(app.ledger(booking.id).await, gone, "round {round}: {state}");
        ends.insert(state);
        let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
        let days = [2, 3, 4, 7, 8, 9, 10, 11][round];
        let next = monday() + TimeDelta::days(days) + TimeDelta::hours(2);
        booking = app.book(&mentor, &mentee, booking.offering, next).await;
        app.pay(&booking).await;
        app.meet(&booking).await;
        app.run_jobs().await;
    }
    assert!(ends.is_subset(&BTreeSet::from(["completed".into(), "cancelled".into(), "no_show".into()])));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_dispute_about_a_session_outlives_its_early_end() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    app.advance(TimeDelta::minutes(30));
    app.run_jobs().await;
    app.open_dispute(&booking, &booking.mentee, "quality", 20_000).await;
    for person in [&booking.mentor, &booking.mentee] {
        app.ask_end(&booking, person).await.ok(200);
    }
    app.run_jobs().await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    assert!(session::presences(app.core.db.pool(), booking.id).await.expect("the database").len() == 2);
    app.finish().await;
}

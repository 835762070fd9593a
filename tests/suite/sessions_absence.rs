//! Ten minutes after the start it is decided who did not come: every row of the table, and every grace.

use chrono::TimeDelta;
use konnect::config::Rules;
use konnect::reservation;
use konnect::session::{self, Cause};
use konnect_tests::{Booking, Person, TestApp, instant};
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);
const DECIDED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// A paid session whose room has just opened, served by a process that is alive until after the decision.
async fn open(app: &TestApp) -> Booking {
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(10));
    app.run_jobs().await;
    app.keep_alive(booking.starts_at + TimeDelta::minutes(20)).await;
    booking
}

/// Somebody is in the room from `from` for `length`, with the clock moved to its end.
async fn stay(app: &TestApp, booking: &Booking, who: &Person, length: TimeDelta, cause: Cause) {
    let stay = app.enter(booking, who).await.expect("the room is open");
    app.advance(length);
    app.leave_room(stay, cause).await;
}

/// The moment of the decision.
async fn decide(app: &TestApp, booking: &Booking) {
    app.advance_to(booking.starts_at);
    app.run_jobs().await;
    app.advance_to(booking.starts_at + DECIDED_AFTER - SECOND);
    app.run_jobs().await;
    assert_eq!(app.state(booking).await, "in_session", "nobody is absent before ten minutes");
    app.advance(SECOND);
    app.run_jobs_twice().await;
}

async fn verdict(app: &TestApp, booking: &Booking) -> (String, Value) {
    let row: (String, String) =
        sqlx::query_as("SELECT verdict, facts FROM session_decisions WHERE reservation_id = ?")
            .bind(booking.id)
            .fetch_one(app.core.db.pool())
            .await
            .expect("a decision");
    (row.0, serde_json::from_str(&row.1).expect("JSON"))
}

/// The reviews that the platform opened about a booking.
async fn reviews(app: &TestApp, booking: &Booking) -> usize {
    let disputes = app.log_in(&booking.mentee).await.client.get("/v1/me/disputes").await.ok(200);
    disputes["items"].as_array().expect("items").iter().filter(|d| d["openedBy"] == "platform").count()
}

async fn strikes(app: &TestApp, booking: &Booking) -> usize {
    reservation::strikes(app.core.db.pool(), booking.mentor.id, 10).await.expect("the database").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_both_came_and_nothing_happens() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::seconds(60), Cause::Left).await;
    stay(&app, &booking, &booking.mentee, TimeDelta::seconds(60), Cause::Closed).await;
    decide(&app, &booking).await;
    assert_eq!(app.state(&booking).await, "in_session");
    let (verdict, facts) = verdict(&app, &booking).await;
    assert_eq!((&*verdict, &facts["mentor"]["seconds"]), ("met", &json!(60)));
    assert_eq!(reviews(&app, &booking).await, 0);
    app.reconcile().await;
    app.run_jobs().await;
    app.advance(TimeDelta::hours(49));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_whoever_is_there_at_the_moment_came() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::minutes(2), Cause::Left).await;
    app.advance_to(booking.starts_at + DECIDED_AFTER - SECOND);
    app.run_jobs().await;
    app.enter(&booking, &booking.mentee).await.expect("the room is open");
    app.advance(SECOND);
    app.run_jobs_twice().await;
    assert_eq!(app.state(&booking).await, "in_session");
    assert_eq!(verdict(&app, &booking).await.0, "met");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_mentee_who_does_not_come_has_paid_the_mentor() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::minutes(15), Cause::Left).await;
    decide(&app, &booking).await;
    assert_eq!(app.state(&booking).await, "no_show");
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    assert_eq!((strikes(&app, &booking).await, reviews(&app, &booking).await), (0, 0));
    let history = app.log_in(&booking.mentee).await.client.get(&format!("{}/history", booking.path())).await;
    let history = history.ok(200);
    let last = history.as_array().expect("rows").last().expect("a row");
    assert_eq!((&last["cause"], &last["actorKind"]), (&json!("no_show"), &json!("job")));

    // One minute later the door is closed, and the decision can be appealed (S68).
    app.advance(TimeDelta::minutes(1));
    assert_eq!(app.enter(&booking, &booking.mentee).await.expect_err("over").word(), "SESSION_NOT_LIVE");
    let path = app.open_dispute(&booking, &booking.mentee, "no_show", 50_000).await;
    app.run_jobs().await;
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    app.bring_to_review(&path, &booking.mentee).await;
    let admin = app.admin("judge").await;
    let decision = json!({
        "outcome": "upheld", "refund": 50_000, "bearer": "shared", "compensation": 0, "reason": "They were there.",
    });
    app.judge(&admin, &path, "decide", decision).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_mentor_who_does_not_come_gives_everything_back() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentee, TimeDelta::seconds(61), Cause::Closed).await;
    decide(&app, &booking).await;
    assert_eq!(app.state(&booking).await, "no_show");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.sandbox.payments()[0].balance_amount, 0);
    assert_eq!((strikes(&app, &booking).await, reviews(&app, &booking).await), (1, 0));
    for person in [&booking.mentee, &booking.mentor] {
        assert_eq!(app.notices_of(person, "reservation.no_show").await, 1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_nobody_came_and_the_money_waits() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    decide(&app, &booking).await;
    assert_eq!(app.state(&booking).await, "no_show");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "held");
    assert_eq!((strikes(&app, &booking).await, reviews(&app, &booking).await), (0, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_whoever_joins_and_drops_is_not_absent_but_unclear() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::minutes(5), Cause::Left).await;
    stay(&app, &booking, &booking.mentee, TimeDelta::seconds(30), Cause::Closed).await;
    stay(&app, &booking, &booking.mentee, TimeDelta::seconds(29), Cause::Closed).await;
    decide(&app, &booking).await;
    assert_eq!(app.state(&booking).await, "in_session", "nobody is marked");
    assert_eq!(verdict(&app, &booking).await.0, "unclear");
    assert_eq!((strikes(&app, &booking).await, reviews(&app, &booking).await), (0, 1));
    // The room stays open, and what the session earns is frozen until it is decided.
    app.enter(&booking, &booking.mentee).await.expect("the room is open");
    app.advance(TimeDelta::hours(50));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    assert_eq!(app.line_states(booking.id).await, ["frozen"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_nobody_is_blamed_for_our_own_outage() {
    // The processes that serve rooms fall silent at the start for so many seconds.
    for (silence, expected) in [(30, "mentee_absent"), (31, "outage")] {
        let app = TestApp::start().await;
        let booking = app.booking().await;
        app.pay(&booking).await;
        app.advance_to(booking.starts_at - TimeDelta::minutes(10));
        app.run_jobs().await;
        app.keep_alive(booking.starts_at).await;
        stay(&app, &booking, &booking.mentor, TimeDelta::minutes(10), Cause::Left).await;
        app.advance_to(booking.starts_at + TimeDelta::seconds(silence));
        app.keep_alive(booking.starts_at + TimeDelta::minutes(20)).await;
        app.run_jobs().await;
        app.advance_to(booking.starts_at + DECIDED_AFTER);
        app.run_jobs_twice().await;
        assert_eq!(verdict(&app, &booking).await.0, expected);
        let state = if expected == "outage" { "in_session" } else { "no_show" };
        assert_eq!(app.state(&booking).await, state);
        assert_eq!(reviews(&app, &booking).await, usize::from(expected == "outage"));
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_where_nobody_serves_rooms_nobody_is_marked() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at + DECIDED_AFTER);
    app.run_jobs_twice().await;
    assert_eq!(app.state(&booking).await, "in_session");
    assert_eq!(verdict(&app, &booking).await.0, "outage");
    assert_eq!(reviews(&app, &booking).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_a_side_that_an_outage_took_is_not_absent() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::seconds(20), Cause::Outage).await;
    stay(&app, &booking, &booking.mentee, TimeDelta::minutes(3), Cause::Left).await;
    decide(&app, &booking).await;
    assert_eq!(app.state(&booking).await, "in_session");
    assert_eq!(verdict(&app, &booking).await.0, "outage");
    assert_eq!(strikes(&app, &booking).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i20_a_decision_whose_job_is_lost_is_made_all_the_same() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::minutes(10), Cause::Left).await;
    app.run_jobs().await;
    let jobs = app.jobs_of("session.decide_no_show.v1").await;
    assert_eq!(jobs[0].run_at, booking.starts_at + DECIDED_AFTER);
    sqlx::query("DELETE FROM outbox WHERE kind = 'session.decide_no_show.v1'")
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
    app.advance_to(booking.starts_at + DECIDED_AFTER + TimeDelta::seconds(61));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "no_show");
    assert_eq!(verdict(&app, &booking).await.0, "mentee_absent");
    // Once it is decided, nobody asks again.
    app.advance(TimeDelta::minutes(2));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.jobs_of("session.decide_no_show.v1").await.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_leaves_it_to_administrators() {
    let app = TestApp::start_with(Rules { no_show_minutes: 0, ..Rules::default() }).await;
    let booking = open(&app).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(30));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "in_session");
    assert!(app.jobs_of("session.decide_no_show.v1").await.is_empty());
    let admin = app.admin("judge").await;
    let path = format!("/v1/admin/reservations/{}/no-show", booking.id);
    let body = json!({ "absent": "mentee", "reason": "By the record of the room." });
    admin.client.post(&path, body).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_who_was_in_the_room() {
    let app = TestApp::start().await;
    let booking = open(&app).await;
    stay(&app, &booking, &booking.mentor, TimeDelta::seconds(40), Cause::Left).await;
    decide(&app, &booking).await;
    let admin = app.log_in(&app.admin("judge").await).await;
    let cases = admin.client.get("/v1/admin/disputes").await.ok(200);
    let id = cases["items"][0]["id"].as_str().expect("a review").to_owned();
    let file = admin.client.get(&format!("/v1/admin/disputes/{id}")).await.ok(200);
    let seen = &file["presences"][0];
    assert_eq!((&seen["role"], &seen["cause"]), (&json!("mentor"), &json!("left")));
    let left = booking.starts_at - TimeDelta::minutes(10) + TimeDelta::seconds(40);
    assert_eq!(instant(&seen["leftAt"]), left);
    // The beats of processes that come later change nothing of it.
    session::beat(app.core.db.pool(), "late", app.now()).await.expect("the database");
    app.finish().await;
}

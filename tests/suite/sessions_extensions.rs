//! Going on after the end: more time, paid or free, when it is free for both.

use chrono::TimeDelta;
use konnect::availability::{self, NewSchedule};
use konnect::mentor::Kind;
use konnect::session;
use konnect_tests::{Booking, TestApp, instant, monday, weekdays};
use serde_json::{Value, json};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// A running session, an hour for ₩50,000 from 11:00 in Seoul, of a mentor who keeps 30 minutes free after each.
async fn running(app: &TestApp) -> Booking {
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    app.set_hours(&mentor, NewSchedule { buffer_after_min: 30, ..weekdays() }).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let booking = app.book(&mentor, &mentee, offering, monday() + TimeDelta::hours(26)).await;
    app.pay(&booking).await;
    app.meet(&booking).await;
    app.run_jobs().await;
    app.advance(TimeDelta::minutes(30));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "in_session");
    booking
}

async fn approve(app: &TestApp, extension: &Booking) -> Value {
    let mentor = app.log_in(&extension.mentor).await;
    mentor.client.post(&format!("{}/approve", extension.path()), json!({})).await.ok(200)
}

/// The cells of the mentor that a booking claims, as minutes after the session's start.
async fn cells(app: &TestApp, of: &Booking, session: &Booking) -> Vec<i64> {
    let rows: Vec<chrono::DateTime<chrono::Utc>> = sqlx::query_scalar(
        "SELECT cell_start FROM slot_claims WHERE reservation_id = ? AND person_id = ? ORDER BY cell_start",
    )
    .bind(of.id)
    .bind(of.mentor.id)
    .fetch_all(app.core.db.pool())
    .await
    .expect("the database");
    rows.into_iter().map(|at| (at - session.starts_at).num_minutes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_a_session_goes_on_in_the_same_room_when_it_is_paid() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    assert_eq!(cells(&app, &booking, &booking).await, [0, 15, 30, 45, 60, 75]);
    let extension = app.extended(&booking, 30).await;
    assert_eq!((extension.price, extension.starts_at), (25_000, booking.starts_at + TimeDelta::hours(1)));
    assert_eq!(app.state(&extension).await, "requested");
    assert_eq!(cells(&app, &booking, &booking).await, [0, 15, 30, 45], "its buffer has moved on");
    assert_eq!(cells(&app, &extension, &booking).await, [60, 75, 90, 105]);
    let asked = app.room(&booking, &booking.mentor).await;
    let shown = &asked["extension"];
    assert_eq!((&shown["reservationId"], &shown["minutes"]), (&json!(extension.id), &json!(30)));
    assert_eq!(instant(&shown["deadline"]), app.now() + TimeDelta::minutes(5));
    app.extend(&booking, 15).await.problem(409, "session.extension_pending");
    app.run_jobs().await;
    let mentor = app.log_in(&booking.mentor).await;
    let view = mentor.client.get(&extension.path()).await.ok(200);
    let actions: Vec<&str> =
        view["actions"].as_array().expect("actions").iter().filter_map(|a| a["action"].as_str()).collect();
    assert_eq!(actions, ["approve", "reject", "give_free", "cancel"]);
    assert_eq!(view["extends"], json!(booking.id));

    let approved = approve(&app, &extension).await;
    assert_eq!(approved["state"], "awaiting_payment");
    assert_eq!(instant(&approved["holdUntil"]), app.now() + TimeDelta::minutes(5));
    let extension = Booking { mentee: app.log_in(&booking.mentee).await, ..extension };
    app.pay(&extension).await;
    app.run_jobs_twice().await;
    assert!(app.jobs_of("reservation.remind.v1").await.iter().all(|j| j.subject != Some(extension.id.0)));

    // The room is that of the session, and longer; the extension has none.
    let rules = &app.core.rules;
    let admission = session::admit(app.core.db.pool(), booking.id, booking.mentee.id, app.now(), rules);
    let admission = admission.await.expect("the room is open");
    assert_eq!(admission.ends_at, booking.starts_at + TimeDelta::minutes(90));
    assert_eq!(app.enter(&extension, &booking.mentee).await.expect_err("no room").word(), "SESSION_NOT_LIVE");
    assert_eq!(app.room(&extension, &booking.mentee).await["room"], json!(booking.id));

    app.advance_to(extension.starts_at);
    app.run_jobs().await;
    assert_eq!(app.state(&extension).await, "in_session");
    app.advance_to(extension.starts_at + TimeDelta::minutes(30 + 15) - SECOND);
    app.run_jobs().await;
    app.enter(&booking, &booking.mentee).await.expect("the grace after the extension");
    assert!(app.jobs_of("session.decide_no_show.v1").await.iter().all(|j| j.subject != Some(extension.id.0)));
    app.advance(TimeDelta::hours(50));
    app.reconcile().await;
    app.run_jobs_twice().await;
    for (which, sum) in [(&booking, [50_000, 0, -42_500, -7_500]), (&extension, [25_000, 0, -21_250, -3_750])]
    {
        assert_eq!(app.state(which).await, "completed");
        assert_eq!(app.ledger(which.id).await, sum);
        assert_eq!(app.claims(which.id).await, 0, "I4");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_a_mentor_gives_the_time_for_nothing() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let extension = app.extended(&booking, 15).await;
    let given = app.give(&booking, &extension).await.ok(200);
    assert_eq!((&given["state"], &given["price"]), (&json!("confirmed"), &json!(0)));
    app.give(&booking, &extension).await.problem(409, "reservation.not_allowed");
    app.run_jobs_twice().await;
    assert_eq!(
        app.notices_of(&booking.mentee, "reservation.confirmed").await,
        2,
        "the session and more of it"
    );
    app.advance_to(extension.starts_at);
    app.run_jobs().await;
    assert_eq!(app.state(&extension).await, "in_session");
    app.advance(TimeDelta::hours(50));
    app.reconcile().await;
    app.run_jobs_twice().await;
    assert_eq!(app.state(&extension).await, "completed");
    assert_eq!(app.ledger(extension.id).await, [0, 0, 0, 0]);
    assert_eq!(app.line_states(extension.id).await, Vec::<String>::new());
    assert_eq!(app.sandbox.payments().len(), 1, "nothing was charged");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_what_is_refused_or_not_paid_gives_its_time_back() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let whole = [0, 15, 30, 45, 60, 75];

    let rejected = app.extended(&booking, 15).await;
    let mentor = app.log_in(&booking.mentor).await;
    mentor.client.post(&format!("{}/reject", rejected.path()), json!({ "reason": "no time" })).await.ok(200);
    assert_eq!(cells(&app, &booking, &booking).await, whole, "the buffer is back");

    let ignored = app.extended(&booking, 15).await;
    app.advance(TimeDelta::minutes(5));
    app.run_jobs_twice().await;
    assert_eq!(app.state(&ignored).await, "expired");
    assert_eq!(cells(&app, &booking, &booking).await, whole);

    let unpaid = app.extended(&booking, 60).await;
    approve(&app, &unpaid).await;
    app.advance(TimeDelta::minutes(5) - SECOND);
    app.run_jobs().await;
    assert_eq!(app.state(&unpaid).await, "awaiting_payment");
    app.advance(SECOND);
    app.run_jobs_twice().await;
    assert_eq!(app.state(&unpaid).await, "expired");
    assert_eq!(cells(&app, &booking, &booking).await, whole);
    // Its moment has passed: it cannot be paid again.
    let mentee = app.log_in(&booking.mentee).await;
    let order = mentee.client.post(&format!("{}/payment-orders", unpaid.path()), json!({})).await;
    order.problem(409, "reservation.not_allowed");
    let view = mentee.client.get(&unpaid.path()).await.ok(200);
    assert_eq!(view["actions"], json!([]));
    for which in [&rejected, &ignored, &unpaid] {
        assert_eq!(app.claims(which.id).await, 0, "I4");
    }

    // Shortly before the end there is less time to answer.
    app.advance_to(booking.starts_at + TimeDelta::minutes(58));
    app.run_jobs().await;
    let late = app.extended(&booking, 15).await;
    let shown = app.room(&booking, &booking.mentee).await;
    assert_eq!(instant(&shown["extension"]["deadline"]), booking.starts_at + TimeDelta::hours(1));
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    assert_eq!(app.state(&late).await, "expired");
    app.extend(&booking, 15).await.problem(409, "reservation.not_allowed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_time_that_somebody_has_is_not_given() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    app.set_hours(&mentor, NewSchedule { buffer_after_min: 30, ..weekdays() }).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let starts_at = monday() + TimeDelta::hours(26);
    let booking = app.book(&mentor, &mentee, offering, starts_at).await;
    app.pay(&booking).await;
    // The mentor's next session begins two hours after this one: an hour after its end, half of it buffer.
    let next = app.mentee("next").await;
    let following = app.book(&mentor, &next, offering, starts_at + TimeDelta::hours(2)).await;
    app.pay(&following).await;
    app.meet(&booking).await;
    app.run_jobs().await;
    app.advance(TimeDelta::minutes(40));
    app.run_jobs().await;

    let taken = app.extend(&booking, 45).await.problem(409, "session.extension_taken");
    assert_eq!(taken["context"], json!({ "minutesLeft": 20, "minutesFree": 30 }));
    let before = cells(&app, &booking, &booking).await;
    assert_eq!(before, [0, 15, 30, 45, 60, 75], "a refusal moves nothing");
    let extension = app.extended(&booking, 30).await;
    let taken = app.extend(&booking, 15).await.problem(409, "session.extension_pending");
    assert_eq!(taken["code"], "session.extension_pending");
    app.give(&booking, &extension).await.ok(200);
    // A second one after the first has no room left.
    let taken = app.extend(&booking, 15).await.problem(409, "session.extension_taken");
    assert_eq!(taken["context"], json!({ "minutesLeft": 50, "minutesFree": 0 }));
    app.run_jobs().await;

    // Only the mentee asks, for whole quarters, and only while the session runs.
    let body = json!({ "minutes": 15 });
    let asks = format!("{}/extensions", booking.path());
    app.log_in(&mentor).await.client.post(&asks, body.clone()).await.problem(409, "reservation.not_allowed");
    next.client.post(&asks, body.clone()).await.problem(401, "auth.token_expired");
    app.log_in(&next).await.client.post(&asks, body.clone()).await.problem(404, "reservation.not_found");
    for bad in [0, 10, 20, 75, -15] {
        app.extend(&booking, bad).await.problem(400, "request.invalid");
    }
    let ahead = format!("{}/extensions", following.path());
    app.log_in(&next).await.client.post(&ahead, body).await.problem(409, "reservation.not_allowed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_an_extension_and_a_booking_race_for_the_same_time() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let hours = NewSchedule { min_notice_min: 0, slot_interval_min: 15, ..weekdays() };
    app.set_hours(&mentor, hours).await;
    let hour = app.offering(&mentor, Kind::Instant, 60, 50_001).await;
    let half = app.offering(&mentor, Kind::Instant, 30, 20_000).await;
    for round in 0..6 {
        let starts_at = monday() + TimeDelta::days([1, 2, 3, 4, 7, 8][round]) + TimeDelta::hours(2);
        let (by, mentee) = (app.log_in(&mentor).await, app.log_in(&mentee).await);
        let booking = app.book(&by, &mentee, hour, starts_at).await;
        app.pay(&booking).await;
        app.meet(&booking).await;
        app.run_jobs().await;
        app.advance(TimeDelta::minutes(40));
        app.run_jobs().await;
        let rival = app.mentee(&format!("rival{round}")).await;
        let (extended, reserved) = tokio::join!(
            app.extend(&booking, 30),
            app.reserve(&rival, half, starts_at + TimeDelta::hours(1))
        );
        match (extended.status.as_u16(), reserved.status.as_u16()) {
            (201, 409) => {
                assert_eq!(extended.body["price"], 25_000, "rounded down to whole won");
                reserved.problem(409, "slot.taken");
            }
            (409, 201) => {
                let taken = extended.problem(409, "session.extension_taken");
                assert_eq!(taken["context"]["minutesFree"], 0);
            }
            other => panic!("round {round}: {other:?}"),
        }
        app.advance(TimeDelta::minutes(20));
        app.run_jobs().await;
        app.expect_sound().await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_an_extension_is_answered_until_its_deadline_whenever_its_job_runs() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let extension = app.extended(&booking, 30).await;
    app.run_jobs().await;
    app.advance(TimeDelta::minutes(5));
    let mentor = app.log_in(&booking.mentor).await;
    let approve = format!("{}/approve", extension.path());
    mentor.client.post(&approve, json!({})).await.problem(409, "session.extension_over");
    app.give(&booking, &extension).await.problem(409, "session.extension_over");
    let view = mentor.client.get(&extension.path()).await.ok(200);
    let actions: Vec<_> = view["actions"].as_array().into_iter().flatten().map(|a| &a["action"]).collect();
    assert_eq!(actions, ["reject", "cancel"], "what is listed can be done");
    app.run_jobs_twice().await;
    assert_eq!(app.state(&extension).await, "expired");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_an_early_end_gives_back_what_was_paid_for_more_time() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let extension = app.extended(&booking, 30).await;
    approve(&app, &extension).await;
    let extension = Booking { mentee: app.log_in(&booking.mentee).await, ..extension };
    app.pay(&extension).await;
    let ended = app.ask_end(&booking, &booking.mentor).await.ok(200);
    assert_eq!(ended["state"], "in_session");
    app.ask_end(&booking, &booking.mentee).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(
        (app.state(&booking).await, app.state(&extension).await),
        ("completed".into(), "cancelled".into())
    );
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    assert_eq!(app.ledger(extension.id).await, [0, 0, 0, 0]);
    let strikes = konnect::reservation::strikes(app.core.db.pool(), booking.mentor.id, 10).await;
    assert!(strikes.expect("the database").is_empty(), "nobody is to blame");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_an_early_end_within_the_extension_ends_both() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let extension = app.extended(&booking, 30).await;
    app.give(&booking, &extension).await.ok(200);
    app.advance_to(extension.starts_at + TimeDelta::minutes(10));
    app.run_jobs().await;
    app.ask_end(&booking, &booking.mentor).await.ok(200);
    app.ask_end(&extension, &booking.mentee).await.ok(200);
    app.run_jobs().await;
    assert_eq!(
        (app.state(&booking).await, app.state(&extension).await),
        ("completed".into(), "completed".into())
    );
    let client = app.log_in(&booking.mentee).await.client;
    assert!(client.get(&booking.path()).await.ok(200).get("actualMinutes").is_none(), "it was whole");
    assert_eq!(client.get(&extension.path()).await.ok(200)["actualMinutes"], 10);
    assert_eq!(app.enter(&booking, &booking.mentee).await.expect_err("over").word(), "SESSION_NOT_LIVE");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_a_session_that_comes_to_nothing_takes_its_extension_with_it() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let extension = app.extended(&booking, 30).await;
    approve(&app, &extension).await;
    let extension = Booking { mentee: app.log_in(&booking.mentee).await, ..extension };
    app.pay(&extension).await;
    let admin = app.admin("judge").await;
    let alone = format!("/v1/admin/reservations/{}/no-show", extension.id);
    let absent = json!({ "absent": "mentor", "reason": "by the record" });
    let admin = app.log_in(&admin).await;
    admin.client.post(&alone, absent.clone()).await.problem(409, "dispute.not_possible");
    admin.client.post(&format!("/v1/admin/reservations/{}/no-show", booking.id), absent).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(
        (app.state(&booking).await, app.state(&extension).await),
        ("no_show".into(), "cancelled".into())
    );
    assert_eq!(app.ledger(extension.id).await, [0, 0, 0, 0]);
    assert_eq!(app.claims(extension.id).await, 0, "I4");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_an_extension_that_outlives_its_session_is_found() {
    let app = TestApp::start().await;
    let booking = running(&app).await;
    let extension = app.extended(&booking, 30).await;
    app.give(&booking, &extension).await.ok(200);
    let admin = app.log_in(&app.admin("judge").await).await;
    let body = json!({ "reason": "a mistake", "refund": "full" });
    admin.client.post(&format!("/v1/admin/reservations/{}/cancel", booking.id), body).await.ok(200);
    sqlx::query("DELETE FROM outbox WHERE kind = 'session.end_extensions.v1'")
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
    app.run_jobs().await;
    assert_eq!(app.state(&extension).await, "confirmed");
    app.advance(TimeDelta::seconds(61));
    app.reconcile().await;
    app.run_jobs_twice().await;
    assert_eq!(app.state(&extension).await, "cancelled");
    let free = availability::schedule(app.core.db.pool(), booking.mentor.id).await.expect("a schedule");
    assert_eq!(free.settings.buffer_after_min, 30);
    app.finish().await;
}

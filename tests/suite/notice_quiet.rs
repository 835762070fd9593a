//! Quiet hours: what waits for their end, and what does not.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::job::{DeliverNotice, Job};
use konnect_tests::{Person, TestApp, happening};
use reqwest::Method;
use serde_json::json;

const PATH: &str = "/v1/me/notification-hours";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// How many mails somebody has, after everything that is due by then ran.
async fn mails_at(app: &TestApp, person: &Person, when: DateTime<Utc>) -> usize {
    app.advance_to(when);
    app.run_jobs().await;
    app.sandbox.mails_to(&person.email).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_wait_comes_when_the_night_is_over_in_seoul() {
    let mut app = TestApp::start().await;
    app.enable_push();
    let (mentee, other) = (app.mentee("mentee").await, app.mentee("other").await);
    app.add_device(&mentee, "fcm:phone").await;
    app.rest(&mentee, "22:00", "07:00").await.ok(200);
    app.advance_to(at("2026-03-02T13:00:00Z"));
    app.enqueue(&happening("night", "reservation.confirmed", &[&mentee, &other])).await;
    app.run_jobs_twice().await;
    assert_eq!(
        app.told(&mentee, "reservation.confirmed").await,
        [("email", "queued"), ("in_app", "stored"), ("push", "queued")]
    );
    assert_eq!(app.sandbox.mails_to(&other.email).len(), 1, "who sleeps at other hours is told at once");
    let morning = at("2026-03-02T22:00:00Z");
    assert_eq!(mails_at(&app, &mentee, morning - TimeDelta::seconds(1)).await, 0);
    assert!(app.sandbox.pushes().is_empty());
    assert_eq!(mails_at(&app, &mentee, morning).await, 1);
    assert_eq!(app.sandbox.pushes().len(), 1);
    let jobs = app.jobs_in("done").await;
    let deliveries = jobs.iter().filter(|job| job.kind == DeliverNotice::KIND);
    assert!(deliveries.into_iter().all(|job| job.attempts <= 2), "waiting is no failure");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_wait_is_told_in_the_night() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    app.rest(&mentee, "22:00", "07:00").await.ok(200);
    app.advance_to(at("2026-03-02T14:00:00Z"));
    let urgent = ["reservation.payment_declined", "reservation.hold_ending", "security.new_login"];
    for kind in urgent {
        app.enqueue(&happening(kind, kind, &[&mentee])).await;
    }
    // Its session begins before the morning, and the other one's after it.
    let mut early = happening("early", "reservation.confirmed", &[&mentee]);
    early.data["startsAt"] = json!("2026-03-02T21:30:00Z");
    app.enqueue(&early).await;
    let mut reminder = happening("reminder", "reservation.reminder", &[&mentee]);
    reminder.data["lead"] = json!("10m");
    app.enqueue(&reminder).await;
    app.enqueue(&happening("late", "reservation.cancelled", &[&mentee])).await;
    app.run_jobs().await;
    for kind in urgent.iter().chain(&["reservation.confirmed", "reservation.reminder"]) {
        assert!(app.told(&mentee, kind).await.contains(&("email", "sent")), "{kind}");
    }
    assert_eq!(app.told(&mentee, "reservation.cancelled").await, [("email", "queued"), ("in_app", "stored")]);
    assert_eq!(mails_at(&app, &mentee, at("2026-03-02T22:00:00Z")).await, 6);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setting_of_the_moment_counts_and_so_does_the_clock_of_the_place() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let profile = mentee.client.get("/v1/me").await.ok(200);
    let move_to = json!({ "expectedVersion": profile["version"], "timeZone": "Europe/Berlin" });
    mentee.client.send(Method::PATCH, "/v1/me", Some(move_to), &[]).await.ok(200);
    app.rest(&mentee, "23:00", "07:00").await.ok(200);
    // The night in which the clock is put forward ends an hour earlier.
    app.advance_to(at("2026-03-28T23:00:00Z"));
    let mut event = happening("spring", "reservation.completed", &[&mentee]);
    event.data["startsAt"] = json!("2026-03-28T10:00:00Z");
    app.enqueue(&event).await;
    assert_eq!(mails_at(&app, &mentee, at("2026-03-29T04:59:59Z")).await, 0);
    let shown = app.rest(&mentee, "23:00", "09:00").await.ok(200);
    assert_eq!(
        (&shown["quiet"], &shown["timeZone"]),
        (&json!({ "start": "23:00", "end": "09:00" }), &json!("Europe/Berlin"))
    );
    assert_eq!(mails_at(&app, &mentee, at("2026-03-29T05:00:00Z")).await, 0, "the morning was moved");
    assert_eq!(mails_at(&app, &mentee, at("2026-03-29T07:00:00Z")).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    for (start, end) in
        [("22:00", "22:00"), ("00:00", "24:00"), ("05:00", "22:00"), ("7:00", "08:00"), ("", "07:00")]
    {
        let refused = app.rest(&mentee, start, end).await.problem(422, "notice.quiet_hours_invalid");
        assert_eq!(refused["field"], "quiet", "{start} {end}");
    }
    let put = async |body| mentee.client.send(Method::PUT, PATH, Some(body), &[]).await;
    put(json!({ "digestHour": 24 })).await.problem(422, "notice.digest_hour_invalid");
    put(json!({ "quiet": { "start": "22:00:00", "end": "07:00" } })).await.problem(400, "request.invalid");
    put(json!({ "quiet": { "start": "22:00", "end": "07:00", "zone": "Mars" } }))
        .await
        .problem(400, "request.invalid");
    let version = mentee.client.get("/v1/me").await.ok(200)["version"].clone();
    let zone = json!({ "expectedVersion": version, "timeZone": "Mars/Olympus" });
    mentee.client.send(Method::PATCH, "/v1/me", Some(zone), &[]).await.problem(422, "user.invalid_time_zone");
    assert_eq!(mentee.client.get(PATH).await.ok(200), json!({ "digestHour": 9, "timeZone": "Asia/Seoul" }));
    app.rest(&mentee, "22:00", "07:00").await.ok(200);
    put(json!({ "digestHour": 8 })).await.ok(200);
    assert_eq!(mentee.client.get(PATH).await.ok(200), json!({ "digestHour": 8, "timeZone": "Asia/Seoul" }));
    app.finish().await;
}

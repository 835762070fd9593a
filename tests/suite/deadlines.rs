//! Deadlines and reminders.

use chrono::{TimeDelta, Timelike};
use konnect::availability::NewSchedule;
use konnect::id::OfferingId;
use konnect::job::{ExpireHold, Job, NotifyEvent, RemindReservation, WarnHold};
use konnect::mentor::Kind;
use konnect::outbox;
use konnect::transact;
use konnect_tests::{Booking, TestApp, instant, monday, weekdays};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn s57_a_reminder_in_flight_when_its_booking_is_cancelled_says_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::hours(24));
    // The reminder is on its way to a worker when the cancellation commits.
    let delivery = app.take_due().await.expect("the reminder");
    assert_eq!(app.job(delivery.job_id).await.kind, RemindReservation::KIND);
    let mentee = app.log_in(&booking.mentee).await;
    let version = mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "ill", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);

    app.executor.execute(delivery).await.expect("the database");
    app.run_jobs().await;

    assert_eq!(app.notices_of(&booking.mentee, "reservation.reminder").await, 0);
    let waiting = app.jobs_in("pending").await;
    assert!(
        waiting.iter().all(|j| j.subject != Some(booking.id.0)),
        "a dead booking has no deadlines: {waiting:?}"
    );
    app.finish().await;
}

/// A booking whose reminder of the day before waits for the end of the mentee's quiet hours, three hours later.
async fn with_waiting_reminder(app: &TestApp) -> Booking {
    let booking = app.paid_booking().await;
    let local = booking.starts_at.with_timezone(&chrono_tz::Asia::Seoul).hour();
    let clock = |hour: u32| format!("{:02}:00", hour % 24);
    app.rest(&booking.mentee, &clock(local + 23), &clock(local + 3)).await.ok(200);
    app.advance_to(booking.starts_at - TimeDelta::hours(24));
    app.run_jobs().await;
    let waits = [("email", "queued"), ("in_app", "stored")];
    assert_eq!(app.told(&booking.mentee, "reservation.reminder").await, waits);
    booking
}

/// The quiet hours end, and nobody is reminded.
async fn expect_no_reminder(app: &TestApp, booking: &Booking) {
    app.run_jobs().await;
    app.advance(TimeDelta::hours(3));
    app.run_jobs().await;
    let (state, why) = app.mail_outcome(&booking.mentee, "reservation.reminder").await;
    assert_eq!((state, why.as_deref()), ("skipped", Some("it is not so any more")));
}

#[tokio::test(flavor = "multi_thread")]
async fn s57_a_reminder_that_waits_for_the_morning_dies_with_its_booking() {
    let app = TestApp::start().await;
    let booking = with_waiting_reminder(&app).await;
    app.cancel(&booking, &booking.mentor).await;
    expect_no_reminder(&app, &booking).await;
    assert!(app.told(&booking.mentee, "reservation.cancelled").await.contains(&("email", "sent")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s57_a_reminder_that_waits_for_the_morning_is_of_the_old_time_when_the_booking_moves() {
    let app = TestApp::start().await;
    let booking = with_waiting_reminder(&app).await;
    app.propose(&booking, &booking.mentee, booking.starts_at + TimeDelta::hours(24)).await.ok(201);
    expect_no_reminder(&app, &booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pays_between_the_warning_and_its_notices_is_not_warned() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.advance(TimeDelta::minutes(10));
    let warning = app.take_due_of(WarnHold::KIND).await;
    app.run_delivery(warning).await;
    let notices = app.take_due_of(NotifyEvent::KIND).await;
    app.pay(&booking).await;
    app.run_delivery(notices).await;
    app.run_jobs().await;
    assert_eq!(app.told(&booking.mentee, "reservation.hold_ending").await, []);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s57_a_booking_is_cancelled_between_its_reminder_and_the_notices() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.advance_to(booking.starts_at - TimeDelta::hours(24));
    let reminder = app.take_due_of(RemindReservation::KIND).await;
    app.run_delivery(reminder).await;
    let notices = app.take_due_of(NotifyEvent::KIND).await;
    app.cancel(&booking, &booking.mentee).await;
    app.run_delivery(notices).await;
    app.run_jobs().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.told(person, "reservation.reminder").await, []);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s58_reminders_that_waited_for_us_do_not_come_together() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    // Nobody worked for a day.
    app.advance_to(booking.starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.told(person, "reservation.reminder").await, [("email", "sent"), ("in_app", "stored")]);
        let mails = app.sandbox.mails_to(&person.email);
        let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
        assert!(subjects.contains(&"세션이 곧 시작합니다"), "five minutes are not ten: {subjects:?}");
        let shown = app.log_in(person).await.client.get("/v1/me/notices").await.ok(200);
        let mut shown = shown["items"].as_array().expect("notices").iter();
        let reminder = shown.find(|notice| notice["kind"] == "reservation.reminder").expect("one");
        assert_eq!(reminder["title"], "Your session starts soon");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s58_a_late_booking_gets_only_the_reminders_that_lie_ahead() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let mut hours = konnect_tests::weekdays();
    hours.min_notice_min = 0;
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    app.advance(TimeDelta::minutes(25));
    let mentee = app.mentee("mentee").await;
    let soon = konnect_tests::monday() + TimeDelta::minutes(30);
    let booking = app.book(&mentor, &mentee, offering, soon).await;
    app.pay(&booking).await;
    assert!(app.jobs_of(RemindReservation::KIND).await.is_empty(), "five minutes before: no burst");

    let later = app.mentee("later").await;
    let next = app.book(&mentor, &later, offering, soon + TimeDelta::minutes(60)).await;
    app.pay(&next).await;
    let leads: Vec<_> = app.jobs_of(RemindReservation::KIND).await.into_iter().map(|j| j.payload).collect();
    assert_eq!(leads.len(), 2, "one hour and ten minutes: {leads:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s60_the_same_event_enqueued_twice_makes_one_notice_per_channel() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let event = || NotifyEvent {
        event_key: "the-same".into(),
        kind: "reservation.confirmed".into(),
        people: vec![mentee.id],
        reservation_id: None,
        data: json!({ "title": "Rust 멘토링", "startsAt": app.now(), "timeZone": "Asia/Seoul" }),
        expires_at: None,
    };
    for _ in 0..2 {
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &event()).await })
            .expect("the outbox");
    }
    app.run_jobs().await;
    let notices: Vec<(String, i64)> = sqlx::query_as(
        "SELECT channel, COUNT(*) FROM notices WHERE user_id = ? GROUP BY channel ORDER BY channel",
    )
    .bind(mentee.id)
    .fetch_all(app.core.db.pool())
    .await
    .expect("the database");
    assert_eq!(notices, [("email".to_owned(), 1), ("in_app".to_owned(), 1)]);
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i20_every_deadline_shown_is_a_job_and_a_lost_one_is_written_again() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let view = booking.mentee.client.get(&booking.path()).await.ok(200);
    let jobs = app.jobs_of(ExpireHold::KIND).await;
    assert_eq!(jobs.len(), 1);
    let shown: chrono::DateTime<chrono::Utc> =
        view["holdUntil"].as_str().expect("a deadline").parse().expect("an instant");
    assert_eq!(jobs[0].run_at, shown);
    sqlx::query("DELETE FROM outbox").execute(app.core.db.pool()).await.expect("the outbox");
    app.advance(TimeDelta::minutes(17));
    let broken = app.audit().await;
    assert_eq!(broken.iter().map(|v| v.check).collect::<Vec<_>>(), ["I20-hold"]);

    app.reconcile().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "expired");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_job_of_an_older_hold_does_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.advance(TimeDelta::minutes(15));
    let old = app.take_due().await.expect("the expiry, or a notice");
    app.executor.execute(old).await.expect("the database");
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{}/payment-orders", booking.path()), json!({})).await.ok(200);
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    let again = app.deliver_again(old.job_id).await.expect("no twin waits");
    app.executor.execute(again).await.expect("the database");
    assert_eq!(app.state(&booking).await, "awaiting_payment", "the new hold has a deadline of its own");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leaves_its_mentor_time_to_answer() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let hours = NewSchedule { min_notice_min: 0, slot_interval_min: 15, ..weekdays() };
    app.set_hours(&mentor, hours).await;
    let at_once = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let asked = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let first = async |offering: OfferingId| {
        let listing = app.anonymous().get(&format!("/v1/offerings/{offering}/slots")).await.ok(200);
        instant(&listing["slots"][0]["startsAt"])
    };
    assert_eq!(first(at_once).await, monday());
    let earliest = monday() + TimeDelta::minutes(75);
    assert_eq!(first(asked).await, earliest);

    let mentee = app.mentee("mentee").await;
    let soon = earliest - TimeDelta::minutes(15);
    app.reserve(&mentee, asked, soon).await.problem(422, "slot.too_soon");
    let why = format!("/v1/offerings/{asked}/slots/explain?start={}", soon.format("%Y-%m-%dT%H:%M:%SZ"));
    assert_eq!(mentor.client.get(&why).await.ok(200)["times"][0]["reason"], "too_soon");
    let booking = app.book(&mentor, &mentee, asked, earliest).await;
    app.advance(TimeDelta::minutes(14));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "requested");
    mentor.client.post(&format!("{}/approve", booking.path()), json!({})).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

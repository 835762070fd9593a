//! What people are told of on the way of a booking, and what they are not.

use chrono::TimeDelta;
use konnect::job::{AskReview, Job, WarnHold};
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{TestApp, happening};

const BOTH: [(&str, &str); 2] = [("email", "sent"), ("in_app", "stored")];

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_a_slot_is_told_five_minutes_before_it_is_given_up() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(app.told(&booking.mentee, "reservation.hold_ending").await, []);
    app.advance(TimeDelta::seconds(1));
    app.run_jobs_twice().await;
    assert_eq!(app.told(&booking.mentee, "reservation.hold_ending").await, BOTH);
    assert_eq!(
        app.told(&booking.mentor, "reservation.hold_ending").await,
        [],
        "it is not the mentor's to pay"
    );
    app.pay(&booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_paid_or_given_up_is_not_told_that_a_hold_ends() {
    let app = TestApp::start().await;
    let paid = app.booking().await;
    app.pay(&paid).await;
    assert!(app.jobs_of(WarnHold::KIND).await.iter().all(|job| job.state == "cancelled"));
    let starts_at = paid.starts_at + TimeDelta::hours(2);
    let given_up = app.book(&paid.mentor, &paid.mentee, paid.offering, starts_at).await;
    // Its warning is on the way to a worker when the cancellation commits.
    app.advance(TimeDelta::minutes(10));
    let warning = app.take_due().await.expect("the warning");
    assert_eq!(app.job(warning.job_id).await.kind, WarnHold::KIND);
    app.cancel(&given_up, &paid.mentee).await;
    app.run_delivery(warning).await;
    app.run_jobs().await;
    assert_eq!(app.told(&paid.mentee, "reservation.hold_ending").await, []);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_both_sides_of_a_session_that_took_place_are_asked_once() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.told(person, "review.requested").await, BOTH);
    }
    let asked = app.jobs_of(AskReview::KIND).await.remove(0);
    let again = app.deliver_again(asked.id).await.expect("no twin waits");
    app.run_delivery(again).await;
    app.run_jobs().await;
    assert_eq!(app.told(&booking.mentee, "review.requested").await, BOTH);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_whoever_has_written_is_not_asked_to() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(1));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{}/complete", booking.path()), serde_json::json!({})).await.ok(200);
    app.published_review(&booking, 4).await;
    app.advance(TimeDelta::hours(2));
    app.run_jobs().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.told(person, "review.requested").await, []);
        assert_eq!(app.told(person, "review.published").await, BOTH);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_nobody_is_asked_about_a_session_whose_money_went_back() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let admin = app.admin("admin").await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(1));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{}/complete", booking.path()), serde_json::json!({})).await.ok(200);
    app.run_jobs().await;
    let jobs = app.jobs_of(AskReview::KIND).await;
    assert_eq!(jobs[0].run_at, booking.starts_at + TimeDelta::hours(3), "two hours after its end");
    app.refund(&admin, &booking, 1_000, "platform").await.ok(201);
    app.advance(TimeDelta::hours(2));
    app.run_jobs().await;
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.told(person, "review.requested").await, []);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s59_a_reminder_is_dropped_after_the_start_and_a_receipt_is_not() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    let starts_at = app.now() + TimeDelta::minutes(10);
    let mut reminder = happening("reminder", "reservation.reminder", &[&mentee]);
    reminder.data["startsAt"] = serde_json::json!(starts_at);
    reminder.expires_at = Some(starts_at);
    app.sandbox.fault(Fault::always(Endpoint::Smtp, Effect::Status(451)));
    app.enqueue(&reminder).await;
    app.enqueue(&happening("receipt", "payment.refunded", &[&mentee])).await;
    for _ in 0..8 {
        app.run_jobs().await;
        app.advance(TimeDelta::minutes(8));
    }
    assert!(app.sandbox.mails_to(&mentee.email).is_empty());
    let why = app.all_notices_of(&mentee).await.into_iter().find(|n| n.kind == "payment.refunded");
    assert!(why.is_some_and(|n| n.channel.name() != "email" || n.error.is_some()));
    app.sandbox.clear_faults();
    app.advance(TimeDelta::hours(2));
    app.run_jobs().await;
    assert_eq!(app.told(&mentee, "reservation.reminder").await, [("email", "skipped"), ("in_app", "stored")]);
    assert_eq!(app.told(&mentee, "payment.refunded").await, BOTH);
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 1);
    app.finish().await;
}

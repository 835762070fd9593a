//! Mentors who are suspended with bookings ahead: nobody waits for them, and nobody loses a won.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect_tests::{Booking, Person, TestApp, monday};
use serde_json::json;

/// Bookings of one mentor, an hour after one another, each with a mentee of its own: the first `paid` of them are.
async fn bookings(app: &TestApp, count: i64, paid: usize) -> Vec<Booking> {
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let mut bookings = Vec::new();
    for number in 0..count {
        let mentee = app.mentee(&format!("mentee{number}")).await;
        let starts_at = monday() + TimeDelta::hours(24 + number);
        bookings.push(app.book(&mentor, &mentee, offering, starts_at).await);
    }
    for booking in &bookings[..paid] {
        app.pay(booking).await;
    }
    bookings
}

async fn act(app: &TestApp, admin: &Person, mentor: &Person, what: &str) {
    let admin = app.log_in(admin).await;
    let path = format!("/v1/admin/users/{}/{what}", mentor.id);
    admin.client.post(&path, json!({ "reason": "misuse" })).await.ok(200);
}

async fn states(app: &TestApp, bookings: &[Booking]) -> Vec<String> {
    let mut states = Vec::new();
    for booking in bookings {
        states.push(app.state(booking).await);
    }
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_what_a_suspended_mentor_has_ahead_is_cancelled_given_back_and_told() {
    let app = TestApp::start().await;
    let bookings = bookings(&app, 3, 2).await;
    let (admin, mentor) = (app.admin("admin").await, bookings[0].mentor.clone());
    app.run_jobs().await;

    act(&app, &admin, &mentor, "suspend").await;
    app.run_jobs_twice().await;

    assert_eq!(states(&app, &bookings).await, ["cancelled"; 3]);
    for booking in &bookings[..2] {
        assert_eq!(app.balance_at_provider(booking).await, 0);
        assert_eq!(app.refund_states(booking).await, ["done"]);
    }
    for booking in &bookings {
        assert_eq!(app.claims(booking.id).await, 0, "I4");
        let told = app.told(&booking.mentee, "reservation.cancelled").await;
        assert!(told.contains(&("in_app", "stored")) && told.contains(&("email", "sent")), "{told:?}");
    }
    assert_eq!(
        app.told(&mentor, "reservation.cancelled").await.iter().filter(|(on, _)| *on == "in_app").count(),
        3
    );
    let mail = app.mails_about(&bookings[0].mentee, "reservation.cancelled").await.pop().expect("a mail");
    assert!(mail.text.contains("멘토가 더 이상 세션을 진행할 수 없게 되었습니다"), "{}", mail.text);
    // How far it has come is seen under the mentor.
    let jobs =
        app.log_in(&admin).await.client.get(&format!("/v1/admin/jobs?subject={}", mentor.id)).await.ok(200);
    let done = |kind: &str| {
        let items = jobs["items"].as_array().expect("a list").iter();
        items.filter(|job| job["kind"] == kind && job["state"] == "done").count()
    };
    assert_eq!((done("reservation.cancel_for_suspended.v1"), done("reservation.cancel_ahead.v1")), (3, 1));

    // Nobody books them meanwhile, and the second look finds nothing more.
    let mentee = app.mentee("late").await;
    let offering = format!("/v1/offerings/{}", bookings[0].offering);
    mentee.client.get(&offering).await.problem(404, "offering.not_found");
    app.advance(TimeDelta::minutes(10));
    app.run_jobs().await;
    assert_eq!(app.jobs_of("reservation.cancel_ahead.v1").await.len(), 2);
    assert_eq!(app.jobs_of("reservation.cancel_for_suspended.v1").await.len(), 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_a_dead_booking_of_a_suspended_mentor_is_not_held_again() {
    let app = TestApp::start().await;
    let bookings = bookings(&app, 1, 0).await;
    let (admin, mentor) = (app.admin("admin").await, bookings[0].mentor.clone());
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    act(&app, &admin, &mentor, "suspend").await;
    app.run_jobs().await;

    let order = format!("{}/payment-orders", bookings[0].path());
    let mentee = app.log_in(&bookings[0].mentee).await;
    mentee.client.post(&order, json!({})).await.problem(404, "offering.not_found");
    assert_eq!(states(&app, &bookings).await, ["expired"]);

    // Whoever is let in again is booked again.
    act(&app, &admin, &mentor, "reinstate").await;
    mentee.client.post(&order, json!({})).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_a_payment_on_its_way_is_waited_for_and_then_given_back() {
    let app = TestApp::start().await;
    let bookings = bookings(&app, 1, 0).await;
    let booking = &bookings[0];
    let admin = app.admin("admin").await;
    let body = app.checkout(booking).await;
    app.confirm(booking, &body).await.ok(202);
    let confirm = app.take_due_of("payment.confirm.v1").await;

    act(&app, &admin, &booking.mentor, "suspend").await;
    app.run_jobs().await;
    assert_eq!(app.state(booking).await, "paying", "nothing is decided while the provider is asked");
    assert_eq!(app.jobs_of("reservation.cancel_for_suspended.v1").await[0].state, "pending");

    app.run_and_drain(confirm).await;
    app.advance(TimeDelta::seconds(31));
    app.run_jobs().await;
    assert_eq!(app.state(booking).await, "cancelled");
    assert_eq!(app.balance_at_provider(booking).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_whoever_is_let_in_again_keeps_what_is_not_cancelled_yet() {
    let app = TestApp::start().await;
    let bookings = bookings(&app, 2, 2).await;
    let (admin, mentor) = (app.admin("admin").await, bookings[0].mentor.clone());

    act(&app, &admin, &mentor, "suspend").await;
    let find = app.take_due_of("reservation.cancel_ahead.v1").await;
    app.run_delivery(find).await;
    let first = app.take_due_of("reservation.cancel_for_suspended.v1").await;
    app.run_delivery(first).await;
    act(&app, &admin, &mentor, "reinstate").await;
    app.run_jobs().await;
    assert_eq!(states(&app, &bookings).await, ["cancelled", "confirmed"]);

    // Another suspension has its own jobs.
    act(&app, &admin, &mentor, "suspend").await;
    app.run_jobs().await;
    assert_eq!(states(&app, &bookings).await, ["cancelled"; 2]);
    assert_eq!(app.balance_at_provider(&bookings[1]).await, 0);
    app.finish().await;
}

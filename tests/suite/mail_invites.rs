//! Sessions in people's calendars: the mails as parsers that we did not write read them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use konnect_sandbox::Mail;
use konnect_tests::{Booking, TestApp, happening, run_script};
use serde_json::{Value, json};

const CONFIRMED: &str = "reservation.confirmed";
const CANCELLED: &str = "reservation.cancelled";

/// What the calendar part of a mail must say.
struct Expected<'a> {
    mail: &'a Mail,
    method: &'a str,
    title: &'a str,
    starts_at: DateTime<Utc>,
    sequence: i64,
}

/// Has the mails read in Node, and compared with what they must say.
async fn read(booking: &Booking, expected: &[Expected<'_>]) {
    let mails: Vec<Value> = expected
        .iter()
        .map(|e| {
            json!({
                "raw": e.mail.raw,
                "subject": e.mail.subject,
                "method": e.method,
                "status": if e.method == "CANCEL" { "CANCELLED" } else { "CONFIRMED" },
                "uid": format!("{}@konnect", booking.id),
                "sequence": e.sequence,
                "summary": e.title,
                "start": e.starts_at,
                "end": e.starts_at + TimeDelta::hours(1),
                "url": format!("https://app.konnect.test/reservations/{}", booking.id),
                "organizer": "mailto:no-reply@konnect.test",
                "attendee": format!("mailto:{}", e.mail.to[0]),
            })
        })
        .collect();
    let nothing = async |what: &str| panic!("asked for {what}");
    let checks =
        run_script("invites.mjs", &json!({ "mails": mails }), Duration::from_secs(30), nothing).await;
    assert_eq!(checks, mails.len());
}

async fn version(app: &TestApp, booking: &Booking) -> i64 {
    let found = konnect::reservation::find(app.core.db.pool(), booking.id).await.expect("the database");
    found.expect("a reservation").version
}

async fn entitle(app: &TestApp, booking: &Booking, title: &str) {
    sqlx::query("UPDATE reservations SET title = ? WHERE id = ?")
        .bind(title)
        .bind(booking.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
}

/// Moves a session without its slot and its history, to this version.
async fn shift(app: &TestApp, booking: &Booking, by: TimeDelta, version: i64) {
    sqlx::query("UPDATE reservations SET starts_at = ?, ends_at = ?, version = ? WHERE id = ?")
        .bind(booking.starts_at + by)
        .bind(booking.starts_at + by + TimeDelta::hours(1))
        .bind(version)
        .bind(booking.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_session_comes_into_both_calendars_and_goes_with_its_cancellation() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let title =
        "러스트 멘토링, 심화; 코드 리뷰 \\ 질의응답 – 소유권과 수명을 처음부터 끝까지 함께 살펴봅니다";
    entitle(&app, &booking, title).await;
    app.pay(&booking).await;
    let confirmed_at = version(&app, &booking).await;
    let cancel = json!({ "reason": "sick", "expectedVersion": confirmed_at });
    booking.mentor.client.post(&format!("{}/cancel", booking.path()), cancel).await.ok(200);
    app.run_jobs_twice().await;
    let cancelled_at = version(&app, &booking).await;
    assert!(cancelled_at > confirmed_at);

    for person in [&booking.mentor, &booking.mentee] {
        let (asked, out) =
            (app.mails_about(person, CONFIRMED).await, app.mails_about(person, CANCELLED).await);
        assert_eq!((asked.len(), out.len()), (1, 1));
        let (title, starts_at) = (title, booking.starts_at);
        let asked = Expected { mail: &asked[0], method: "REQUEST", title, starts_at, sequence: confirmed_at };
        let out = Expected { mail: &out[0], method: "CANCEL", title, starts_at, sequence: cancelled_at };
        read(&booking, &[asked, out]).await;
    }
    let with_calendar = app.sandbox.mails().iter().filter(|mail| mail.calendar.is_some()).count();
    assert_eq!(with_calendar, 4, "the mails about the refund and the rest leave calendars alone");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_moved_is_moved_in_the_calendar() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    let before = version(&app, &booking).await;
    shift(&app, &booking, TimeDelta::hours(3), before + 1).await;
    let kind = "reservation.rescheduled";
    let mut moved = happening("moved", kind, &[&booking.mentee]);
    moved.reservation_id = Some(booking.id);
    app.enqueue(&moved).await;
    app.run_jobs().await;
    let (first, second) =
        (app.mails_about(&booking.mentee, CONFIRMED).await, app.mails_about(&booking.mentee, kind).await);
    let (title, starts_at) = ("Rust 멘토링", booking.starts_at);
    let asked = Expected { mail: &first[0], method: "REQUEST", title, starts_at, sequence: before };
    let starts_at = booking.starts_at + TimeDelta::hours(3);
    let moved = Expected { mail: &second[0], method: "REQUEST", title, starts_at, sequence: before + 1 };
    read(&booking, &[asked, moved]).await;
    shift(&app, &booking, TimeDelta::zero(), before).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_was_not_invited_is_told_to_take_it_out() {
    let app = TestApp::start().await;
    let unpaid = app.booking().await;
    app.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    assert_eq!(app.state(&unpaid).await, "expired");
    assert!(!app.mails_about(&unpaid.mentee, "reservation.expired").await.is_empty());
    assert!(app.sandbox.mails().iter().all(|mail| mail.calendar.is_none()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_taken_back_takes_the_session_out_once() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.deposit(&body).await;
    let methods = async || -> Vec<String> {
        let mails = app.sandbox.mails_to(&booking.mentee.email);
        let calendars = mails.iter().filter_map(|mail| mail.calendar.clone());
        let method = |text: String| text.lines().find_map(|l| l.strip_prefix("METHOD:").map(str::to_owned));
        calendars.filter_map(method).collect()
    };
    assert_eq!(methods().await, ["REQUEST"]);
    app.sandbox.reverse_deposit(body["paymentKey"].as_str().expect("a key")).expect("a paid account");
    app.sandbox.settle().await;
    app.run_jobs_twice().await;
    assert_eq!(methods().await, ["REQUEST", "CANCEL"]);
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    app.deposit(&body).await;
    assert_eq!(methods().await, ["REQUEST", "CANCEL", "REQUEST"], "paid again, it is back");
    app.sandbox.reverse_deposit(body["paymentKey"].as_str().expect("a key")).expect("a paid account");
    app.sandbox.settle().await;
    app.run_jobs().await;
    let version = version(&app, &booking).await;
    let mentee = app.log_in(&booking.mentee).await;
    let cancel = json!({ "reason": "no", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), cancel).await.ok(200);
    app.run_jobs().await;
    assert!(!app.mails_about(&booking.mentee, CANCELLED).await.is_empty());
    assert_eq!(methods().await, ["REQUEST", "CANCEL", "REQUEST", "CANCEL"], "it was out already");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_confirmation_does_not_bring_a_cancelled_session_back() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.mail_server_down(true);
    app.pay(&booking).await;
    let cancel = json!({ "reason": "sick", "expectedVersion": version(&app, &booking).await });
    booking.mentor.client.post(&format!("{}/cancel", booking.path()), cancel).await.ok(200);
    app.run_jobs().await;
    app.sandbox.mail_server_down(false);
    for _ in 0..6 {
        app.advance(TimeDelta::minutes(5));
        app.run_jobs().await;
    }
    let asked = app.mails_about(&booking.mentee, CONFIRMED).await;
    assert_eq!(asked.len(), 1, "the news come, late");
    assert!(asked[0].calendar.is_none(), "but no invitation");
    // The first try may have come through: who knows.
    let out = app.mails_about(&booking.mentee, CANCELLED).await;
    assert!(out[0].calendar.as_deref().is_some_and(|text| text.contains("METHOD:CANCEL")));
    app.finish().await;
}

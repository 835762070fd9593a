//! Administrators move bookings by the process alone, and every act of theirs is written down (S31).

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect_tests::{Booking, Person, TestApp};
use serde_json::{Value, json};

fn path(booking: &Booking, what: &str) -> String {
    format!("/v1/admin/reservations/{}/{what}", booking.id)
}

fn because() -> Value {
    json!({ "reason": "the mentor asked by phone" })
}

/// The last line of a booking's history, as a member reads it.
async fn last_line(app: &TestApp, booking: &Booking) -> Value {
    let mentee = app.log_in(&booking.mentee).await;
    let lines = mentee.client.get(&format!("{}/history", booking.path())).await.ok(200);
    lines.as_array().expect("lines").last().expect("one").clone()
}

async fn acts(app: &TestApp, admin: &Person, query: &str) -> Vec<Value> {
    let admin = app.log_in(admin).await;
    let list = admin.client.get(&format!("/v1/admin/acts?{query}")).await.ok(200);
    list["items"].as_array().expect("acts").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_a_request_is_answered_for_its_mentor() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let taken = app.booking_of(Kind::Approval).await;
    let view = admin.client.post(&path(&taken, "approve"), because()).await.ok(200);
    assert_eq!((&view["state"], &view["version"]), (&json!("awaiting_payment"), &json!(2)));
    let line = last_line(&app, &taken).await;
    assert_eq!(
        (&line["reason"], &line["to"]),
        (&json!("the mentor asked by phone"), &json!("awaiting_payment"))
    );
    assert_eq!(line["actorKind"], "admin", "{line}");
    app.run_jobs().await;
    assert_eq!(app.notices_of(&taken.mentee, "reservation.approved").await, 1);
    // The process goes on as ever.
    app.pay(&taken).await;

    let at = taken.starts_at + TimeDelta::hours(2);
    let refused = app.book(&taken.mentor, &taken.mentee, taken.offering, at).await;
    let stale = json!({ "reason": "by phone", "expectedVersion": 7 });
    let told = admin.client.post(&path(&refused, "reject"), stale).await.problem(409, "reservation.stale");
    assert_eq!(told["context"], json!({ "state": "requested", "version": 1 }));
    admin.client.post(&path(&refused, "reject"), because()).await.ok(200);
    assert_eq!((app.state(&refused).await.as_str(), app.claims(refused.id).await), ("rejected", 0));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&refused.mentee, "reservation.rejected").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_a_session_is_completed_after_its_end_and_settled() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    let refused = admin.client.post(&path(&booking, "complete"), because()).await;
    refused.problem(409, "reservation.not_allowed");
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(59));
    app.run_jobs().await;
    let admin = app.log_in(&admin).await;
    let early = admin.client.post(&path(&booking, "complete"), because()).await;
    early.problem(409, "reservation.not_allowed");
    app.advance(TimeDelta::minutes(1));
    admin.client.post(&path(&booking, "complete"), because()).await.ok(200);
    let twice = admin.client.post(&path(&booking, "complete"), because()).await;
    twice.problem(409, "reservation.not_allowed");
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    assert_eq!(last_line(&app, &booking).await["reason"], "the mentor asked by phone");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_a_hold_is_ended_but_not_under_a_payment() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let held = app.booking().await;
    admin.client.post(&path(&held, "expire"), because()).await.ok(200);
    assert_eq!((app.state(&held).await.as_str(), app.claims(held.id).await), ("expired", 0));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&held.mentee, "reservation.expired").await, 1);

    let at = held.starts_at + TimeDelta::hours(2);
    let paying = app.book(&held.mentor, &held.mentee, held.offering, at).await;
    let body = app.checkout(&paying).await;
    app.confirm(&paying, &body).await.ok(202);
    let told = admin.client.post(&path(&paying, "expire"), because()).await;
    assert_eq!(told.problem(409, "reservation.not_allowed")["context"]["state"], "paying");
    app.run_jobs().await;
    assert_eq!(app.state(&paying).await, "confirmed", "a payment in flight is never cut off");

    // The account that the payer was given is closed.
    let awaited = app.book(&held.mentor, &held.mentee, held.offering, at + TimeDelta::hours(2)).await;
    let body = app.checkout_by_transfer(&awaited).await;
    app.confirm(&awaited, &body).await.ok(202);
    app.run_jobs().await;
    admin.client.post(&path(&awaited, "expire"), because()).await.ok(200);
    assert_eq!(app.state(&awaited).await, "expired");
    app.advance(TimeDelta::minutes(11));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.ledger(awaited.id).await, [0, 0, 0, 0]);
    for body in [json!({}), json!({ "reason": "" }), json!({ "reason": "x", "state": "confirmed" })] {
        let admin = app.log_in(&admin).await;
        admin.client.post(&path(&paying, "expire"), body).await.problem(400, "request.invalid");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o4_every_act_is_written_down_with_its_reason_and_what_moved() {
    let app = TestApp::start().await;
    let (admin, other) = (app.admin("admin").await, app.admin("other").await);
    let booking = app.booking_of(Kind::Approval).await;
    let approve = path(&booking, "approve");
    admin.client.post(&approve, because()).await.ok(200);
    // What came to nothing is no act.
    admin.client.post(&approve, because()).await.problem(409, "reservation.not_allowed");
    let suspend = format!("/v1/admin/users/{}/suspend", booking.mentee.id);
    app.advance(TimeDelta::seconds(1));
    other.client.post(&suspend, json!({ "reason": "misuse" })).await.ok(200);
    booking.mentor.client.get("/v1/admin/acts").await.problem(403, "auth.forbidden");

    let all = acts(&app, &admin, "").await;
    let said: Vec<_> = all
        .iter()
        .map(|act| (act["operation"].as_str().expect("one"), act["reason"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        said,
        [
            ("POST /v1/admin/users/{id}/suspend", "misuse"),
            ("POST /v1/admin/reservations/{id}/approve", "the mentor asked by phone"),
        ]
    );
    assert_eq!(all[1]["actorId"], admin.id.to_string());
    assert_eq!(all[1]["objectId"], booking.id.to_string());
    assert_eq!(
        all[1]["moves"],
        json!([{ "kind": "reservation", "id": booking.id, "from": "requested", "to": "awaiting_payment" }])
    );
    assert_eq!(all[0]["moves"][0]["to"], "suspended");
    for (query, found) in [
        (format!("actor={}", other.id), 1),
        (format!("object={}", booking.id), 1),
        (format!("request={}", all[0]["requestId"].as_str().expect("an id")), 1),
        ("limit=1".to_owned(), 1),
        (format!("before={}", all[0]["id"].as_str().expect("an id")), 1),
        (format!("from={}", "2026-03-02T00:00:01Z"), 1),
        (format!("to={}", "2026-03-02T00:00:01Z"), 1),
        ("operation=POST%20%2Fv1%2Fadmin%2Fusers%2F%7Bid%7D%2Fsuspend".to_owned(), 1),
        (format!("object={}", admin.id), 0),
    ] {
        assert_eq!(acts(&app, &admin, &query).await.len(), found, "{query}");
    }
    for sql in ["UPDATE acts SET reason = ''", "DELETE FROM acts"] {
        assert!(sqlx::query(sql).execute(app.core.db.pool()).await.is_err(), "{sql}");
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn o4_reading_what_people_wrote_is_an_act() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    let export = format!("/v1/admin/reservations/{}/chat/export", booking.id);
    admin.client.post(&export, json!({ "format": "json", "reason": "a dispute" })).await.ok(200);
    admin.client.get(&format!("/v1/admin/reservations/{}/case", booking.id)).await.ok(200);
    admin.client.get(&format!("/v1/admin/users/{}", booking.mentee.id)).await.ok(200);
    let lists = ["users", "mentor-applications", "mentors", "reservations", "payments", "activity"];
    for list in lists {
        admin.client.get(&format!("/v1/admin/{list}?limit=1")).await.ok(200);
    }
    let all = acts(&app, &admin, "").await;
    let said: Vec<_> = all.iter().map(|act| act["operation"].as_str().expect("one")).collect();
    let (pages, said) = said.split_at(lists.len());
    let read: Vec<_> = lists.iter().rev().map(|list| format!("GET /v1/admin/{list}")).collect();
    assert_eq!(pages, read);
    assert_eq!(
        said,
        [
            "GET /v1/admin/users/{id}",
            "GET /v1/admin/reservations/{id}/case",
            "POST /v1/admin/reservations/{id}/chat/export",
        ]
    );
    assert_eq!(all[lists.len() + 2]["reason"], "a dispute");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_nobody_operates_on_a_booking_of_their_own() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let booking = app.book(&mentor, &admin, offering, konnect_tests::monday() + TimeDelta::hours(26)).await;
    for what in ["approve", "reject", "complete", "expire"] {
        admin.client.post(&path(&booking, what), because()).await.problem(403, "dispute.own_case");
    }
    let cancel = json!({ "reason": "because", "refund": "full" });
    admin.client.post(&path(&booking, "cancel"), cancel).await.problem(403, "dispute.own_case");
    assert_eq!(app.state(&booking).await, "requested");
    app.run_jobs().await;
    app.finish().await;
}

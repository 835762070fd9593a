//! What can be reviewed, and what stands instead of stars where a session did not take place, or was given back.

use chrono::TimeDelta;
use konnect_tests::{Booking, Person, TestApp, instant};
use serde_json::{Value, json};

/// What both sides see of it; neither can write.
async fn fact(app: &TestApp, booking: &Booking, standing: &str, fact: Value) {
    for person in [&booking.mentee, &booking.mentor] {
        let seen = app.reviews(booking, person).await;
        assert_eq!((&seen["standing"], &seen["fact"]), (&json!(standing), &fact));
        assert_eq!(seen["actions"], json!([]));
        app.review(booking, person, 5, "As if.").await.problem(409, "review.not_possible");
    }
}

async fn record(app: &TestApp, mentor: &Person) -> Value {
    app.public_reviews(mentor, "").await["record"].clone()
}

async fn mark(app: &TestApp, admin: &Person, booking: &Booking, absent: &str) {
    let path = format!("/v1/admin/reservations/{}/no-show", booking.id);
    let body = json!({ "absent": absent, "reason": "By the record of the room." });
    app.log_in(admin).await.client.post(&path, body).await.ok(200);
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_what_was_cancelled_is_a_fact_and_has_no_stars() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    fact(&app, &booking, "not_yet", Value::Null).await;
    app.cancel(&booking, &booking.mentor).await;
    app.run_jobs().await;
    fact(&app, &booking, "fact", json!("mentor_cancelled")).await;
    assert_eq!(
        record(&app, &booking.mentor).await,
        json!({ "completedSessions": 0, "cancelledSessions": 1, "noShows": 0 })
    );

    let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
    let next = app.book(&mentor, &mentee, booking.offering, booking.starts_at).await;
    app.pay(&next).await;
    app.cancel(&next, &next.mentee).await;
    app.run_jobs().await;
    fact(&app, &next, "fact", json!("mentee_cancelled")).await;

    let (mentor, mentee) = (app.log_in(&booking.mentor).await, app.log_in(&booking.mentee).await);
    let last = app.book(&mentor, &mentee, booking.offering, booking.starts_at).await;
    app.pay(&last).await;
    let admin = app.log_in(&app.admin("admin").await).await.client;
    let body = json!({ "reason": "a storm", "refund": "full" });
    admin.post(&format!("/v1/admin/reservations/{}/cancel", last.id), body).await.ok(200);
    app.run_jobs().await;
    fact(&app, &last, "fact", json!("cancelled")).await;
    assert_eq!(record(&app, &booking.mentor).await["cancelledSessions"], 1, "the mentor's own alone");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_a_no_show_is_a_fact_until_it_is_appealed() {
    for (absent, name, no_shows) in
        [("mentor", "mentor_no_show", 1), ("mentee", "mentee_no_show", 0), ("both", "nobody_came", 0)]
    {
        let app = TestApp::start().await;
        let booking = app.running_session().await;
        fact(&app, &booking, "not_yet", Value::Null).await;
        let admin = app.admin("judge").await;
        app.advance(TimeDelta::minutes(10));
        mark(&app, &admin, &booking, absent).await;
        fact(&app, &booking, "fact", json!(name)).await;
        assert_eq!(record(&app, &booking.mentor).await["noShows"], no_shows);
        if absent == "mentor" {
            let path = app.open_dispute(&booking, &booking.mentor, "no_show", 50_000).await;
            app.bring_to_review(&path, &booking.mentor).await;
            let upheld = json!({
                "outcome": "upheld", "refund": 0, "bearer": "shared", "compensation": 50_000, "reason": "They came.",
            });
            app.judge(&admin, &path, "decide", upheld).await.ok(200);
            app.run_jobs().await;
            assert_eq!(record(&app, &booking.mentor).await["noShows"], 0, "what was not so is taken back");
        }
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_who_is_given_everything_back_first_has_no_stars_to_give() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    let admin = app.admin("admin").await;
    // A part of it hinders nobody.
    app.refund(&admin, &booking, 20_000, "shared").await.ok(201);
    app.run_jobs().await;
    assert_eq!(app.reviews(&booking, &booking.mentee).await["standing"], "open");
    app.review(&booking, &booking.mentor, 4, "Friendly.").await.ok(200);
    let until = instant(&app.reviews(&booking, &booking.mentor).await["until"]);

    app.refund(&admin, &booking, 30_000, "shared").await.ok(201);
    // On its way is as good as given.
    app.review(&booking, &booking.mentee, 1, "Free of charge.").await.problem(409, "review.not_possible");
    app.run_jobs().await;
    let seen = app.reviews(&booking, &booking.mentee).await;
    assert_eq!((&seen["standing"], &seen["fact"]), (&json!("fact"), &json!("refunded")));
    assert_eq!(seen["actions"], json!([]));
    let edit = json!({ "stars": 1, "text": "Not friendly.", "expectedVersion": 1 });
    app.put_review(&booking, &booking.mentor, edit).await.problem(409, "review.not_possible");

    // What was written before it stays, and is published in its time.
    app.advance_to(until);
    app.run_jobs().await;
    let seen = app.reviews(&booking, &booking.mentee).await;
    assert_eq!(seen["theirs"]["text"], "Friendly.");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_a_refund_after_the_review_buys_no_silence() {
    let app = TestApp::start().await;
    let booking = app.completed_session().await;
    // While a dispute runs both may write: it is about the money, and the review about the session.
    let path = app.open_dispute(&booking, &booking.mentee, "quality", 50_000).await;
    app.published_review(&booking, 1).await;
    let agree = json!({ "kind": "accept", "text": "Take it, and be quiet." });
    app.log_in(&booking.mentor).await.client.post(&format!("{path}/answer"), agree).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    let public = app.public_reviews(&booking.mentor, "").await;
    assert_eq!(public["rating"], json!({ "average": 1.0, "count": 1, "distribution": [1, 0, 0, 0, 0] }));
    let seen = app.reviews(&booking, &booking.mentee).await;
    assert_eq!((&seen["fact"], &seen["mine"]["state"]), (&json!("refunded"), &json!("published")));
    assert_eq!(seen["actions"], json!(["withdraw", "reply"]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_is_reviewed_with_its_session() {
    let app = TestApp::start().await;
    let booking = app.running_session().await;
    let extension = app.extended(&booking, 30).await;
    app.give(&booking, &extension).await.ok(200);
    app.advance_to(booking.starts_at + TimeDelta::hours(1 + 49));
    app.run_jobs().await;
    app.review(&extension, &extension.mentee, 5, "More.").await.problem(404, "reservation.not_found");
    let path = format!("{}/review", extension.path());
    app.log_in(&booking.mentee).await.client.get(&path).await.problem(404, "reservation.not_found");
    app.published_review(&booking, 5).await;
    assert_eq!(record(&app, &booking.mentor).await["completedSessions"], 1);
    app.run_jobs().await;
    app.finish().await;
}

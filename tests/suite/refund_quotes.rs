//! What a cancellation gives back: policies by name, and quotes that are honoured exactly (F3, F4).

use chrono::{DateTime, TimeDelta, Utc};
use konnect_tests::{Answer, Booking, Person, TestApp};
use serde_json::{Value, json};

async fn quote(booking: &Booking, who: &Person) -> Answer {
    who.client.post(&format!("{}/cancellation-quotes", booking.path()), json!({})).await
}

async fn cancel_with(booking: &Booking, who: &Person, quote: &Value) -> Answer {
    let version = who.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "cannot come", "expectedVersion": version, "quoteId": quote["id"] });
    who.client.post(&format!("{}/cancel", booking.path()), body).await
}

fn instant(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).expect("an instant")
}

/// What a cancellation would give back now.
async fn offered(booking: &Booking, who: &Person) -> Value {
    let view = who.client.get(&booking.path()).await.ok(200);
    let actions = view["actions"].as_array().expect("actions").clone();
    actions.iter().find(|a| a["action"] == "cancel").expect("it may be cancelled")["refund"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_a_quote_is_honoured_across_the_end_of_its_tier() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.advance_to(booking.starts_at - TimeDelta::hours(24) - TimeDelta::seconds(60));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    let quoted = quote(&booking, &mentee).await.ok(201);
    assert_eq!((&quoted["refund"], &quoted["shareBps"]), (&json!(50_000), &json!(10_000)));
    assert_eq!(instant(&quoted["validUntil"]), app.now() + TimeDelta::seconds(120));
    let next = &quoted["next"];
    assert_eq!((&next["refund"], &next["shareBps"]), (&json!(25_000), &json!(5_000)));
    assert_eq!(instant(&next["after"]), booking.starts_at - TimeDelta::hours(24));

    // The last instant of the promise, a minute into the next tier.
    app.advance(TimeDelta::seconds(120));
    assert_eq!(offered(&booking, &mentee).await, 25_000, "without the quote");
    let done = cancel_with(&booking, &mentee, &quoted).await.ok(200);
    assert_eq!(done["refund"], 50_000);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f04_a_quote_that_has_run_out_moves_nothing() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let quoted = quote(&booking, &booking.mentee).await.ok(201);
    app.advance(TimeDelta::seconds(120) + TimeDelta::microseconds(1));
    let refused = cancel_with(&booking, &booking.mentee, &quoted).await;
    refused.problem(409, "quote.expired");
    assert_eq!(app.state(&booking).await, "confirmed");
    assert!(app.refunds(&booking).await.is_empty());

    let fresh = quote(&booking, &booking.mentee).await.ok(201);
    cancel_with(&booking, &booking.mentee, &fresh).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f04_a_quote_is_its_owners_for_one_version_of_one_reservation() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let other = app
        .book(&booking.mentor, &booking.mentee, booking.offering, booking.starts_at + TimeDelta::hours(2))
        .await;
    let mentors = quote(&booking, &booking.mentor).await.ok(201);
    assert_eq!((&mentors["refund"], mentors.get("next")), (&json!(50_000), None), "always everything");
    cancel_with(&booking, &booking.mentee, &mentors).await.problem(404, "quote.not_found");
    let of_other = quote(&other, &booking.mentee).await.ok(201);
    assert_eq!(of_other["refund"], 0, "nothing was paid");
    cancel_with(&booking, &booking.mentee, &of_other).await.problem(404, "quote.not_found");
    let made_up = json!({ "id": konnect::id::QuoteId::generate() });
    cancel_with(&booking, &booking.mentee, &made_up).await.problem(404, "quote.not_found");
    let stranger = app.mentee("stranger").await;
    quote(&booking, &stranger).await.problem(404, "reservation.not_found");

    // Promised before the payment, used after it.
    app.pay(&other).await;
    cancel_with(&other, &booking.mentee, &of_other).await.problem(409, "reservation.stale");
    assert_eq!(app.state(&other).await, "confirmed");
    assert!(app.refunds(&booking).await.is_empty() && app.refunds(&other).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f04_a_quote_asked_for_twice_is_one_and_used_once() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let path = format!("{}/cancellation-quotes", booking.path());
    let first = booking.mentee.client.post_as(&path, json!({}), "the-same-key").await.ok(201);
    let again = booking.mentee.client.post_as(&path, json!({}), "the-same-key").await.ok(201);
    assert_eq!(first["id"], again["id"]);
    let no_key = booking.mentee.client.send(reqwest::Method::POST, &path, Some(json!({})), &[]).await;
    no_key.problem(400, "idempotency.key_required");

    let (a, b) = tokio::join!(
        cancel_with(&booking, &booking.mentee, &first),
        cancel_with(&booking, &booking.mentee, &first)
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    quote(&booking, &booking.mentee).await.problem(409, "reservation.not_allowed");
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["done"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f04_a_quote_ends_with_the_time_to_cancel() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    app.advance_to(booking.starts_at - TimeDelta::seconds(30));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    let quoted = quote(&booking, &mentee).await.ok(201);
    assert_eq!(quoted["refund"], 0);
    assert!(instant(&quoted["validUntil"]) < booking.starts_at);
    app.advance_to(booking.starts_at);
    cancel_with(&booking, &mentee, &quoted).await.problem(409, "quote.expired");
    quote(&booking, &mentee).await.problem(409, "reservation.not_allowed");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_each_policy_is_frozen_at_booking_and_shown_in_instants_and_won() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    for (name, tiers) in
        [("flexible", [(6, 50_000), (1, 25_000)]), ("strict", [(7 * 24, 50_000), (48, 25_000)])]
    {
        let offering = json!({
            "title": "Rust", "priceKrw": 50_000, "durationMinutes": 60, "category": "backend",
            "kind": "instant", "refundPolicy": name,
        });
        let offering = mentor.client.post("/v1/offerings", offering).await.ok(201);
        assert_eq!(offering["refundPolicy"], name);
        let id = offering["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let mentee = app.mentee(name).await;
        let starts_at = konnect_tests::monday() + TimeDelta::hours(if name == "strict" { 337 } else { 48 });
        let booking = app.book(&mentor, &mentee, id, starts_at).await;
        app.pay(&booking).await;
        // A change reaches no booking that exists.
        let change = json!({ "expectedVersion": 1, "refundPolicy": "standard" });
        let path = format!("/v1/offerings/{}", booking.offering);
        let headers: [(&str, &str); 0] = [];
        mentor.client.send(reqwest::Method::PATCH, &path, Some(change), &headers).await.ok(200);

        let view = mentee.client.get(&booking.path()).await.ok(200);
        assert_eq!(view["refundPolicy"], name);
        let shown: Vec<_> = view["refundTiers"]
            .as_array()
            .expect("tiers")
            .iter()
            .map(|tier| ((booking.starts_at - instant(&tier["until"])).num_hours(), tier["refund"].as_i64()))
            .collect();
        let [best, second] = tiers;
        assert_eq!(shown, [(best.0, Some(best.1)), (second.0, Some(second.1)), (0, Some(0))]);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_the_boundaries_of_the_flexible_policy() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = json!({
        "title": "Rust", "priceKrw": 50_001, "durationMinutes": 60, "category": "backend", "kind": "instant",
        "refundPolicy": "flexible",
    });
    let offering = mentor.client.post("/v1/offerings", offering).await.ok(201);
    let id = offering["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let mentee = app.mentee("mentee").await;
    let booking = app.book(&mentor, &mentee, id, konnect_tests::monday() + TimeDelta::hours(48)).await;
    app.pay(&booking).await;
    let second = TimeDelta::seconds(1);
    for (left, refund) in [
        (TimeDelta::hours(6), 50_001),
        (TimeDelta::hours(6) - second, 25_000),
        (TimeDelta::hours(1), 25_000),
        (TimeDelta::hours(1) - second, 0),
    ] {
        app.advance_to(booking.starts_at - left);
        app.run_jobs().await;
        let mentee = app.log_in(&mentee).await;
        assert_eq!(offered(&booking, &mentee).await, refund);
        assert_eq!(quote(&booking, &mentee).await.ok(201)["refund"], refund);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_i07_a_mentor_who_cancels_by_a_quote_is_not_paid_what_the_platform_gave() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let admin = app.admin("kind").await;
    app.refund(&admin, &booking, 20_000, "platform").await.ok(201);
    app.run_jobs().await;
    // Half would be due to a mentee who cancels now; all of it is, because the mentor does.
    app.advance_to(booking.starts_at - TimeDelta::hours(5));
    app.run_jobs().await;
    let mentor = app.log_in(&booking.mentor).await;
    let quoted = quote(&booking, &mentor).await.ok(201);
    assert_eq!(quoted["refund"], 30_000);
    cancel_with(&booking, &mentor, &quoted).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.goodwill(booking.id).await, 0, "it comes home");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "nothing is the mentor's");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_i07_goodwill_comes_home_by_the_tier_of_the_quote() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let admin = app.admin("kind").await;
    app.refund(&admin, &booking, 20_000, "platform").await.ok(201);
    app.run_jobs().await;
    app.advance_to(booking.starts_at - TimeDelta::hours(24) - TimeDelta::seconds(60));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    let quoted = quote(&booking, &mentee).await.ok(201);
    assert_eq!((&quoted["refund"], &quoted["shareBps"]), (&json!(30_000), &json!(10_000)));
    app.advance(TimeDelta::seconds(120));
    cancel_with(&booking, &mentee, &quoted).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.goodwill(booking.id).await, 0);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

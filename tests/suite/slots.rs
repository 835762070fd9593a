//! Taking slots: races, overlaps, forged requests.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::mentor::Kind;
use konnect_tests::{Client, TestApp, monday};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn s01_of_a_hundred_callers_one_gets_the_slot() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let starts_at = monday() + TimeDelta::hours(26);
    let mut mentees = Vec::new();
    for i in 0..100 {
        mentees.push(app.mentee(&format!("mentee{i}")).await);
    }

    let answers = join_all(mentees.iter().map(|mentee| app.reserve(mentee, offering, starts_at))).await;

    let won = answers.iter().filter(|a| a.status == 201).count();
    assert_eq!(won, 1);
    for answer in answers.into_iter().filter(|a| a.status != 201) {
        let problem = answer.problem(409, "slot.taken");
        let alternatives = problem["context"]["alternatives"].as_array().expect("other times");
        assert!(!alternatives.is_empty());
        assert!(!alternatives.contains(&json!(starts_at)));
    }
    let claims: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM slot_claims WHERE person_id = ?")
        .bind(mentor.id)
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(claims, 4, "I1: one hour of quarter-hour cells");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_overlapping_offerings_of_one_mentor_exclude_each_other() {
    let app = TestApp::start().await;
    let (mentor, first, second) =
        (app.mentor("mentor").await, app.mentee("first").await, app.mentee("second").await);
    let hour = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let half = app.offering(&mentor, Kind::Instant, 30, 30_000).await;
    let starts_at = monday() + TimeDelta::hours(26);

    app.reserve(&first, hour, starts_at).await.ok(201);
    app.reserve(&second, half, starts_at + TimeDelta::minutes(30)).await.problem(409, "slot.taken");
    app.reserve(&second, half, starts_at - TimeDelta::minutes(30)).await.ok(201);
    app.reserve(&second, half, starts_at + TimeDelta::minutes(60)).await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_buffers_keep_sessions_apart() {
    let app = TestApp::start().await;
    let (mentor, first, second) =
        (app.mentor("mentor").await, app.mentee("first").await, app.mentee("second").await);
    let mut hours = konnect_tests::weekdays();
    hours.buffer_after_min = 15;
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let starts_at = monday() + TimeDelta::hours(26);

    app.reserve(&first, offering, starts_at).await.ok(201);
    app.reserve(&second, offering, starts_at + TimeDelta::minutes(60)).await.problem(409, "slot.taken");
    app.reserve(&second, offering, starts_at + TimeDelta::minutes(90)).await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_a_requested_slot_is_exclusive_before_the_mentor_answers() {
    let app = TestApp::start().await;
    let booking = app.booking_of(Kind::Approval).await;
    assert_eq!(app.state(&booking).await, "requested");
    let rival = app.mentee("rival").await;

    app.reserve(&rival, booking.offering, booking.starts_at).await.problem(409, "slot.taken");

    let path = format!("{}/approve", booking.path());
    booking.mentor.client.post(&path, json!({})).await.ok(200);
    booking.mentor.client.post(&path, json!({})).await.problem(409, "reservation.not_allowed");
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_a_stranger_cannot_approve() {
    let app = TestApp::start().await;
    let booking = app.booking_of(Kind::Approval).await;
    let other = app.mentor("other").await;
    let path = format!("{}/approve", booking.path());
    other.client.post(&path, json!({})).await.problem(404, "reservation.not_found");
    booking.mentee.client.post(&path, json!({})).await.problem(403, "auth.forbidden");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_one_mentee_is_not_in_two_sessions() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let other = app.mentor("other").await;
    let offering = app.offering(&other, Kind::Instant, 60, 40_000).await;
    let answer = app.reserve(&booking.mentee, offering, booking.starts_at + TimeDelta::minutes(30)).await;
    answer.problem(409, "slot.own_conflict");
    assert_eq!(app.claims(booking.id).await, 8, "I2: four cells of each side");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_forged_requests_name_the_rule_they_break() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let open = monday() + TimeDelta::hours(26);
    let cases = [
        (monday() - TimeDelta::hours(24), 422, "slot.past"),
        (monday() + TimeDelta::minutes(30), 422, "slot.too_soon"),
        (monday() + TimeDelta::hours(10), 422, "slot.outside_hours"),
        (monday() + TimeDelta::hours(24 + 8) + TimeDelta::minutes(30), 422, "slot.outside_hours"),
        (open + TimeDelta::minutes(15), 422, "slot.misaligned"),
        (open + TimeDelta::minutes(7), 422, "slot.misaligned"),
        (monday() + TimeDelta::days(70), 422, "slot.beyond_horizon"),
    ];
    for (starts_at, status, code) in cases {
        app.reserve(&mentee, offering, starts_at).await.problem(status, code);
    }
    app.reserve(&mentor, offering, open).await.problem(422, "reservation.own_offering");
    let wrong_price = json!({ "offeringId": offering, "startsAt": open, "expectedPrice": 100 });
    mentee.client.post("/v1/reservations", wrong_price).await.problem(422, "reservation.price_changed");
    let unknown = json!({ "offeringId": konnect::id::OfferingId::generate(), "startsAt": open });
    mentee.client.post("/v1/reservations", unknown).await.problem(404, "offering.not_found");
    let written: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM reservations")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(written, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_picking_the_own_held_slot_again_gives_the_same_hold() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let first = booking.mentee.client.get(&booking.path()).await.ok(200);
    app.advance(TimeDelta::minutes(5));

    let again = app.reserve(&booking.mentee, booking.offering, booking.starts_at).await.ok(200);

    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["holdUntil"], first["holdUntil"], "the deadline does not move");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_two_tabs_at_once_make_one_hold() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let starts_at = monday() + TimeDelta::hours(26);
    let answers = join_all((0..8).map(|_| app.reserve(&mentee, offering, starts_at))).await;
    let ids: std::collections::BTreeSet<_> = answers
        .into_iter()
        .map(|a| {
            assert!(a.status == 200 || a.status == 201, "{:#}", a.body);
            a.body["id"].to_string()
        })
        .collect();
    assert_eq!(ids.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_mentee_holds_two_unpaid_slots_at_most() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.reserve(&booking.mentee, booking.offering, booking.starts_at + TimeDelta::hours(1)).await.ok(201);
    let third = app.reserve(&booking.mentee, booking.offering, booking.starts_at + TimeDelta::hours(2)).await;
    third.problem(409, "reservation.hold_limit");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i03_every_listed_slot_can_be_reserved_and_no_other() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    app.reserve(&mentee, offering, monday() + TimeDelta::hours(26)).await.ok(201);
    let path = format!("/v1/offerings/{offering}/slots?from=2026-03-02T00:00:00Z&to=2026-03-04T00:00:00Z");
    let listed: Vec<String> = slots(&app.anonymous().get(&path).await.ok(200));
    for quarter in 0..(2 * 96) {
        let starts_at = monday() + TimeDelta::minutes(15 * quarter);
        let judged = konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
            Ok(konnect::availability::judge(tx, mentor.id, 60, starts_at).await.is_ok())
        })
        .expect("the database");
        let is_listed = listed.contains(&starts_at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        assert_eq!(is_listed, judged, "{starts_at}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_listing_follows_every_change_at_once() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let path = format!("/v1/offerings/{offering}/slots?from=2026-03-03T00:00:00Z&to=2026-03-04T00:00:00Z");
    let before = slots(&app.anonymous().get(&path).await.ok(200));
    let again = slots(&app.anonymous().get(&path).await.ok(200));
    assert_eq!(before, again);
    let elsewhere = Client::new(&app.second_api().await, None);
    assert_eq!(before, slots(&elsewhere.get(&path).await.ok(200)));
    let starts_at = monday() + TimeDelta::hours(26);

    let booking = app.book(&mentor, &mentee, offering, starts_at).await;
    app.until(async || {
        let now = slots(&app.anonymous().get(&path).await.ok(200));
        now.len() == before.len() - 3
    })
    .await;
    app.until(async || slots(&elsewhere.get(&path).await.ok(200)).len() == before.len() - 3).await;
    let cancel = json!({ "reason": "changed my mind", "expectedVersion": 1 });
    booking.mentee.client.post(&format!("{}/cancel", booking.path()), cancel).await.ok(200);
    app.until(async || slots(&app.anonymous().get(&path).await.ok(200)) == before).await;
    app.until(async || slots(&elsewhere.get(&path).await.ok(200)) == before).await;
    app.run_jobs().await;
    app.finish().await;
}

fn slots(body: &serde_json::Value) -> Vec<String> {
    let slots = body["slots"].as_array().expect("slots");
    slots.iter().map(|s| s["startsAt"].as_str().expect("an instant").to_owned()).collect()
}

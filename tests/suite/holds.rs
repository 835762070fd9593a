//! How much one person may hold without paying (S12, S13).

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use konnect::config::Rules;
use konnect::mentor::Kind;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, TestApp, instant, monday};
use serde_json::{Value, json};

async fn hold_runs_out(app: &TestApp, first: &Booking, starts_at: DateTime<Utc>) -> Booking {
    let mentee = app.log_in(&first.mentee).await;
    let booking = app.book(&first.mentor, &mentee, first.offering, starts_at).await;
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    booking
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_the_own_held_slot_keeps_the_price_it_was_held_at() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let path = format!("/v1/offerings/{}", booking.offering);
    let change = json!({ "expectedVersion": 1, "priceKrw": 60_000 });
    booking.mentor.client.send(reqwest::Method::PATCH, &path, Some(change), &[]).await.ok(200);
    let ask = |price: i64| {
        let body = json!({
            "offeringId": booking.offering, "startsAt": booking.starts_at, "expectedPrice": price,
        });
        booking.mentee.client.post("/v1/reservations", body)
    };
    let again = ask(50_000).await.ok(200);
    assert_eq!((&again["id"], &again["price"]), (&json!(booking.id), &json!(50_000)));
    ask(60_000).await.problem(422, "reservation.price_changed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_the_same_key_gives_the_same_hold_and_a_twin_is_no_second_one() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let body = json!({ "offeringId": offering, "startsAt": monday() + TimeDelta::hours(26) });
    let first = mentee.client.post_as("/v1/reservations", body.clone(), "tab-number-one").await.ok(201);
    app.advance(TimeDelta::minutes(3));
    let mentee = app.log_in(&mentee).await;
    let again = mentee.client.post_as("/v1/reservations", body.clone(), "tab-number-one").await.ok(201);
    let other = mentee.client.post_as("/v1/reservations", body.clone(), "tab-number-two").await.ok(200);
    let other_again = mentee.client.post_as("/v1/reservations", body, "tab-number-two").await.ok(200);
    for twin in [&again, &other, &other_again] {
        assert_eq!((&twin["id"], &twin["requestDeadline"]), (&first["id"], &first["requestDeadline"]));
    }
    app.run_jobs().await;
    assert_eq!(app.notices_of(&mentor, "reservation.reserved").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_of_two_holds_at_once_one_is_the_last() {
    let app = TestApp::start().await;
    for round in 0..8 {
        let (mentor, mentee) =
            (app.mentor(&format!("mentor{round}")).await, app.mentee(&format!("mentee{round}")).await);
        let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
        let at = |hours: i64| monday() + TimeDelta::hours(26 + hours);
        app.reserve(&mentee, offering, at(0)).await.ok(201);
        let answers = join_all((1..5).map(|hour| app.reserve(&mentee, offering, at(hour)))).await;
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
        assert_eq!(made.len(), 1, "round {round}: one was left");
        for answer in refused {
            let told = answer.problem(409, "reservation.hold_limit")["context"].clone();
            assert_eq!(instant(&told["until"]), app.now() + TimeDelta::minutes(15), "when one of them ends");
            assert_eq!(told["reservations"].as_array().map(Vec::len), Some(2));
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_after_three_holds_that_ran_out_the_next_one_waits() {
    let app = TestApp::start().await;
    let first = app.booking().await;
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    let second = hold_runs_out(&app, &first, first.starts_at + TimeDelta::hours(1)).await;
    hold_runs_out(&app, &first, first.starts_at + TimeDelta::hours(2)).await;
    let over = app.now() + TimeDelta::minutes(15);

    let mentee = app.log_in(&first.mentee).await;
    let refused = app.reserve(&mentee, first.offering, first.starts_at).await;
    assert_eq!(refused.headers["retry-after"], "901");
    let told = refused.problem(429, "reservation.cool_down");
    assert_eq!(instant(&told["context"]["until"]), over);
    // Nor is a dead one held again.
    let order = format!("{}/payment-orders", second.path());
    mentee.client.post(&order, json!({})).await.problem(429, "reservation.cool_down");
    // Somebody else is not concerned.
    let other = app.mentee("other").await;
    app.reserve(&other, first.offering, first.starts_at).await.ok(201);

    app.advance_to(over);
    let mentee = app.log_in(&mentee).await;
    let again = app.reserve(&mentee, first.offering, first.starts_at + TimeDelta::hours(3)).await.ok(201);
    let again: Booking = Booking { id: id(&again), mentee: mentee.clone(), ..first.clone() };
    // Whoever pays has learned: the three are too long ago when the next one runs out.
    app.pay(&again).await;
    app.advance(TimeDelta::hours(2));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_one_slot_held_again_and_again_counts_each_time() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let order = format!("{}/payment-orders", booking.path());
    for _ in 0..2 {
        app.advance(TimeDelta::minutes(15));
        app.run_jobs().await;
        app.log_in(&booking.mentee).await.client.post(&order, json!({})).await.ok(200);
    }
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&order, json!({})).await.problem(429, "reservation.cool_down");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_s14_whoever_has_typed_the_card_need_not_wait() {
    let app = TestApp::start().await;
    let first = app.booking().await;
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    hold_runs_out(&app, &first, first.starts_at + TimeDelta::hours(1)).await;
    let mentee = app.log_in(&first.mentee).await;
    let last = app.book(&first.mentor, &mentee, first.offering, first.starts_at + TimeDelta::hours(2)).await;
    let body = app.checkout(&last).await;
    // The provider waits ten minutes for the confirmation of a card, so its clock is behind.
    app.sandbox.freeze(app.now() + TimeDelta::minutes(7));
    app.core.clock.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    assert_eq!(app.state(&last).await, "expired");
    let last = Booking { mentee: app.log_in(&mentee).await, ..last };
    app.confirm(&last, &body).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&last).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_holds_that_ran_out_far_apart_and_requests_that_nobody_answered_do_not_count() {
    let app = TestApp::start_with(Rules { cool_down_window_minutes: 20, ..Rules::default() }).await;
    let first = app.booking().await;
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    for hour in 1..4 {
        hold_runs_out(&app, &first, first.starts_at + TimeDelta::hours(hour)).await;
    }
    let approval = app.offering(&first.mentor, Kind::Approval, 60, 50_000).await;
    let mentee = app.log_in(&first.mentee).await;
    let asked = app.book(&first.mentor, &mentee, approval, first.starts_at).await;
    app.advance_to(first.starts_at - TimeDelta::hours(1));
    app.run_jobs().await;
    assert_eq!(app.state(&asked).await, "expired");
    let mentee = app.log_in(&first.mentee).await;
    app.reserve(&mentee, first.offering, first.starts_at + TimeDelta::hours(3)).await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_hold_whose_payment_came_to_nothing_in_the_end_ran_out_too() {
    let app = TestApp::start().await;
    let first = app.booking().await;
    for hour in 0..3 {
        let mentee = app.log_in(&first.mentee).await;
        let starts_at = first.starts_at + TimeDelta::hours(hour);
        let held = match hour {
            0 => Booking { mentee, ..first.clone() },
            _ => app.book(&first.mentor, &mentee, first.offering, starts_at).await,
        };
        let body = app.checkout(&held).await;
        app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
        app.confirm(&held, &body).await.ok(202);
        app.run_jobs().await;
        app.advance(TimeDelta::minutes(16));
        app.run_jobs().await;
        assert_eq!(app.state(&held).await, "payment_failed");
    }
    let mentee = app.log_in(&first.mentee).await;
    app.reserve(&mentee, first.offering, first.starts_at).await.problem(429, "reservation.cool_down");
    app.finish().await;
}

fn id(body: &Value) -> konnect::id::ReservationId {
    body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

//! Several durations and prices of one offering, and the free session (B6).

use chrono::TimeDelta;
use konnect::job::{ExpireHold, Job, StartReservation};
use konnect_tests::{Answer, Booking, Person, TestApp, monday};
use reqwest::Method;
use serde_json::{Value, json};

fn offering(options: Value) -> Value {
    json!({
        "title": "Rust", "priceKrw": options[0]["priceKrw"], "durationMinutes": options[0]["durationMinutes"],
        "category": "backend", "kind": "instant", "options": options,
    })
}

fn option(minutes: i64, won: i64) -> Value {
    json!({ "durationMinutes": minutes, "priceKrw": won })
}

/// A free quarter of an hour, an hour, and two.
async fn made(app: &TestApp, mentor: &Person, kind: &str) -> Value {
    let mut body = offering(json!([option(60, 50_000), option(15, 0), option(120, 90_000)]));
    body["kind"] = kind.into();
    app.log_in(mentor).await.client.post("/v1/offerings", body).await.ok(201)
}

async fn take(app: &TestApp, mentee: &Person, offering: &Value, hours: i64, minutes: i64) -> Answer {
    let body = json!({
        "offeringId": offering["id"], "startsAt": monday() + TimeDelta::hours(hours), "durationMinutes": minutes,
    });
    app.log_in(mentee).await.client.post("/v1/reservations", body).await
}

fn booking(body: &Value, mentor: &Person, mentee: &Person) -> Booking {
    Booking {
        id: body["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"),
        offering: body["offeringId"].as_str().and_then(|id| id.parse().ok()).expect("an id"),
        mentor: mentor.clone(),
        mentee: mentee.clone(),
        starts_at: konnect_tests::instant(&body["startsAt"]),
        price: body["price"].as_i64().expect("a price"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_an_offering_has_up_to_six_durations_each_with_its_price() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let plain = json!({
        "title": "Rust", "priceKrw": 50_000, "durationMinutes": 60, "category": "backend", "kind": "instant",
    });
    let plain = mentor.client.post("/v1/offerings", plain).await.ok(201);
    assert_eq!(plain["options"], json!([option(60, 50_000)]), "as it always was");
    let many = made(&app, &mentor, "instant").await;
    let options = json!([option(60, 50_000), option(15, 0), option(120, 90_000)]);
    assert_eq!(many["options"], options);
    assert_eq!((&many["priceKrw"], &many["durationMinutes"]), (&json!(50_000), &json!(60)));
    let shown = app.anonymous().get(&format!("/v1/offerings/{}", many["id"].as_str().expect("an id"))).await;
    assert_eq!(shown.ok(200)["options"], options);

    for (options, rule) in [
        (json!([option(60, 50_000), option(60, 40_000)]), "has each duration once"),
        (json!([option(60, 0), option(30, 0)]), "has one free session at most"),
        (json!([option(60, 50_000), option(50, 40_000)]), "is a multiple of 15 between 15 and 480"),
        (json!([option(60, 50_000), option(30, 999)]), "is 0, or lies between 1,000 and 10,000,000"),
    ] {
        let refused = mentor.client.post("/v1/offerings", offering(options)).await;
        let refused = refused.problem(422, "offering.invalid");
        assert_eq!((&refused["field"], &refused["context"]["rule"]), (&json!("options"), &json!(rule)));
    }
    let mut other_first = offering(json!([option(60, 50_000), option(30, 40_000)]));
    other_first["priceKrw"] = 60_000.into();
    mentor.client.post("/v1/offerings", other_first).await.problem(422, "offering.invalid");
    let seven: Vec<_> = (1..8).map(|n| option(15 * n, 10_000 * n)).collect();
    mentor.client.post("/v1/offerings", offering(json!(seven))).await.problem(400, "request.invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_a_change_keeps_what_it_does_not_name() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let made = made(&app, &mentor, "instant").await;
    let path = format!("/v1/offerings/{}", made["id"].as_str().expect("an id"));
    let change = async |version: i64, mut body: Value| {
        body["expectedVersion"] = version.into();
        mentor.client.send(Method::PATCH, &path, Some(body), &[]).await
    };
    let cheaper = change(1, json!({ "priceKrw": 40_000 })).await.ok(200);
    assert_eq!(cheaper["options"], json!([option(60, 40_000), option(15, 0), option(120, 90_000)]));
    let others = change(2, json!({ "options": [option(90, 70_000), option(45, 35_000)] })).await.ok(200);
    assert_eq!(others["options"], json!([option(90, 70_000), option(45, 35_000)]));
    assert_eq!((&others["priceKrw"], &others["durationMinutes"]), (&json!(70_000), &json!(90)));
    let twice = change(3, json!({ "durationMinutes": 45 })).await.problem(422, "offering.invalid");
    assert_eq!(twice["field"], "options");
    let both = json!({ "priceKrw": 1_000, "options": [option(90, 70_000)] });
    change(3, both).await.problem(422, "offering.invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_slots_and_bookings_take_the_duration_that_is_asked_for() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let made = made(&app, &mentor, "instant").await;
    let id = made["id"].as_str().expect("an id").to_owned();
    let listing = async |minutes: &str| {
        let range = "from=2026-03-03T00:00:00Z&to=2026-03-04T00:00:00Z";
        app.anonymous().get(&format!("/v1/offerings/{id}/slots?{range}{minutes}")).await
    };
    // Nine hours, a start every half hour.
    for (minutes, slots) in
        [("", 17), ("&durationMinutes=60", 17), ("&durationMinutes=120", 15), ("&durationMinutes=15", 18)]
    {
        let listed = listing(minutes).await.ok(200);
        assert_eq!(listed["slots"].as_array().map(Vec::len), Some(slots), "{minutes}");
    }
    assert_eq!(listing("&durationMinutes=120").await.ok(200)["durationMinutes"], 120);
    for unknown in ["45", "0", "4294967295"] {
        let refused = listing(&format!("&durationMinutes={unknown}")).await;
        assert_eq!(refused.problem(422, "slot.duration_unknown")["field"], "durationMinutes");
    }

    take(&app, &mentee, &made, 26, 45).await.problem(422, "slot.duration_unknown");
    let long = take(&app, &mentee, &made, 26, 120).await.ok(201);
    assert_eq!((&long["price"], &long["state"]), (&json!(90_000), &json!("awaiting_payment")));
    assert_eq!(
        konnect_tests::instant(&long["endsAt"]) - konnect_tests::instant(&long["startsAt"]),
        TimeDelta::hours(2)
    );
    let again = take(&app, &mentee, &made, 26, 120).await.ok(200);
    assert_eq!(again["id"], long["id"], "S12");
    // Another duration at the same start is another booking, and meets the first.
    take(&app, &mentee, &made, 26, 60).await.problem(409, "slot.taken");
    let long = booking(&long, &mentor, &mentee);
    // What it costs is what it cost when it was taken.
    let change = json!({ "expectedVersion": 1, "options": [option(60, 1_000)] });
    mentor.client.send(Method::PATCH, &format!("/v1/offerings/{id}"), Some(change), &[]).await.ok(200);
    app.pay(&long).await;
    assert_eq!(app.ledger(long.id).await, [90_000, -90_000, 0, 0]);
    app.until(async || listing("&durationMinutes=120").await.status == 422).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_i08_a_free_session_is_confirmed_without_a_payment_and_goes_all_the_way() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let made = made(&app, &mentor, "instant").await;
    let view = take(&app, &mentee, &made, 26, 15).await.ok(201);
    assert_eq!((&view["state"], &view["price"]), (&json!("confirmed"), &json!(0)));
    let free = booking(&view, &mentor, &mentee);
    assert_eq!(app.causes(&free).await, ["reserved", "confirmed"]);
    assert!(app.jobs_of(ExpireHold::KIND).await.is_empty());
    assert_eq!(app.jobs_of(StartReservation::KIND).await.len(), 1);
    app.run_jobs_twice().await;
    for person in [&mentor, &mentee] {
        assert_eq!(app.notices_of(person, "reservation.confirmed").await, 1);
        assert!(app.mails_about(person, "reservation.confirmed").await[0].calendar.is_some());
    }
    let order = mentee.client.post(&format!("{}/payment-orders", free.path()), json!({})).await;
    order.problem(409, "reservation.not_allowed");
    let quote = mentee.client.post(&format!("{}/cancellation-quotes", free.path()), json!({})).await.ok(201);
    assert_eq!(quote["refund"], 0);
    app.complete(&free).await;
    assert_eq!(app.ledger(free.id).await, [0, 0, 0, 0]);
    app.reconcile().await;
    app.run_jobs().await;
    let line = app.log_in(&mentor).await.client.get(&format!("{}/settlement", free.path())).await;
    line.problem(404, "settlement.not_found");
    // Once for each pair; another mentee has theirs.
    take(&app, &mentee, &made, 24 * 7 + 2, 15).await.problem(409, "reservation.free_used");
    take(&app, &app.mentee("other").await, &made, 24 * 7 + 2, 15).await.ok(201);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_of_free_sessions_at_once_one_pair_gets_one() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let made = made(&app, &mentor, "instant").await;
    let (a, b, c) = tokio::join!(
        take(&app, &mentee, &made, 26, 15),
        take(&app, &mentee, &made, 27, 15),
        take(&app, &mentee, &made, 28, 15)
    );
    let (won, lost): (Vec<_>, Vec<_>) = [a, b, c].into_iter().partition(|a| a.status == 201);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.problem(409, "reservation.free_used");
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_a_free_session_that_is_cancelled_moves_no_money_and_counts_against_nobody() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let made = made(&app, &mentor, "instant").await;
    for (hours, who) in [(26, &mentee), (27, &mentor)] {
        let free = booking(&take(&app, &mentee, &made, hours, 15).await.ok(201), &mentor, &mentee);
        let cancelled = app.cancel(&free, who).await;
        assert_eq!((&cancelled["state"], &cancelled["refund"]), (&json!("cancelled"), &json!(0)));
        app.run_jobs_twice().await;
        assert_eq!((app.ledger(free.id).await, app.claims(free.id).await), ([0; 4], 0));
        assert!(app.refunds(&free).await.is_empty());
    }
    let strikes: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM mentor_strikes")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(strikes, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_a_free_session_that_a_mentor_approves() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let made = made(&app, &mentor, "approval").await;
    let view = take(&app, &mentee, &made, 26, 15).await.ok(201);
    assert_eq!(view["state"], "requested");
    let free = booking(&view, &mentor, &mentee);
    take(&app, &mentee, &made, 28, 15).await.problem(409, "reservation.free_used");
    let approved = mentor.client.post(&format!("{}/approve", free.path()), json!({})).await.ok(200);
    assert_eq!(approved["state"], "confirmed");
    assert_eq!(app.causes(&free).await, ["reserved", "confirmed"]);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b06_s67_nobody_comes_to_a_free_session() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let made = made(&app, &mentor, "instant").await;
    let mut sessions = Vec::new();
    for (i, who) in ["mentor", "mentee", "nobody"].into_iter().enumerate() {
        let mentee = app.mentee(&format!("waits-for-{i}")).await;
        let view = take(&app, &mentee, &made, 26 + i64::try_from(i).expect("few"), 15).await.ok(201);
        sessions.push((who, booking(&view, &mentor, &mentee)));
    }
    app.keep_alive(monday() + TimeDelta::hours(30)).await;
    for (who, free) in &sessions {
        app.advance_to(free.starts_at - TimeDelta::minutes(5));
        app.run_jobs().await;
        let there = match *who {
            "mentor" => Some(&free.mentor),
            "mentee" => Some(&free.mentee),
            _ => None,
        };
        let stay = match there {
            Some(person) => Some(app.enter(free, person).await.expect("the room is open")),
            None => None,
        };
        app.advance(TimeDelta::minutes(10));
        if let Some(stay) = stay {
            app.leave_room(stay, konnect::session::Cause::Left).await;
        }
        app.advance_to(free.starts_at + TimeDelta::minutes(10));
        app.run_jobs_twice().await;
        assert_eq!(app.state(free).await, "no_show", "{who} came");
        assert_eq!(app.ledger(free.id).await, [0; 4]);
    }
    // Whoever was let down has another one.
    let (_, let_down) = &sessions[1];
    take(&app, &let_down.mentee, &made, 50, 15).await.ok(201);
    let (_, absent) = &sessions[0];
    take(&app, &absent.mentee, &made, 51, 15).await.problem(409, "reservation.free_used");
    app.advance(TimeDelta::hours(12));
    app.reconcile().await;
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d03_a_request_that_nobody_answered_cannot_be_paid_for() {
    let app = TestApp::start().await;
    let asked = app.booking_of(konnect::mentor::Kind::Approval).await;
    app.advance_to(asked.starts_at - TimeDelta::hours(1));
    app.run_jobs().await;
    assert_eq!(app.state(&asked).await, "expired");
    let mentee = app.log_in(&asked.mentee).await;
    let order = mentee.client.post(&format!("{}/payment-orders", asked.path()), json!({})).await;
    order.problem(409, "reservation.not_allowed");
    assert_eq!(app.seen(&asked, &asked.mentee).await["actions"], json!([]));
    app.finish().await;
}

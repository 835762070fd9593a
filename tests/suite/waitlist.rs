//! Waiting for a slot (C10).

use chrono::{DateTime, TimeDelta, Utc};
use konnect::availability::Window;
use konnect::id::{OfferingId, ReservationId};
use konnect::mentor::Kind;
use konnect::transact;
use konnect_tests::{Answer, Booking, Person, TestApp, instant, monday, weekdays};
use reqwest::Method;
use serde_json::{Value, json};

const OFFERED: &str = "reservation.slot_offered";

/// Wednesday at 09:00 in Seoul.
fn wednesday() -> DateTime<Utc> {
    monday() + TimeDelta::hours(48)
}

/// A mentor with so many hours on Wednesday alone, and an hour to sell.
async fn stage(app: &TestApp, hours: u16) -> (Person, OfferingId) {
    let mentor = app.mentor("mentor").await;
    open(app, &mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    (mentor, offering)
}

async fn open(app: &TestApp, mentor: &Person, hours: u16) {
    let mut narrow = weekdays();
    narrow.slot_interval_min = 60;
    narrow.windows = vec![Window { weekday: 2, from_minute: 540, to_minute: 540 + 60 * hours }];
    app.set_hours(mentor, narrow).await;
}

async fn wait(
    app: &TestApp,
    who: &Person,
    offering: OfferingId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Answer {
    let body = json!({ "from": from, "to": to });
    app.log_in(who).await.client.post(&format!("/v1/offerings/{offering}/waitlist"), body).await
}

async fn wait_for_wednesday(app: &TestApp, who: &Person, offering: OfferingId) -> Value {
    wait(app, who, offering, wednesday(), wednesday() + TimeDelta::hours(9)).await.ok(201)
}

/// The one entry of somebody.
async fn entry(app: &TestApp, who: &Person) -> Value {
    app.log_in(who).await.client.get("/v1/me/waitlist").await.ok(200)[0].clone()
}

/// The hold that was made for somebody.
async fn offered(app: &TestApp, who: &Person, mentor: &Person, offering: OfferingId) -> Booking {
    let entry = entry(app, who).await;
    assert_eq!(entry["state"], "offered", "{entry}");
    let id = entry["reservationId"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let (mentor, mentee) = (app.log_in(mentor).await, app.log_in(who).await);
    let view = mentee.client.get(&format!("/v1/reservations/{id}")).await.ok(200);
    assert_eq!(view["state"], "awaiting_payment");
    assert_eq!(instant(&view["holdUntil"]), app.now() + TimeDelta::minutes(60), "a hold of its own");
    Booking { id, offering, mentor, mentee, starts_at: instant(&view["startsAt"]), price: 50_000 }
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_freed_slot_is_offered_in_order_to_one_at_a_time() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let holder = app.mentee("holder").await;
    let booking = app.book(&mentor, &holder, offering, wednesday()).await;
    app.pay(&booking).await;
    let mut people = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        let person = app.mentee(name).await;
        wait_for_wednesday(&app, &person, offering).await;
        people.push(person);
    }
    app.run_jobs_twice().await;
    for person in &people {
        assert_eq!(entry(&app, person).await["state"], "waiting", "nothing is free");
    }
    app.cancel(&booking, &holder).await;
    app.run_jobs_twice().await;
    let [first, second, third, fourth] = &people[..] else { unreachable!() };
    let hold = offered(&app, first, &mentor, offering).await;
    assert_eq!(hold.starts_at, wednesday());
    assert_eq!(app.notices_of(first, OFFERED).await, 1);
    assert_eq!(
        (app.notices_of(second, OFFERED).await, entry(&app, second).await["state"].clone()),
        (0, json!("waiting"))
    );

    // The first one lets it run out, the second one does not want it, the third one pays.
    app.advance(TimeDelta::minutes(60));
    app.run_jobs_twice().await;
    assert_eq!(
        (app.state(&hold).await.as_str(), entry(&app, first).await["state"].clone()),
        ("expired", json!("passed"))
    );
    let hold = offered(&app, second, &mentor, offering).await;
    app.cancel(&hold, second).await;
    app.run_jobs_twice().await;
    assert_eq!(entry(&app, second).await["state"], "passed");
    let hold = offered(&app, third, &mentor, offering).await;
    app.pay(&hold).await;
    assert_eq!(entry(&app, third).await["state"], "taken");
    assert_eq!(entry(&app, fourth).await["state"], "waiting");
    assert_eq!((app.claims(hold.id).await, app.stray_claims().await), (8, 0));

    // The time passes, and with it the wish.
    app.advance_to(wednesday() + TimeDelta::hours(10));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(entry(&app, fourth).await["state"], "over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_second_slot_is_offered_when_the_first_offer_has_its_answer() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 2).await;
    let (first, second) = (app.mentee("first").await, app.mentee("second").await);
    for person in [&first, &second] {
        wait_for_wednesday(&app, person, offering).await;
    }
    app.run_jobs_twice().await;
    let hold = offered(&app, &first, &mentor, offering).await;
    assert_eq!(entry(&app, &second).await["state"], "waiting", "one at a time");
    app.pay(&hold).await;
    app.run_jobs_twice().await;
    let other = offered(&app, &second, &mentor, offering).await;
    assert_eq!(other.starts_at, wednesday() + TimeDelta::hours(1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_whoever_cannot_hold_it_now_is_passed_over_and_keeps_the_place() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let other = app.mentor("other").await;
    let elsewhere = app.offering(&other, Kind::Instant, 60, 50_000).await;
    let (busy, second) = (app.mentee("busy").await, app.mentee("second").await);
    for hours in [26, 28] {
        app.book(&other, &busy, elsewhere, monday() + TimeDelta::hours(hours)).await;
    }
    for person in [&busy, &second] {
        wait_for_wednesday(&app, person, offering).await;
    }
    app.run_jobs_twice().await;
    assert_eq!(entry(&app, &busy).await["state"], "waiting", "two unpaid holds are the most");
    offered(&app, &second, &mentor, offering).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_what_a_move_frees_and_hours_that_are_opened_are_offered_too() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 2).await;
    let holder = app.mentee("holder").await;
    let booking = app.book(&mentor, &holder, offering, wednesday()).await;
    app.pay(&booking).await;
    let early = app.mentee("early").await;
    wait(&app, &early, offering, wednesday(), wednesday() + TimeDelta::hours(1)).await.ok(201);
    app.run_jobs().await;
    assert_eq!(entry(&app, &early).await["state"], "waiting");
    app.propose(&booking, &holder, wednesday() + TimeDelta::hours(1)).await.ok(201);
    app.run_jobs().await;
    assert_eq!(offered(&app, &early, &mentor, offering).await.starts_at, wednesday());

    let late = app.mentee("late").await;
    wait_for_wednesday(&app, &late, offering).await;
    app.pay(&offered(&app, &early, &mentor, offering).await).await;
    assert_eq!(entry(&app, &late).await["state"], "waiting");
    open(&app, &mentor, 3).await;
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(offered(&app, &late, &mentor, offering).await.starts_at, wednesday() + TimeDelta::hours(2));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_freed_slot_has_one_winner_whoever_asks() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let holder = app.mentee("holder").await;
    let booking = app.book(&mentor, &holder, offering, wednesday()).await;
    let (waits, stranger) = (app.mentee("waits").await, app.mentee("stranger").await);
    wait_for_wednesday(&app, &waits, offering).await;
    app.run_jobs().await;
    app.cancel(&booking, &holder).await;
    let (_, reserved) = tokio::join!(app.run_jobs(), app.reserve(&stranger, offering, wednesday()));
    app.run_jobs().await;
    let state = entry(&app, &waits).await["state"].clone();
    match reserved.status.as_u16() {
        201 => assert_eq!(state, "waiting"),
        _ => {
            reserved.problem(409, "slot.taken");
            assert_eq!(state, "offered");
        }
    }
    assert_eq!(app.stray_claims().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_what_cannot_be_waited_for() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let mentee = app.mentee("mentee").await;
    app.book(&mentor, &app.mentee("holder").await, offering, wednesday()).await;
    let approval = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let day = TimeDelta::days(1);
    let (from, to) = (wednesday(), wednesday() + day);
    wait(&app, &mentor, offering, from, to).await.problem(422, "reservation.own_offering");
    wait(&app, &mentee, approval, from, to).await.problem(409, "waitlist.not_possible");
    for (from, to) in [
        (to, from),
        (from, from),
        (monday() - day, monday()),
        (from, from + day * 14 + TimeDelta::seconds(1)),
    ] {
        wait(&app, &mentee, offering, from, to).await.problem(422, "waitlist.invalid_range");
    }
    let path = format!("/v1/offerings/{offering}/waitlist");
    let odd = json!({ "from": from, "to": to, "durationMinutes": 45 });
    mentee.client.post(&path, odd).await.problem(422, "slot.duration_unknown");
    mentee.client.post(&path, json!({ "from": from })).await.problem(400, "request.invalid");
    let unknown = OfferingId::generate();
    wait(&app, &mentee, unknown, from, to).await.problem(404, "offering.not_found");

    let made = wait(&app, &mentee, offering, from, to).await.ok(201);
    wait(&app, &mentee, offering, from, to).await.problem(409, "waitlist.joined");
    for _ in 0..4 {
        let more = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
        wait(&app, &mentee, more, from, to).await.ok(201);
    }
    let more = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    wait(&app, &mentee, more, from, to).await.problem(409, "waitlist.limit");

    let entry = format!("/v1/me/waitlist/{}", made["id"].as_str().expect("an id"));
    let stranger = app.mentee("stranger").await;
    stranger.client.send(Method::DELETE, &entry, None, &[]).await.problem(404, "waitlist.not_found");
    mentee.client.send(Method::DELETE, &entry, None, &[]).await.ok(204);
    mentee.client.send(Method::DELETE, &entry, None, &[]).await.problem(404, "waitlist.not_found");
    wait(&app, &mentee, offering, from, to).await.ok(201);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_whoever_stands_behind_many_who_want_another_time_is_asked_all_the_same() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let holder = app.mentee("holder").await;
    let booking = app.book(&mentor, &holder, offering, wednesday()).await;
    app.pay(&booking).await;
    // The evening is never opened.
    let evening = wednesday() + TimeDelta::hours(10);
    for number in 0..41 {
        let person = app.mentee(&format!("evening-{number}")).await;
        wait(&app, &person, offering, evening, evening + TimeDelta::hours(2)).await.ok(201);
    }
    let last = app.mentee("last").await;
    wait_for_wednesday(&app, &last, offering).await;
    app.run_jobs().await;
    app.cancel(&booking, &holder).await;
    app.run_jobs_twice().await;
    offered(&app, &last, &mentor, offering).await;
    app.finish().await;
}

/// The mentor changes how an offering is booked, seen at `version`.
async fn sell(mentor: &Person, offering: OfferingId, version: i64, kind: &str) {
    let change = json!({ "expectedVersion": version, "kind": kind });
    let path = format!("/v1/offerings/{offering}");
    mentor.client.send(Method::PATCH, &path, Some(change), &[]).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_an_offering_that_its_mentor_approves_by_now_is_offered_to_nobody() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let holder = app.mentee("holder").await;
    let booking = app.book(&mentor, &holder, offering, wednesday()).await;
    let waits = app.mentee("waits").await;
    wait_for_wednesday(&app, &waits, offering).await;
    sell(&mentor, offering, 1, "approval").await;
    app.cancel(&booking, &holder).await;
    app.run_jobs_twice().await;
    assert_eq!(entry(&app, &waits).await["state"], "waiting");
    assert_eq!(app.notices_of(&waits, OFFERED).await, 0);

    sell(&mentor, offering, 2, "instant").await;
    app.reconcile().await;
    app.run_jobs().await;
    offered(&app, &waits, &mentor, offering).await;
    app.finish().await;
}

/// What an older build wrote: the offer that somebody has is this reservation.
async fn make_offer(app: &TestApp, who: &Person, reservation: ReservationId) {
    let sql = "UPDATE waitlist_entries SET state = 'offered', reservation_id = ? WHERE mentee_id = ?";
    let done = sqlx::query(sql).bind(reservation).bind(who.id).execute(app.core.db.pool()).await;
    assert_eq!(done.expect("the database").rows_affected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_an_offer_ends_with_its_reservation_whatever_that_is() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 2).await;
    let approval = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let (first, second, third) =
        (app.mentee("first").await, app.mentee("second").await, app.mentee("third").await);
    let request = app.book(&mentor, &first, approval, wednesday() + TimeDelta::hours(1)).await;
    let holder = app.mentee("holder").await;
    app.pay(&app.book(&mentor, &holder, offering, wednesday()).await).await;
    wait_for_wednesday(&app, &first, offering).await;
    make_offer(&app, &first, request.id).await;
    wait_for_wednesday(&app, &second, offering).await;
    wait_for_wednesday(&app, &third, offering).await;
    app.run_jobs().await;
    assert_eq!(entry(&app, &first).await["state"], "offered", "the request waits for its answer");

    let path = format!("{}/reject", request.path());
    mentor.client.post(&path, json!({ "reason": "another week" })).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(entry(&app, &first).await["state"], "passed");
    let hold = offered(&app, &second, &mentor, offering).await;

    // An offer that outlived its reservation stands in nobody's way.
    make_offer(&app, &first, request.id).await;
    app.cancel(&hold, &second).await;
    app.run_jobs_twice().await;
    assert_eq!(entry(&app, &first).await["state"], "passed");
    offered(&app, &third, &mentor, offering).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_c10_whoever_leaves_or_is_suspended_waits_no_more() {
    let app = TestApp::start().await;
    let (mentor, offering) = stage(&app, 1).await;
    let holder = app.mentee("holder").await;
    let booking = app.book(&mentor, &holder, offering, wednesday()).await;
    let (leaves, suspended, last) =
        (app.mentee("leaves").await, app.mentee("suspended").await, app.mentee("last").await);
    for person in [&leaves, &suspended, &last] {
        wait_for_wednesday(&app, person, offering).await;
    }
    app.run_jobs().await;
    app.log_in(&leaves).await.client.post("/v1/me/deletion", json!({})).await.ok(200);
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::user::suspend(tx, suspended.id, "misuse").await?)
    })
    .expect("suspended");
    app.cancel(&booking, &holder).await;
    app.run_jobs_twice().await;
    let states: Vec<String> = sqlx::query_scalar("SELECT state FROM waitlist_entries ORDER BY id")
        .fetch_all(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(states, ["left", "left", "offered"]);
    offered(&app, &last, &mentor, offering).await;

    // What is over is forgotten, and what somebody has been offered is not.
    app.advance(TimeDelta::days(110));
    transact!(app.core.db, app.context(), sqlx::Error, tx => { konnect::retention::forget(tx, 1_000).await })
        .expect("forgotten");
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM waitlist_entries")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(left, 1);
    app.run_jobs().await;
    app.finish().await;
}

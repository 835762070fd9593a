//! When mentors can be booked next, as the catalogue knows it: a worker keeps it, the engine is right.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::availability::NewSchedule;
use konnect::job::{Job, ReconcileCatalogue, RefreshNextFree};
use konnect::mentor::Kind;
use konnect_tests::{Person, TestApp, monday, weekdays};
use reqwest::Method;
use serde_json::{Value, json};

/// What the card says.
async fn next_free(app: &TestApp, mentor: &Person) -> Option<DateTime<Utc>> {
    let card = app.anonymous().get(&format!("/v1/mentors/{}", mentor.id)).await.ok(200);
    card["nextFreeAt"].as_str().map(|at| at.parse().expect("an instant"))
}

/// Lets the worker see to what has changed.
async fn settle(app: &TestApp) {
    app.advance(RefreshNextFree::SOON);
    app.run_jobs().await;
}

/// Whom a search for this window finds.
async fn free(app: &TestApp, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
    let at = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let page =
        app.anonymous().get(&format!("/v1/mentors?freeFrom={}&freeTo={}", at(from), at(to))).await.ok(200);
    let items = page["items"].as_array().expect("items");
    let mut names: Vec<_> =
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect();
    names.sort_unstable();
    names
}

/// The starts that the engine lists for an offering.
async fn slots(app: &TestApp, offering: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let at = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let path = format!("/v1/offerings/{offering}/slots?from={}&to={}", at(from), at(to));
    let listing = app.anonymous().get(&path).await.ok(200);
    let start = |slot: &Value| slot["startsAt"].as_str().expect("a start").parse().expect("an instant");
    listing["slots"].as_array().expect("slots").iter().map(start).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_first_is_free_with_time_to_answer() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    app.set_hours(&mentor, NewSchedule { min_notice_min: 0, ..weekdays() }).await;
    let offering = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    settle(&app).await;
    let listed = slots(&app, &offering.to_string(), app.now(), app.now() + TimeDelta::days(1)).await;
    assert_eq!(next_free(&app, &mentor).await, listed.first().copied(), "as its slots are listed");
    let at_once = json!({ "kind": "instant", "expectedVersion": 1 });
    let path = format!("/v1/offerings/{offering}");
    mentor.client.send(Method::PATCH, &path, Some(at_once), &[]).await.ok(200);
    settle(&app).await;
    assert!(next_free(&app, &mentor).await < listed.first().copied(), "sooner, once nobody is asked");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_free_slot_follows_hours_claims_releases_offerings_and_the_clock() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    settle(&app).await;
    assert_eq!(next_free(&app, &mentor).await, None, "nothing to book");

    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    settle(&app).await;
    let first = monday() + TimeDelta::minutes(150);
    assert_eq!(next_free(&app, &mentor).await, Some(first), "two hours' notice from a second after nine");

    let mentee = app.mentee("mentee").await;
    let booking = app.book(&mentor, &mentee, offering, first).await;
    settle(&app).await;
    assert_eq!(next_free(&app, &mentor).await, Some(first + TimeDelta::hours(1)), "claimed");
    let seen = booking.mentee.client.get(&booking.path()).await.ok(200);
    let cancel = json!({ "reason": "cannot come", "expectedVersion": seen["version"] });
    mentee.client.post(&format!("{}/cancel", booking.path()), cancel).await.ok(200);
    settle(&app).await;
    assert_eq!(next_free(&app, &mentor).await, Some(first), "released");

    // The slot passes: nobody changes anything, the clock alone does.
    app.advance_to(first - TimeDelta::hours(2));
    app.run_jobs().await;
    assert_eq!(next_free(&app, &mentor).await, Some(first), "to the very instant");
    app.advance(TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(next_free(&app, &mentor).await, Some(first + TimeDelta::minutes(30)));

    app.set_hours(&mentor, NewSchedule { min_notice_min: 24 * 60, ..weekdays() }).await;
    settle(&app).await;
    assert_eq!(next_free(&app, &mentor).await, Some(monday() + TimeDelta::hours(25)));
    app.set_hours(&mentor, NewSchedule { windows: Vec::new(), ..weekdays() }).await;
    settle(&app).await;
    assert_eq!(next_free(&app, &mentor).await, None, "closed");
    app.set_hours(&mentor, weekdays()).await;
    let path = format!("/v1/offerings/{offering}?expectedVersion=1");
    let mentor = app.log_in(&mentor).await;
    mentor.client.send(reqwest::Method::DELETE, &path, None, &[]).await.ok(204);
    settle(&app).await;
    assert_eq!(next_free(&app, &mentor).await, None, "retired");
    assert_eq!(free(&app, app.now(), app.now() + TimeDelta::days(30)).await, [""; 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_free_within_a_window_is_what_the_engine_says() {
    let app = TestApp::start().await;
    let (seoul, night) = (app.mentor("seoul").await, app.mentor("night").await);
    let one = app.offering(&seoul, Kind::Instant, 60, 50_000).await.to_string();
    let two = app.offering(&night, Kind::Instant, 90, 50_000).await.to_string();
    // Over midnight in UTC, and with buffers.
    let mut windows = weekdays().windows;
    for window in &mut windows {
        (window.from_minute, window.to_minute) = (18 * 60, 24 * 60);
    }
    let hours = NewSchedule {
        time_zone: "America/New_York".into(),
        slot_interval_min: 60,
        buffer_after_min: 30,
        horizon_days: 20,
        windows,
        ..weekdays()
    };
    app.set_hours(&night, hours).await;
    let mentee = app.mentee("mentee").await;
    let offered = slots(&app, &two, app.now(), app.now() + TimeDelta::days(3)).await;
    app.reserve(&mentee, two.parse().expect("an id"), offered[2]).await.ok(201);
    settle(&app).await;

    let end = app.now() + TimeDelta::days(60);
    let listed = [
        ("night", slots(&app, &two, app.now(), end).await),
        ("seoul", slots(&app, &one, app.now(), end).await),
    ];
    let mut checked = 0;
    for hours in (0..26 * 24).step_by(7) {
        for minutes in [1, 15, 60, 150, 26 * 60] {
            let from = monday() + TimeDelta::hours(hours) + TimeDelta::minutes(hours % 4 * 10);
            let to = from + TimeDelta::minutes(minutes);
            let within = |start: &DateTime<Utc>| (from..to).contains(start);
            let free_then = listed.iter().filter(|(_, starts)| starts.iter().any(within));
            let expected: Vec<_> = free_then.map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(free(&app, from, to).await, expected, "{from} to {to}");
            checked += usize::from(!expected.is_empty());
        }
    }
    assert!(checked > 100, "{checked} windows had somebody");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_was_lost_is_found_again_and_one_that_was_seen_to_does_nothing() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let waiting = app.jobs_of(RefreshNextFree::KIND).await;
    assert_eq!(waiting.len(), 2, "one for the hours and one for the offering");
    settle(&app).await;
    let ran = app.jobs_of(RefreshNextFree::KIND).await;
    assert_eq!(ran.len(), 3, "the first run saw to both, and wrote when to look again");

    app.set_hours(&mentor, NewSchedule { windows: Vec::new(), ..weekdays() }).await;
    let lost = sqlx::query("DELETE FROM outbox WHERE kind = ? AND state = 'pending'");
    lost.bind(RefreshNextFree::KIND).execute(app.core.db.pool()).await.expect("the outbox");
    settle(&app).await;
    assert!(next_free(&app, &mentor).await.is_some(), "nobody looked");
    app.reconcile_those(|kind| kind == ReconcileCatalogue::KIND).await;
    app.run_jobs().await;
    assert_eq!(next_free(&app, &mentor).await, None);

    // A card that does not say what its sources say, and one that is not there.
    let other = app.mentor("other").await;
    let spoilt = sqlx::query(
        "UPDATE mentor_cards SET search_text = 'nonsense', lowest_price_krw = 1, stars_5 = 9, rating_rank = 5000
         WHERE mentor_id = ?",
    );
    spoilt.bind(mentor.id).execute(app.core.db.pool()).await.expect("the card");
    for table in ["mentor_free_days", "mentor_terms", "mentor_cards"] {
        let gone = sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE mentor_id = ?"));
        sqlx::query(gone).bind(other.id).execute(app.core.db.pool()).await.expect("the card");
    }
    let anyone = app.anonymous();
    assert_eq!(anyone.get("/v1/mentors").await.ok(200)["items"].as_array().map(Vec::len), Some(1));
    app.advance(TimeDelta::minutes(1));
    app.reconcile_those(|kind| kind == ReconcileCatalogue::KIND).await;
    app.run_jobs().await;
    let cards = anyone.get("/v1/mentors?q=teaches").await.ok(200);
    assert_eq!(cards["items"].as_array().map(Vec::len), Some(2));
    let card = anyone.get(&format!("/v1/mentors/{}", mentor.id)).await.ok(200);
    assert_eq!((&card["lowestPriceKrw"], &card["rating"]["count"]), (&json!(50_000), &json!(0)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn badges_come_from_facts_of_ninety_days_and_from_enough_of_them() {
    let app = TestApp::start().await;
    let bookings = app.completed_sessions(5).await;
    let mentor = bookings[0].mentor.clone();
    let card = async || {
        app.reconcile_those(|kind| kind == konnect::job::RefreshFacts::KIND).await;
        app.run_jobs().await;
        app.anonymous().get(&format!("/v1/mentors/{}", mentor.id)).await.ok(200)
    };
    let shown = card().await;
    assert_eq!(shown["facts"], json!({ "completionPercent": 100, "noShowPercent": 0 }));
    assert_eq!(shown["badges"], json!(["keeps_sessions", "always_there"]));

    // Requests: three answered after ten minutes, one after a day, one never.
    let mentor = app.log_in(&mentor).await;
    let offering = app.offering(&mentor, Kind::Approval, 60, 30_000).await;
    let monday_after = monday() + TimeDelta::days(14);
    let mut asked = Vec::new();
    for i in 0..5_i64 {
        let mentee = app.mentee(&format!("asks{i}")).await;
        asked.push(app.book(&mentor, &mentee, offering, monday_after + TimeDelta::hours(i)).await);
    }
    let reject = async |booking: &konnect_tests::Booking| {
        let mentor = app.log_in(&mentor).await;
        let path = format!("{}/reject", booking.path());
        mentor.client.post(&path, json!({ "reason": "no time" })).await.ok(200);
    };
    app.advance(TimeDelta::minutes(10));
    for booking in &asked[..3] {
        reject(booking).await;
    }
    app.advance(TimeDelta::hours(24));
    reject(&asked[3]).await;
    app.advance(TimeDelta::hours(24));
    let shown = card().await;
    assert_eq!(shown["facts"]["answerMinutes"], json!(10), "half were that fast");
    assert_eq!(shown["badges"], json!(["quick_answers", "keeps_sessions", "always_there"]));

    app.advance(TimeDelta::days(91));
    let shown = card().await;
    assert_eq!((&shown["facts"], &shown["badges"]), (&json!({}), &json!([])), "long ago");
    app.finish().await;
}

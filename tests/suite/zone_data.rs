//! The zone data: one release in every process, and what becomes of bookings when it changes.

use chrono::TimeDelta;
use konnect::availability::ZONE_DATA;
use konnect::job::{Job, ReviewZoneData};
use konnect_jobs::Ended;
use konnect_tests::{Client, Stack, TestApp};

const KIND: &str = "reservation.clock_changed";

#[tokio::test(flavor = "multi_thread")]
async fn q11_every_process_has_the_same_zone_data() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let (code, text) = stack.output("admin", &["--version"]).await;
    assert_eq!(code, 0);
    assert!(text.contains(&format!("zone data {ZONE_DATA}")), "{text}");
    let ready = app.anonymous().get("/readyz").await.ok(200);
    assert_eq!(ready["tzdb"], ZONE_DATA);

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let bind = free.local_addr().expect("an address").to_string();
    drop(free);
    let stack = stack.with("KONNECT_OPS_BIND", &bind);
    let worker = stack.start("booking-worker");
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    app.until(async || http.get(format!("http://{bind}/healthz")).send().await.is_ok()).await;
    let ready = Client::new(&format!("http://{bind}"), None).get("/readyz").await.ok(200);
    assert_eq!(ready["tzdb"], ZONE_DATA, "a worker");
    assert!(worker.stop().await);
    app.leave().await;
}

async fn review(app: &TestApp) -> usize {
    app.advance(TimeDelta::hours(1));
    app.reconcile_those(|kind| kind == ReviewZoneData::KIND).await;
    let ran = app.run_jobs_twice().await;
    let runs: Vec<_> = ran.iter().filter(|ran| ran.kind == ReviewZoneData::KIND).collect();
    assert!(runs.iter().all(|ran| ran.ended == Ended::Done), "{runs:?}");
    runs.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_both_sides_are_asked_when_new_zone_data_moves_the_wall_clock() {
    let app = TestApp::start().await;
    let moved = app.paid_booking().await;
    let mentee = app.mentee("other").await;
    let starts_at = moved.starts_at + TimeDelta::hours(3);
    let same = app.book(&moved.mentor, &mentee, moved.offering, starts_at).await;
    app.pay(&same).await;
    let dropped = app.book(&moved.mentor, &mentee, moved.offering, starts_at + TimeDelta::hours(2)).await;
    let clock = async |id: konnect::id::ReservationId| -> chrono::NaiveDateTime {
        sqlx::query_scalar("SELECT local_starts_at FROM reservations WHERE id = ?")
            .bind(id)
            .fetch_one(app.core.db.pool())
            .await
            .expect("the database")
    };
    assert_eq!(clock(moved.id).await, moved.starts_at.naive_utc() + TimeDelta::hours(9), "Seoul");
    assert_eq!(review(&app).await, 1);
    for booking in [&moved, &same] {
        assert_eq!(app.told(&booking.mentee, KIND).await, [], "nothing has changed");
    }

    // As if they had been booked by data in which Seoul still had summer time.
    for id in [moved.id, dropped.id] {
        sqlx::query(
            "UPDATE reservations SET local_starts_at = local_starts_at + INTERVAL 1 HOUR WHERE id = ?",
        )
        .bind(id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    }
    let version = async |version: &str| {
        sqlx::query("UPDATE zone_data SET version = ?")
            .bind(version)
            .execute(app.core.db.pool())
            .await
            .expect("the database");
    };
    let row = async || {
        let found = konnect::reservation::find(app.core.db.pool(), moved.id).await.expect("the database");
        let r = found.expect("the booking");
        (r.starts_at, r.ends_at, r.state, r.version, r.schedule_version)
    };
    let before = row().await;
    review(&app).await;
    assert_eq!(app.told(&moved.mentee, KIND).await, [], "the same data is not looked through again");
    version("2999z").await;
    review(&app).await;
    assert_eq!(app.told(&moved.mentee, KIND).await, [], "an older process leaves it to a newer one");

    version("2019a").await;
    review(&app).await;
    for person in [&moved.mentor, &moved.mentee] {
        assert_eq!(app.notices_of(person, KIND).await, 1);
        assert_eq!(app.events_of(person).await.iter().filter(|kind| *kind == KIND).count(), 1);
    }
    assert_eq!(app.told(&mentee, KIND).await, [], "one kept its time, the other's hold is over");
    assert_eq!(clock(moved.id).await, moved.starts_at.naive_utc() + TimeDelta::hours(9));
    assert_eq!(row().await, before, "the booking keeps its instant");
    let mails = app.mails_about(&moved.mentee, KIND).await;
    assert_eq!(mails.len(), 1);
    for shown in ["Asia/Seoul", "2026-03-05 10:00", "2026-03-05 09:00"] {
        assert!(mails[0].text.contains(shown), "{}", mails[0].text);
    }

    version("2019a").await;
    review(&app).await;
    assert_eq!(app.notices_of(&moved.mentee, KIND).await, 1, "nobody is asked twice");
    app.finish().await;
}

//! What only real processes can show: `kill -9`, SIGTERM, a Redis that forgets.

use std::time::Duration;

use chrono::{DurationRound, TimeDelta};
use konnect::availability::Window;
use konnect::job::{Job, Ping};
use konnect::mentor::Kind;
use konnect::outbox;
use konnect::transact;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, Stack, TestApp};

const PINGS: usize = 2_000;

async fn pings(app: &TestApp, count: usize) {
    for _ in 0..count / 100 {
        let batch: Vec<_> = (0..100).map(|_| Ping { sent_at: app.now() }).collect();
        transact!(app.core.db, app.context(), sqlx::Error, tx => {
            for ping in &batch {
                outbox::enqueue(tx, ping).await?;
            }
            Ok(())
        })
        .expect("the outbox");
    }
}

async fn done(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ? AND state = 'done'")
        .bind(Ping::KIND)
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

async fn all_done(app: &TestApp, count: usize) {
    app.until(async || done(app).await == i64::try_from(count).expect("a small number")).await;
}

/// A paid-for-later booking on a live clock: hours are open round the clock.
pub async fn live_booking(app: &TestApp) -> Booking {
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let mut hours = konnect_tests::weekdays();
    hours.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
    app.book(&mentor, &mentee, offering, hour + TimeDelta::hours(30)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_a_worker_finishes_what_it_runs_when_it_is_told_to_stop() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let booking = live_booking(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Delay(Duration::from_secs(2))));
    let relay = stack.start("relay");
    let worker = stack.start("payment-worker");
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.until(async || !app.sandbox.calls_to(Endpoint::Confirm).is_empty()).await;

    assert!(worker.stop().await, "it ends well");

    assert_eq!(app.state(&booking).await, "confirmed", "the job in hand was finished");
    assert!(relay.stop().await);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_a_worker_hands_back_what_takes_too_long() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app).with("KONNECT_DRAIN_SECONDS", "1");
    let booking = live_booking(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Hang(Duration::from_secs(50))));
    let _relay = stack.start("relay");
    let worker = stack.start("payment-worker");
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.until(async || !app.sandbox.calls_to(Endpoint::Confirm).is_empty()).await;
    assert!(worker.stop().await, "it ends well");

    let _next = stack.start("payment-worker");
    app.until(async || app.state(&booking).await == "confirmed").await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_a_payment_worker_killed_while_the_provider_works_charges_once() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let booking = live_booking(&app).await;
    // The provider takes the money after the worker's death.
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Delay(Duration::from_millis(1500))));
    let _relay = stack.start("relay");
    let worker = stack.start("payment-worker");
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.until(async || !app.sandbox.calls_to(Endpoint::Confirm).is_empty()).await;
    worker.kill().await;

    let _next = stack.start("payment-worker");
    app.until(async || app.state(&booking).await == "confirmed").await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).iter().filter(|c| c.status == Some(200)).count(), 1);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_workers_killed_again_and_again_lose_and_double_nothing() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let _relay = stack.start("relay");
    let mut worker = stack.start("reminder-worker");
    pings(&app, PINGS).await;
    for round in 1..=3 {
        let goal = round * 300;
        app.until(async || done(&app).await >= goal).await;
        worker.kill().await;
        worker = stack.start("reminder-worker");
    }
    all_done(&app, PINGS).await;
    let counted: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ?")
        .bind(Ping::KIND)
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(counted, i64::try_from(PINGS).expect("a small number"));
    assert!(app.jobs_in("dead").await.is_empty());
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_killed_in_its_work_loses_nothing() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let _worker = stack.start("reminder-worker");
    pings(&app, PINGS).await;
    for goal in [1, 500, 1000] {
        let relay = stack.start("relay");
        app.until(async || done(&app).await >= goal).await;
        relay.kill().await;
    }
    // What was published and not pushed comes back when its time to be claimed is over.
    sqlx::query("UPDATE outbox SET lease_until = created_at WHERE state = 'published' AND worker IS NULL")
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
    let _relay = stack.start("relay");
    all_done(&app, PINGS).await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i18_a_redis_that_forgets_everything_loses_no_job() {
    let app = TestApp::start_live().await;
    let stack = Stack::new(&app);
    let _relay = stack.start("relay");
    let _worker = stack.start("reminder-worker");
    pings(&app, PINGS).await;
    let mut gone = 0;
    for goal in [200, 800] {
        app.until(async || done(&app).await >= goal).await;
        // All keys of this test at once: the server is shared with other tests. The second time there is nothing yet
        // when both goals were reached before we looked.
        gone += forget(&app).await;
    }
    assert!(gone > 0);
    all_done(&app, PINGS).await;
    assert!(app.jobs_in("dead").await.is_empty());
    app.leave().await;
}

async fn forget(app: &TestApp) -> i64 {
    let script = redis::Script::new(
        "local keys = redis.call('keys', ARGV[1]) for _, key in ipairs(keys) do redis.call('del', key) end return #keys",
    );
    script
        .arg(format!("{}*", app.servers.redis_prefix))
        .invoke_async(&mut app.core.redis.clone())
        .await
        .expect("Redis")
}

#[tokio::test(flavor = "multi_thread")]
async fn i18_a_redis_that_restarts_empty_loses_no_job_and_no_booking() {
    let redis = konnect_tests::PrivateRedis::start().await;
    let app = TestApp::start_live_on(&redis).await;
    let stack = Stack::new(&app);
    let _workers = [stack.start("relay"), stack.start("reminder-worker"), stack.start("payment-worker")];
    pings(&app, PINGS).await;
    app.until(async || done(&app).await >= 300).await;
    let redis = redis.restart_empty().await;
    let booking = live_booking(&app).await;
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);

    all_done(&app, PINGS).await;
    app.until(async || app.state(&booking).await == "confirmed").await;
    assert!(app.jobs_in("dead").await.is_empty());
    app.expect_sound().await;
    drop(redis);
    app.leave().await;
}

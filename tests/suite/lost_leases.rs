//! Each job of a payment, failed at every step between its two transactions: before the call, after the call and
//! before its answer, after the answer and before the commit. Run again, it has one effect (S21, I15).

use chrono::TimeDelta;
use konnect::job::{CloseDeposit, ConfirmPayment, Job, RequeryPayment, SyncPayment};
use konnect_jobs::Ended;
use konnect_sandbox::{Effect, Endpoint, Fault, Status, WebhookMode};
use konnect_tests::{Booking, TestApp};
use serde_json::Value;

async fn asked(app: &TestApp) -> (Booking, Value) {
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    (booking, body)
}

/// The stand-in's confirmed payments of this amount.
fn taken(app: &TestApp) -> i64 {
    app.sandbox.ledger_total().captured
}

async fn paid_once(app: TestApp, booking: &Booking) {
    assert_eq!(app.state(booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    assert_eq!(taken(&app), 50_000, "the provider took it once");
    assert_eq!(app.notices_of(&booking.mentee, "reservation.confirmed").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_a_confirmation_that_never_left_is_sent_again() {
    let app = TestApp::start().await;
    let (booking, _) = asked(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(3));
    app.run_jobs_twice().await;
    paid_once(app, &booking).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_a_confirmation_whose_answer_is_lost_is_looked_up() {
    let app = TestApp::start().await;
    let (booking, _) = asked(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(3));
    app.run_jobs_twice().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    paid_once(app, &booking).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_a_confirmation_whose_worker_lost_its_lease_is_written_by_the_next() {
    let app = TestApp::start().await;
    let (booking, _) = asked(&app).await;
    let delivery = app.take_due_of(ConfirmPayment::KIND).await;
    let next = app.run_losing_its_lease(delivery, Endpoint::Confirm).await;
    assert_eq!(app.ledger(booking.id).await, [0; 4], "nothing was written");
    assert_eq!(app.run_and_drain(next).await, Ended::Done);
    paid_once(app, &booking).await;
}

/// An attempt whose confirmation was committed and not answered, and about which a re-query asks.
async fn requeried(app: &TestApp) -> Booking {
    let (booking, body) = asked(app).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    app.run_jobs().await;
    let confirm = &app.jobs_of(ConfirmPayment::KIND).await[0];
    let attempt = body["orderId"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        konnect::outbox::cancel(tx, confirm.id).await?;
        Ok(konnect::payment::requery(tx, attempt).await?)
    })
    .expect("the outbox");
    booking
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_a_requery_without_an_answer_asks_again() {
    for effect in [Effect::DropBefore, Effect::DropAfterCommit, Effect::Status(502)] {
        let app = TestApp::start().await;
        let booking = requeried(&app).await;
        app.sandbox.fault(Fault::once(Endpoint::Get, effect));
        app.run_jobs().await;
        assert_eq!(app.state(&booking).await, "paying");
        app.advance(TimeDelta::seconds(3));
        app.run_jobs_twice().await;
        paid_once(app, &booking).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_a_requery_whose_worker_lost_its_lease_is_written_by_the_next() {
    let app = TestApp::start().await;
    let booking = requeried(&app).await;
    let delivery = app.take_due_of(RequeryPayment::KIND).await;
    let next = app.run_losing_its_lease(delivery, Endpoint::Get).await;
    assert_eq!(app.run_and_drain(next).await, Ended::Done);
    paid_once(app, &booking).await;
}

/// A paid session whose payment the console cancelled, about which a sync asks.
async fn to_sync(app: &TestApp) -> Booking {
    let (booking, body) = asked(app).await;
    app.run_jobs().await;
    app.sandbox
        .cancel_in_console(body["paymentKey"].as_str().expect("a key"), None, "by our staff")
        .expect("the console cancels");
    let attempt_id = body["orderId"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => {
        konnect::outbox::enqueue(tx, &SyncPayment { attempt_id }).await
    })
    .expect("the outbox");
    booking
}

async fn cancelled_once(app: TestApp, booking: &Booking) {
    assert_eq!(app.state(booking).await, "cancelled");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    assert_eq!(app.payment(booking).await["refunds"].as_array().map(Vec::len), Some(1));
    assert_eq!(app.notices_of(&booking.mentee, "reservation.cancelled").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_sync_without_an_answer_asks_again() {
    for effect in [Effect::DropBefore, Effect::DropAfterCommit, Effect::Status(503)] {
        let app = TestApp::start().await;
        let booking = to_sync(&app).await;
        app.sandbox.fault(Fault::once(Endpoint::Get, effect));
        app.run_jobs().await;
        assert_eq!(app.state(&booking).await, "confirmed");
        app.advance(TimeDelta::seconds(3));
        app.run_jobs_twice().await;
        cancelled_once(app, &booking).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_sync_whose_worker_lost_its_lease_is_written_by_the_next() {
    let app = TestApp::start().await;
    let booking = to_sync(&app).await;
    let delivery = app.take_due_of(SyncPayment::KIND).await;
    let next = app.run_losing_its_lease(delivery, Endpoint::Get).await;
    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.run_and_drain(next).await, Ended::Done);
    cancelled_once(app, &booking).await;
}

/// A hold that has just ended with an account still open.
async fn to_close(app: &TestApp) -> (Booking, String) {
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.sandbox.webhooks(WebhookMode::None);
    app.advance(TimeDelta::hours(24));
    (booking, body["paymentKey"].as_str().expect("a key").to_owned())
}

async fn closed_once(app: TestApp, booking: &Booking, key: &str) {
    let found = app.sandbox.payment(key).expect("a payment");
    assert_eq!((found.status, found.cancels.len()), (Status::Canceled, 1));
    assert_eq!(app.payment(booking).await["attempts"][0]["state"], "failed");
    assert_eq!(app.state(booking).await, "expired");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_an_account_is_closed_once_whatever_is_lost() {
    for effect in [
        Effect::DropBefore,
        Effect::DropAfterCommit,
        Effect::Status(503),
        Effect::decline("FAILED_INTERNAL_SYSTEM_PROCESSING"),
    ] {
        let app = TestApp::start().await;
        let (booking, key) = to_close(&app).await;
        app.sandbox.fault(Fault::once(Endpoint::Cancel, effect));
        app.run_jobs().await;
        assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "waiting_for_deposit");
        app.advance(TimeDelta::seconds(3));
        app.run_jobs_twice().await;
        closed_once(app, &booking, &key).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_a_worker_that_lost_its_lease_while_closing_an_account_writes_nothing() {
    let app = TestApp::start().await;
    let (booking, key) = to_close(&app).await;
    let delivery = app.take_due_of(CloseDeposit::KIND).await;
    let next = app.run_losing_its_lease(delivery, Endpoint::Cancel).await;
    assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "waiting_for_deposit");
    assert_eq!(app.run_and_drain(next).await, Ended::Done);
    closed_once(app, &booking, &key).await;
}

/// The payer transfers the money in the moment the account is being closed: the cancel is refused, the deposit counts.
#[tokio::test(flavor = "multi_thread")]
async fn e08_a_deposit_in_the_moment_of_closing_is_not_lost() {
    let app = TestApp::start().await;
    let (booking, key) = to_close(&app).await;
    let delivery = app.take_due_of(CloseDeposit::KIND).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::Status(502)));
    app.executor.execute(delivery).await.expect("the database is there");
    app.sandbox.deposit(&key).expect("the account still takes it");
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;

    let attempt = app.payment(&booking).await["attempts"][0].clone();
    assert!(["done", "surplus"].contains(&attempt["state"].as_str().expect("a state")), "{attempt:#}");
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    app.expect_sound().await;
    app.leave().await;
}

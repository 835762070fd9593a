//! Money that was given back at the provider without us (S28): in its console, by its staff.

use chrono::TimeDelta;
use konnect::job::{Job, ReconcilePayments, RefundPayment, SyncPayment};
use konnect_sandbox::{Effect, Endpoint, Fault, WebhookMode};
use konnect_tests::{Booking, TestApp};
use serde_json::{Value, json};

async fn paid(app: &TestApp) -> (Booking, String) {
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    app.sandbox.settle().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    (booking, body["paymentKey"].as_str().expect("a key").to_owned())
}

async fn in_console(app: &TestApp, key: &str, amount: Option<i64>) {
    app.sandbox.cancel_in_console(key, amount, "by our staff").expect("the console cancels");
    app.sandbox.settle().await;
    app.run_jobs().await;
}

async fn cancel(app: &TestApp, booking: &Booking) -> Value {
    let mentee = app.log_in(&booking.mentee).await;
    let version = mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "ill", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_payment_cancelled_in_the_console_cancels_the_session_and_tells_both() {
    let app = TestApp::start().await;
    let (booking, key) = paid(&app).await;
    app.sandbox.webhooks(WebhookMode::Twice);
    in_console(&app, &key, None).await;
    app.run_jobs_twice().await;

    assert_eq!(app.state(&booking).await, "cancelled");
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.notices_of(person, "reservation.cancelled").await, 1);
    }
    let payment = app.payment(&booking).await;
    assert_eq!(payment["state"], "canceled");
    assert_eq!(payment["refunds"].as_array().map(Vec::len), Some(1), "adopted once");
    assert_eq!(payment["refunds"][0]["cause"], "provider");
    assert!(app.jobs_of(RefundPayment::KIND).await.is_empty(), "nothing is given back a second time");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_i07_a_part_given_back_in_the_console_is_booked_and_the_session_stays() {
    let app = TestApp::start().await;
    let (booking, key) = paid(&app).await;
    in_console(&app, &key, Some(10_000)).await;
    in_console(&app, &key, Some(5_000)).await;

    assert_eq!(app.state(&booking).await, "confirmed", "I8");
    assert_eq!(app.ledger(booking.id).await, [35_000, -35_000, 0, 0]);
    assert_eq!(app.payment(&booking).await["state"], "partial_canceled");
    assert_eq!(app.sandbox.ledger_total().cancelled, 15_000);
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_cancel_after_the_session_is_taken_back_from_what_was_earned() {
    let app = TestApp::start().await;
    let (booking, key) = paid(&app).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(50));
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    in_console(&app, &key, Some(20_000)).await;
    assert_eq!(app.ledger(booking.id).await, [30_000, 0, -25_500, -4_500]);
    in_console(&app, &key, None).await;

    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    assert_eq!(app.state(&booking).await, "completed", "it took place");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_lost_webhook_is_made_up_for_within_a_day() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    in_console(&app, body["paymentKey"].as_str().expect("a key"), None).await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.advance(TimeDelta::hours(24) + TimeDelta::minutes(1));
    app.reconcile().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "cancelled");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    app.finish().await;
}

/// What our refund was to give back is given back by hand while the refund waits.
#[tokio::test(flavor = "multi_thread")]
async fn s25_s28_a_refund_done_by_hand_is_not_done_again() {
    let app = TestApp::start().await;
    let (booking, key) = paid(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("EXCEED_MAX_REFUND_DUE")));
    cancel(&app, &booking).await;
    app.run_jobs().await;
    assert_eq!(app.payment(&booking).await["refunds"][0]["state"], "manual_review");
    in_console(&app, &key, None).await;

    let payment = app.payment(&booking).await;
    assert_eq!(payment["refunds"].as_array().map(Vec::len), Some(1));
    assert_eq!(payment["refunds"][0]["state"], "done");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_i07_a_refund_on_its_way_gives_back_what_the_console_left() {
    let app = TestApp::start().await;
    let (booking, key) = paid(&app).await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::DropBefore));
    cancel(&app, &booking).await;
    app.run_jobs().await;
    in_console(&app, &key, Some(20_000)).await;
    let attempt_id =
        app.payment(&booking).await["attempts"][0]["orderId"].as_str().expect("an id").to_owned();
    konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        konnect::outbox::enqueue(tx, &SyncPayment { attempt_id: attempt_id.parse()? }).await?;
        Ok(())
    })
    .expect("the outbox");
    app.run_jobs().await;
    let payment = app.payment(&booking).await;
    let amounts: Vec<_> =
        payment["refunds"].as_array().expect("refunds").iter().map(|f| f["amount"].as_i64()).collect();
    assert_eq!(amounts, [Some(30_000), Some(20_000)], "the rest, and what was given back without us");
    for _ in 0..4 {
        app.advance(TimeDelta::seconds(20));
        app.run_jobs().await;
    }

    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    assert_eq!(app.sandbox.ledger_total().cancelled, 50_000);
    app.finish().await;
}

/// The answer to our cancel is lost; its webhook tells before the refund's own job asks again.
#[tokio::test(flavor = "multi_thread")]
async fn s24_a_lost_answer_to_a_refund_is_found_by_its_webhook() {
    let app = TestApp::start().await;
    let (booking, _) = paid(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::DropAfterCommit));
    cancel(&app, &booking).await;
    app.run_jobs().await;
    app.sandbox.settle().await;
    app.run_jobs().await;

    assert_eq!(app.payment(&booking).await["refunds"][0]["state"], "done");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    assert_eq!(app.jobs_of(SyncPayment::KIND).await.len(), 1);
    app.advance(TimeDelta::minutes(1));
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Cancel).len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_i10_a_release_that_meets_an_unknown_cancel_adopts_it_first() {
    let app = TestApp::start().await;
    let (booking, key) = paid(&app).await;
    app.sandbox.webhooks(WebhookMode::None);
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(2));
    app.run_jobs().await;
    in_console(&app, &key, Some(20_000)).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(50));
    app.run_jobs().await;
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;

    let lines = konnect::settlement::lines_of_reservation(app.core.db.pool(), booking.id, booking.mentor.id)
        .await
        .expect("the database");
    assert_eq!(lines.iter().map(|line| line.gross_krw.0).sum::<i64>(), 30_000);
    assert!(lines.iter().all(|line| line.state.name() == "ready"), "{lines:?}");
    assert_eq!(app.ledger(booking.id).await, [30_000, 0, -25_500, -4_500]);
    app.finish().await;
}

/// A capture that is not what was captured is for people: one dead job a day says so, not one at every look.
#[tokio::test(flavor = "multi_thread")]
async fn s37_a_capture_that_does_not_fit_is_read_again_after_a_day() {
    let app = TestApp::start().await;
    app.paid_booking().await;
    sqlx::query("UPDATE payment_attempts SET captured_krw = 49000")
        .execute(app.core.db.pool())
        .await
        .expect("SQL");
    app.advance(TimeDelta::hours(25));
    app.run_jobs().await;
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(30));
        app.reconcile_those(|kind| kind == ReconcilePayments::KIND).await;
        app.run_jobs().await;
    }
    let states: Vec<_> = app.jobs_of(SyncPayment::KIND).await.into_iter().map(|job| job.state).collect();
    assert_eq!(states, ["dead"]);
    app.leave().await;
}

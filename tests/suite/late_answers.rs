//! Answers that come late or contradict each other, and the dead ends they must not lead into.

use chrono::TimeDelta;
use konnect::client::toss::{CancelRequest, ConfirmRequest};
use konnect::config::Rules;
use konnect::id::{AttemptId, PaymentId};
use konnect::job::{AccrueSettlement, ConfirmPayment, Job, RequeryPayment};
use konnect::mentor::Kind;
use konnect::money::Krw;
use konnect::{outbox, transact};
use konnect_sandbox::{Effect, Endpoint, Fault, Status, WebhookMode};
use konnect_tests::{Booking, TestApp};
use serde_json::{Value, json};

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().expect("a text").to_owned()
}

/// The provider takes the money without our asking.
async fn capture(app: &TestApp, order_id: &str, payment_key: &str, amount: i64) {
    let request = ConfirmRequest {
        payment_key: payment_key.to_owned(),
        order_id: order_id.to_owned(),
        amount: Krw(amount),
    };
    app.services.toss.confirm(request, "behind-our-back").await.expect("the provider takes the money");
    app.sandbox.settle().await;
}

/// The money of a checkout is taken, and the webhook tells.
async fn capture_late(app: &TestApp, body: &Value) {
    capture(app, &text(body, "orderId"), &text(body, "paymentKey"), body["amount"].as_i64().expect("won"))
        .await;
}

/// A hold that ended with its payer at the checkout.
async fn expired(app: &TestApp) -> (Booking, Value) {
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.core.clock.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    let mentee = app.log_in(&booking.mentee).await;
    (Booking { mentee, ..booking }, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_i04_a_late_capture_that_meets_the_mentees_other_session_claims_nothing() {
    let app = TestApp::start().await;
    let (booking, body) = expired(&app).await;
    let other = app.mentor("other").await;
    let offering = app.offering(&other, Kind::Instant, 60, 50_000).await;
    let elsewhere = app.book(&other, &booking.mentee, offering, booking.starts_at).await;

    capture_late(&app, &body).await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.claims(booking.id).await, 0, "I4: the mentor's time is free");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);
    assert_eq!(app.claims(elsewhere.id).await, 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_database_error_while_a_slot_is_claimed_again_is_no_taken_slot() {
    let app = TestApp::start().await;
    let (booking, body) = expired(&app).await;
    let rename = async |from: &str, to: &str| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("RENAME TABLE {from} TO {to}")))
            .execute(app.core.db.pool())
            .await
            .expect("a rename");
    };
    rename("schedules", "schedules_away").await;
    capture_late(&app, &body).await;
    app.run_jobs().await;
    rename("schedules_away", "schedules").await;
    app.core.clock.advance(TimeDelta::seconds(5));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_who_was_given_back_a_late_capture_can_pay_again() {
    let app = TestApp::start().await;
    let (booking, body) = expired(&app).await;
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);
    capture_late(&app, &body).await;
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "captured and given back");
    app.advance(TimeDelta::minutes(16));
    app.run_jobs().await;

    let again = Booking { mentee: app.log_in(&booking.mentee).await, ..booking };
    app.pay(&again).await;

    assert_eq!(app.ledger(again.id).await, [50_000, -50_000, 0, 0]);
    let path = format!("{}/cancel", again.path());
    let version = again.mentee.client.get(&again.path()).await.ok(200)["version"].clone();
    again.mentee.client.post(&path, json!({ "reason": "ill", "expectedVersion": version })).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.ledger(again.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_money_that_is_found_after_the_session_should_have_begun_goes_back() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "paying");

    app.advance_to(booking.starts_at + TimeDelta::minutes(5));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "payment_failed");
    assert_eq!(app.claims(booking.id).await, 0);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_payment_that_was_cancelled_before_we_knew_of_it_confirms_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    let all = CancelRequest {
        reason: "by hand".into(),
        amount: None,
        refundable_amount: None,
        refund_receive_account: None,
    };
    app.services.toss.cancel(&text(&body, "paymentKey"), all, "by-hand").await.expect("a cancel");
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "awaiting_payment", "nothing is held of this payment");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.pay(&booking).await;
    app.finish().await;
}

/// An attempt that was declined, whose money the provider takes all the same.
async fn declined(app: &TestApp) -> (Booking, Value) {
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("NOT_AVAILABLE_PAYMENT")));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    (booking, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_i09_money_of_a_declined_attempt_is_found_by_its_webhook() {
    let app = TestApp::start().await;
    let (booking, body) = declined(&app).await;
    capture_late(&app, &body).await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_a_decline_after_another_attempt_paid_leaves_the_payment_done() {
    let app = TestApp::start().await;
    let (booking, first) = declined(&app).await;
    app.sandbox.webhooks(WebhookMode::None);
    let second = app.checkout(&booking).await;
    app.confirm(&booking, &second).await.ok(202);
    // The second attempt waits for its answer while the first turns out to be paid.
    let job = &app.jobs_of(ConfirmPayment::KIND).await[0];
    let later = app.now() + TimeDelta::minutes(1);
    sqlx::query("UPDATE outbox SET run_at = ? WHERE id = ?")
        .bind(later)
        .bind(job.id)
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
    app.sandbox.webhooks(WebhookMode::Early);
    capture_late(&app, &first).await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    app.advance(TimeDelta::minutes(1));
    app.run_jobs().await;

    app.expect_sound().await;
    let version = booking.mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "ill", "expectedVersion": version });
    booking.mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "everything is given back");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s19_a_key_of_another_shops_order_does_not_hold_the_slot_for_ever() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let foreign = app.sandbox.checkout("another-shops-order", booking.price).expect("a card").payment_key;
    capture(&app, "another-shops-order", &foreign, booking.price).await;
    let order = app.order(&booking).await;
    let body = json!({ "orderId": order["orderId"], "paymentKey": foreign, "amount": booking.price });
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(5));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "awaiting_payment");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.pay(&booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_a_webhook_wakes_a_question_that_waits_for_hours() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    app.sandbox.fault(Fault::always(Endpoint::Get, Effect::Status(503)));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    for _ in 0..16 {
        app.advance(TimeDelta::minutes(5));
        app.reconcile().await;
        app.run_jobs().await;
    }
    let waiting = app.jobs_of(RequeryPayment::KIND).await.remove(0);
    assert!(waiting.state == "pending" && waiting.run_at > app.now() + TimeDelta::minutes(10), "{waiting:?}");

    app.sandbox.clear_faults();
    let (key, order) = (text(&body, "paymentKey"), text(&body, "orderId"));
    app.sandbox.forge_status(&key, &order, Status::Done, booking.price).await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_many_questions_that_wait_do_not_hide_an_attempt_without_one() {
    let app = TestApp::start().await;
    let (old, later) = (app.now() - TimeDelta::hours(1), app.now() + TimeDelta::days(1));
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        for i in 0..200 {
            let attempt_id = AttemptId::generate();
            sqlx::query(
                "INSERT INTO payment_attempts (id, payment_id, state, idempotency_key, created_at, updated_at)
                 VALUES (?, ?, 'unknown', ?, ?, ?)",
            )
            .bind(attempt_id)
            .bind(PaymentId::generate())
            .bind(format!("waiting-{i}"))
            .bind(old)
            .bind(old)
            .execute(tx.conn())
            .await?;
            outbox::enqueue_at(tx, &RequeryPayment { attempt_id }, later).await?;
        }
        Ok(())
    })
    .expect("the database");
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    let job = &app.jobs_of(ConfirmPayment::KIND).await[0];
    transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
    app.advance(TimeDelta::minutes(3));
    app.reconcile().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_retry_of_dead_reservations_keeps_to_the_limit_of_holds() {
    let app = TestApp::start_with(Rules { cool_down_holds: 0, ..Rules::default() }).await;
    let first = app.booking().await;
    let mut dead = vec![first.clone()];
    for i in 1..3 {
        app.advance(TimeDelta::minutes(16));
        app.run_jobs().await;
        let mentee = app.log_in(&first.mentee).await;
        let slot = first.starts_at + TimeDelta::hours(i);
        dead.push(app.book(&first.mentor, &mentee, first.offering, slot).await);
    }
    app.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    let mentee = app.log_in(&first.mentee).await;
    let mut answers = Vec::new();
    for booking in &dead {
        let path = format!("{}/payment-orders", booking.path());
        answers.push(mentee.client.post(&path, json!({})).await);
    }
    answers.remove(2).problem(409, "reservation.hold_limit");
    assert!(answers.iter().all(|a| a.status.as_u16() == 200));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_what_a_cancellation_keeps_is_accrued_without_its_job() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(booking.starts_at - TimeDelta::hours(1));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    let version = mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "ill", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    let job = &app.jobs_of(AccrueSettlement::KIND).await[0];
    transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
    app.advance(TimeDelta::minutes(6));
    app.reconcile().await;
    app.run_jobs().await;

    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_session_that_has_begun_is_not_paid_for_any_more() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    // The provider's clock stays behind: it would still take the money.
    app.core.clock.advance(booking.starts_at - app.now());
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    assert_eq!(app.state(&booking).await, "paying", "what was asked for may be on its way");
    app.advance(TimeDelta::minutes(11));
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    assert_eq!(app.state(&booking).await, "payment_failed");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

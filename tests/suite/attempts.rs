//! What a payer is told of an attempt, and attempts whose money does not fit.

use chrono::TimeDelta;
use konnect::client::toss::ConfirmRequest;
use konnect::job::{ConfirmPayment, Job};
use konnect::money::Krw;
use konnect_jobs::Executor;
use konnect_sandbox::{Effect, Endpoint, Fault, WebhookMode};
use konnect_tests::{Booking, TestApp};
use serde_json::{Value, json};

async fn confirmed_with(app: &TestApp, booking: &Booking, code: &str) -> Value {
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline(code)));
    let body = app.checkout(booking).await;
    app.confirm(booking, &body).await.ok(202);
    app.run_jobs().await;
    app.payment(booking).await["attempts"].as_array().expect("attempts").last().expect("one").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn e03_every_decline_says_what_to_do_and_leaves_the_hold_alive() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    for (code, class) in [
        ("REJECT_CARD_PAYMENT", "other_method"),
        ("NOT_AVAILABLE_PAYMENT", "later"),
        ("NOT_FOUND_PAYMENT_SESSION", "new_payment"),
    ] {
        let attempt = confirmed_with(&app, &booking, code).await;
        assert_eq!(attempt["state"], "failed");
        assert_eq!(attempt["code"], format!("payment.declined.{class}"));
        assert_eq!(
            (attempt["errorCode"].as_str(), attempt["errorClass"].as_str()),
            (Some(code), Some(class))
        );
        assert_eq!(app.state(&booking).await, "awaiting_payment");
        let texts = ["ko", "en"].map(|language| {
            let (client, path) = (booking.mentee.client.clone(), format!("{}/payment", booking.path()));
            async move {
                let headers = [("accept-language", language)];
                let payment = client.send(reqwest::Method::GET, &path, None, &headers).await.ok(200);
                let attempts = payment["attempts"].as_array().expect("attempts").clone();
                attempts.last().expect("one")["guidance"].as_str().expect("a text").to_owned()
            }
        });
        let [ko, en] = texts;
        let (ko, en) = (ko.await, en.await);
        assert!(ko.chars().any(|c| ('가'..='힣').contains(&c)) && en.is_ascii(), "{ko} {en}");
    }
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 3, "E4: a decline is never tried again");
    app.pay(&booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e04_a_code_that_nobody_knows_is_an_unknown_outcome_and_is_looked_up() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let attempt = confirmed_with(&app, &booking, "A_CODE_OF_NEXT_YEAR").await;
    assert_eq!(
        (attempt["state"].as_str(), attempt["code"].as_str()),
        (Some("unknown"), Some("payment.checking"))
    );
    assert_eq!(app.state(&booking).await, "paying", "I13");
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e04_a_fault_of_ours_is_no_decline() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let attempt = confirmed_with(&app, &booking, "UNAUTHORIZED_KEY").await;
    assert_eq!(
        (attempt["state"].as_str(), attempt["code"].as_str()),
        (Some("unknown"), Some("payment.stopped"))
    );
    assert_eq!(attempt["errorClass"], "stop");
    assert_eq!(app.state(&booking).await, "paying");
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed", "once it is repaired");
    app.finish().await;
}

/// Two tabs: each ordered, each was at the checkout, both confirm at once.
#[tokio::test(flavor = "multi_thread")]
async fn s20_two_tabs_of_one_payer_charge_once() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let (first, second) = (app.checkout(&booking).await, app.checkout(&booking).await);
    assert_eq!(first["orderId"], second["orderId"], "both tabs have the order that waits");
    assert_ne!(first["paymentKey"], second["paymentKey"]);
    let (a, b) = tokio::join!(app.confirm(&booking, &first), app.confirm(&booking, &second));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_another_amount_than_ours_is_given_back_in_full() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    // As if the provider had taken 1,000 won more than the order said.
    let due = async |amount: i64| {
        sqlx::query("UPDATE payments SET amount_krw = ?")
            .bind(amount)
            .execute(app.core.db.pool())
            .await
            .expect("SQL");
    };
    due(49_000).await;
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    due(50_000).await;

    let payment = app.payment(&booking).await;
    assert_eq!(payment["attempts"][0]["state"], "surplus");
    assert_eq!(payment["attempts"][0]["errorCode"], "PROVIDER_MISMATCH");
    assert_eq!(payment["refunds"][0]["cause"], "mismatch");
    assert_eq!(
        (payment["refunds"][0]["amount"].as_i64(), app.ledger(booking.id).await),
        (Some(50_000), [0; 4])
    );
    assert_eq!(app.sandbox.ledger_total().cancelled, 50_000, "what was really taken");
    assert_eq!(app.state(&booking).await, "awaiting_payment", "payable, and no slot is pinned");
    app.pay(&booking).await;
    app.finish().await;
}

/// Money at another merchant is not ours to give back: it waits for an operator, who closes the attempt.
#[tokio::test(flavor = "multi_thread")]
async fn s18_another_merchants_payment_waits_for_an_operator() {
    let mut app = TestApp::start().await;
    app.services.merchant = Some("another".into());
    app.executor = Executor::new(app.services.clone(), "test-worker");
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "paying");
    assert_eq!(app.ledger(booking.id).await, [0; 4], "nothing is booked");
    for _ in 0..3 {
        app.advance(TimeDelta::minutes(3));
        app.reconcile().await;
        app.run_jobs().await;
    }
    assert_eq!(app.jobs_of(konnect::job::RequeryPayment::KIND).await.len(), 1, "asked once, by the webhook");

    let admin = app.admin("admin").await;
    let held = admin.client.get("/v1/admin/payment-attempts").await.ok(200);
    let id = body["orderId"].as_str().expect("an id");
    assert_eq!(held["items"][0]["id"], id);
    assert_eq!(held["items"][0]["errorCode"], "PROVIDER_MISMATCH");
    let path = format!("/v1/admin/payment-attempts/{id}");
    booking
        .mentee
        .client
        .post(&format!("{path}/close"), json!({ "reason": "mine" }))
        .await
        .problem(403, "auth.forbidden");
    admin.client.post(&format!("{path}/requery"), json!({})).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "paying", "it is still not ours");
    admin
        .client
        .post(&format!("{path}/close"), json!({ "reason": "" }))
        .await
        .problem(400, "request.invalid");
    let closed = admin.client.post(&format!("{path}/close"), json!({ "reason": "asked them" })).await.ok(200);
    assert_eq!(
        (closed["state"].as_str(), closed["closedReason"].as_str()),
        (Some("failed"), Some("asked them"))
    );
    assert_eq!(closed["closedBy"], admin.id.to_string());
    admin
        .client
        .post(&format!("{path}/close"), json!({ "reason": "again" }))
        .await
        .problem(409, "payment.attempt_settled");
    app.run_jobs().await;
    assert_ne!(app.state(&booking).await, "paying", "the slot is not pinned any more");
    let history = admin.client.get("/v1/admin/payment-attempts").await.ok(200);
    assert_eq!(history["items"], json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_adopts_by_asking_what_the_provider_captured() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    let text = |field: &str| body[field].as_str().expect("a text").to_owned();
    let request = ConfirmRequest {
        payment_key: text("paymentKey"),
        order_id: text("orderId"),
        amount: Krw(booking.price),
    };
    app.services.toss.confirm(request, "behind-our-back").await.expect("the provider takes the money");
    let admin = app.admin("admin").await;
    admin
        .client
        .post(&format!("/v1/admin/payment-attempts/{}/requery", text("orderId")), json!({}))
        .await
        .ok(200);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    let done = admin.client.get("/v1/admin/payment-attempts?state=done").await.ok(200);
    assert_eq!(done["items"][0]["captured"], 50_000);
    let missing = format!("/v1/admin/payment-attempts/{}/requery", booking.id);
    admin.client.post(&missing, json!({})).await.problem(404, "payment.not_found");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_went_away_before_confirming_leaves_nothing_to_ask_about() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.checkout(&booking).await;
    app.sandbox.webhooks(WebhookMode::None);
    for _ in 0..4 {
        app.advance(TimeDelta::minutes(20));
        app.reconcile().await;
        app.run_jobs().await;
    }
    for endpoint in [Endpoint::Get, Endpoint::Confirm, Endpoint::Cancel] {
        assert!(app.sandbox.calls_to(endpoint).is_empty(), "{endpoint:?}");
    }
    assert_eq!(app.state(&booking).await, "expired");
    assert!(app.jobs_of(ConfirmPayment::KIND).await.is_empty());
    app.finish().await;
}

/// A capture that came beside another, whose refund got lost with its job.
#[tokio::test(flavor = "multi_thread")]
async fn i09_a_surplus_that_no_refund_stands_for_is_found() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let (first, second) = (app.checkout(&booking).await, app.checkout(&booking).await);
    app.pay_with(&booking, &first).await;
    // The second tab's payment has an order of its own here, and the provider took it too.
    let attempt = konnect::id::AttemptId::generate();
    sqlx::query(
        "INSERT INTO payment_attempts (id, payment_id, payment_key, state, idempotency_key, captured_krw, created_at,
            updated_at)
         SELECT ?, payment_id, ?, 'surplus', 'second', 50000, created_at, updated_at FROM payment_attempts",
    )
    .bind(attempt)
    .bind(second["paymentKey"].as_str())
    .execute(app.core.db.pool())
    .await
    .expect("SQL");
    app.advance(TimeDelta::seconds(30));
    app.reconcile().await;
    let delivery = app.take_due_of(konnect::job::ReconcilePayments::KIND).await;
    app.executor.execute(delivery).await.expect("the database is there");

    let payment = app.payment(&booking).await;
    assert_eq!(payment["refunds"][0]["cause"], "orphaned", "within a minute");
    assert_eq!(payment["refunds"][0]["amount"], 50_000);
    app.leave().await;
}

/// The provider is at work on our request, and a look does not show the payment yet.
#[tokio::test(flavor = "multi_thread")]
async fn i13_a_payment_that_the_provider_does_not_show_yet_has_not_failed() {
    for shows in [true, false] {
        let app = TestApp::start().await;
        let booking = app.booking().await;
        app.sandbox.webhooks(WebhookMode::None);
        let body = app.checkout(&booking).await;
        app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
        app.sandbox.fault(Fault::once(Endpoint::Get, Effect::decline("NOT_FOUND_PAYMENT")));
        app.confirm(&booking, &body).await.ok(202);
        app.run_jobs().await;
        // Asked again under the same key; when it could not be at work on it any more, it has failed.
        app.advance(if shows { TimeDelta::seconds(3) } else { TimeDelta::minutes(16) });
        app.run_jobs().await;
        let (state, calls) = if shows { ("confirmed", 2) } else { ("payment_failed", 1) };
        assert_eq!(app.state(&booking).await, state);
        assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), calls);
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_a_payment_is_tried_so_often_and_no_more() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    for _ in 0..20 {
        app.order(&booking).await;
        // As if a card had been declined.
        sqlx::query("UPDATE payment_attempts SET state = 'failed' WHERE state = 'ready'")
            .execute(app.core.db.pool())
            .await
            .expect("SQL");
    }
    let path = format!("{}/payment-orders", booking.path());
    booking.mentee.client.post(&path, json!({})).await.problem(409, "payment.too_many_attempts");
    app.leave().await;
}

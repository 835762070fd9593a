//! Paying: forged redirects, declines, time-outs, replays, and holds that end in between.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::job::{ConfirmPayment, Job};
use konnect_sandbox::{Effect, Endpoint, Fault, WebhookMode};
use konnect_tests::TestApp;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_confirmation_after_the_hold_reclaims_a_free_slot() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.sandbox.freeze(app.now() + TimeDelta::minutes(7));
    app.core.clock.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.claims(booking.id).await, 0, "I4");

    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post("/v1/payments/confirm", body).await.ok(202);
    assert_eq!(app.state(&booking).await, "paying");
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.claims(booking.id).await, 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_confirmation_for_a_slot_that_is_gone_moves_no_money() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.core.clock.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);

    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post("/v1/payments/confirm", body).await.problem(409, "slot.taken");

    app.run_jobs().await;
    assert!(app.sandbox.calls_to(Endpoint::Confirm).is_empty(), "the provider was not asked");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_hold_is_pinned_while_its_payment_is_confirmed() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.sandbox.fault(Fault::times(Endpoint::Confirm, 2, Effect::DropBefore));
    app.core.clock.advance(TimeDelta::minutes(15));

    // The first run brings the expiry and a confirmation without an answer.
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "paying", "the hold is pinned");
    assert_eq!(app.claims(booking.id).await, 8);
    app.core.clock.advance(TimeDelta::seconds(20));
    app.run_jobs().await;
    app.core.clock.advance(TimeDelta::minutes(5));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_a_second_card_succeeds_inside_the_hold() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    let first = app.checkout(&booking).await;
    app.confirm(&booking, &first).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "awaiting_payment", "the hold lives on");
    let payment = booking.mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200);
    assert_eq!(payment["attempts"][0]["state"], "failed");
    assert_eq!(payment["attempts"][0]["errorClass"], "other_method");
    assert!(payment["attempts"][0]["guidance"].as_str().is_some_and(|g| !g.is_empty()));
    app.confirm(&booking, &first).await.problem(409, "payment.attempt_over");

    app.pay(&booking).await;

    let payment = booking.mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200);
    let states: Vec<_> =
        payment["attempts"].as_array().expect("attempts").iter().map(|a| &a["state"]).collect();
    assert_eq!(states, ["failed", "done"]);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_a_tampered_amount_is_refused_before_the_provider_is_asked() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let mut body = app.checkout(&booking).await;
    body["amount"] = json!(100);
    app.confirm(&booking, &body).await.problem(422, "payment.amount_mismatch");
    app.run_jobs().await;
    assert!(app.sandbox.calls_to(Endpoint::Confirm).is_empty());
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s19_another_users_order_and_key_are_not_found() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    let thief = app.mentee("thief").await;
    thief.client.post("/v1/payments/confirm", body.clone()).await.problem(404, "payment.not_found");
    thief.client.get(&format!("{}/payment", booking.path())).await.problem(404, "payment.not_found");
    booking.mentor.client.get(&format!("{}/payment", booking.path())).await.problem(404, "payment.not_found");

    // The thief's own order with the victim's payment key.
    let slot = booking.starts_at + TimeDelta::hours(2);
    let own = app.book(&booking.mentor, &thief, booking.offering, slot).await;
    let order = app.order(&own).await;
    app.confirm(&booking, &body).await.ok(202);
    let stolen =
        json!({ "orderId": order["orderId"], "paymentKey": body["paymentKey"], "amount": own.price });
    app.confirm(&own, &stolen).await.problem(404, "payment.not_found");
    assert_eq!(app.state(&own).await, "awaiting_payment");
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s20_a_confirmation_sent_many_times_asks_the_provider_once() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    let client = &booking.mentee.client;
    let answers = join_all((0..8).map(|i| {
        let (body, key) = (body.clone(), format!("double-click-{}", i % 2));
        async move { client.post_as("/v1/payments/confirm", body, &key).await }
    }))
    .await;
    for answer in answers {
        answer.ok(202);
    }
    app.run_jobs().await;
    app.confirm(&booking, &body).await.ok(200);
    app.run_jobs().await;

    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    assert_eq!(app.jobs_of(ConfirmPayment::KIND).await.len(), 1);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_a_worker_that_dies_between_provider_and_commit_charges_once() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    // The worker's life up to its death: the intent is written, the provider has taken the money.
    let delivery = app.take_due().await.expect("the confirmation");
    konnect::outbox::claim(&app.core.db, delivery, "worker-that-dies", std::time::Duration::from_secs(15))
        .await
        .expect("the database");
    let attempt = body["orderId"].as_str().and_then(|id| id.parse().ok()).expect("an attempt");
    let intent = konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::payment::prepare(tx, attempt).await?)
    })
    .expect("the database");
    let konnect::payment::Intent::Confirm { payment_key, amount, idempotency_key } = intent else {
        panic!("the first run asks for the money: {intent:?}");
    };
    let request =
        konnect::client::toss::ConfirmRequest { payment_key, order_id: attempt.to_string(), amount };
    app.services.toss.confirm(request, &idempotency_key).await.expect("the provider takes the money");

    app.advance(TimeDelta::seconds(16));
    app.reclaim().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1, "the second run looked it up");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_a_provider_that_commits_and_does_not_answer_is_asked_until_it_does() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    app.sandbox.fault(Fault::times(Endpoint::Get, 2, Effect::Status(503)));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    let payment = booking.mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200);
    assert_eq!(payment["state"], "unknown", "I13: no answer is no failure");
    assert_eq!(app.state(&booking).await, "paying");

    for _ in 0..4 {
        app.advance(TimeDelta::seconds(12));
        app.run_jobs().await;
    }

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_a_refusal_that_decides_nothing_is_asked_again_with_a_new_key() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("FAILED_INTERNAL_SYSTEM_PROCESSING")));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    let calls = app.sandbox.calls_to(Endpoint::Confirm);
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0].idempotency_key, calls[1].idempotency_key, "the old key would repeat the refusal");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_the_reconciler_finds_an_attempt_that_nobody_asks_about() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    let job = &app.jobs_of(ConfirmPayment::KIND).await[0];
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => { konnect::outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
    app.advance(TimeDelta::minutes(3));
    app.reconcile().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_failure_after_the_hold_reopens_the_slot_and_tells_both() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "payment_failed");
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    for person in [&booking.mentor, &booking.mentee] {
        assert!(app.events_of(person).await.contains(&"reservation.payment_failed".to_owned()));
    }
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);
    let mentee = app.log_in(&booking.mentee).await;
    let path = format!("{}/payment-orders", booking.path());
    mentee.client.post(&path, json!({})).await.problem(409, "slot.taken");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_can_be_retried_while_the_slot_is_free() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    let mentee = app.log_in(&booking.mentee).await;
    let view = mentee.client.get(&booking.path()).await.ok(200);
    assert_eq!(view["actions"][0]["action"], "retry");

    let again = konnect_tests::Booking { mentee, ..booking };
    app.pay(&again).await;
    assert_eq!(app.claims(again.id).await, 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s33_a_webhook_in_any_order_and_number_has_one_effect() {
    for mode in [WebhookMode::Early, WebhookMode::Twice, WebhookMode::Late] {
        let app = TestApp::start().await;
        let booking = app.booking().await;
        app.sandbox.webhooks(mode);
        let body = app.checkout(&booking).await;
        app.confirm(&booking, &body).await.ok(202);
        app.run_jobs().await;
        app.sandbox.release_webhooks().await;
        app.sandbox.settle().await;
        app.run_jobs().await;
        assert_eq!(app.state(&booking).await, "confirmed");
        assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "I14");
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_a_forged_webhook_has_no_effect() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    let (key, order) =
        (body["paymentKey"].as_str().expect("a key"), body["orderId"].as_str().expect("an id"));
    let status = app.sandbox.forge_status(key, order, konnect_sandbox::Status::Done, booking.price).await;
    assert_eq!(status, Some(200));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

//! Payments by virtual account (E8): the account, its deadline, and deposits in time, late, and never.

use chrono::TimeDelta;
use konnect::config::Rules;
use konnect::job::{CloseDeposit, Job};
use konnect::mentor::Kind;
use konnect_sandbox::{Effect, Endpoint, Fault, Status, WebhookMode};
use konnect_tests::{Booking, TestApp, monday};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn e08_an_account_is_shown_and_told_and_its_deposit_confirms_the_session() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;

    assert_eq!(app.state(&booking).await, "awaiting_payment", "the slot waits with the payer");
    let view = booking.mentee.client.get(&booking.path()).await.ok(200);
    let until = view["holdUntil"].as_str().and_then(|at| at.parse().ok());
    assert_eq!(until, Some(monday() + TimeDelta::hours(24)));
    let payment = app.payment(&booking).await;
    assert_eq!(payment["state"], "ready", "another way to pay is open");
    let account = &payment["attempts"][0]["account"];
    assert!(account["number"].as_str().is_some_and(|n| n.starts_with('X')), "{account}");
    assert_eq!(account["bank"], "20");
    assert!(app.events_of(&booking.mentee).await.contains(&"payment.deposit_awaited".to_owned()));
    assert_eq!(app.notices_of(&booking.mentee, "payment.deposit_awaited").await, 1);
    assert_eq!(app.notices_of(&booking.mentor, "payment.deposit_awaited").await, 0, "the payer's affair");
    let secret: Vec<Option<Vec<u8>>> = sqlx::query_scalar("SELECT secret_sealed FROM payment_attempts")
        .fetch_all(app.core.db.pool())
        .await
        .expect("the database");
    let plain = app.sandbox.payment(body["paymentKey"].as_str().expect("a key")).and_then(|p| p.secret);
    let (sealed, plain) = (secret[0].clone().expect("a secret"), plain.expect("a secret"));
    assert!(!sealed.windows(plain.len()).any(|part| part == plain.as_bytes()), "sealed");

    app.advance(TimeDelta::hours(5));
    app.deposit(&body).await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    assert_eq!(app.payment(&booking).await["attempts"][0]["account"], json!(null), "nothing to pay any more");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s33_both_webhooks_of_a_deposit_have_one_effect() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.sandbox.webhooks(WebhookMode::Twice);
    app.deposit(&body).await;
    app.run_jobs_twice().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    assert_eq!(app.notices_of(&booking.mentee, "reservation.confirmed").await, 1);
    let duplicates: i64 = sqlx::query_scalar("SELECT CAST(SUM(duplicates) AS SIGNED) FROM webhook_inbox")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(duplicates, 2, "each transmission came twice, and each was counted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_an_account_that_nobody_paid_into_is_closed_with_the_hold() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.advance(TimeDelta::hours(24));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    let found = app.sandbox.payment(body["paymentKey"].as_str().expect("a key")).expect("a payment");
    assert_eq!(found.status, Status::Canceled);
    assert_eq!(app.sandbox.calls_to(Endpoint::Cancel).len(), 1);
    assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "failed");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_who_waits_for_a_deposit_can_pay_by_card_and_the_account_is_closed() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.pay(&booking).await;

    let found = app.sandbox.payment(body["paymentKey"].as_str().expect("a key")).expect("a payment");
    assert_eq!(found.status, Status::Canceled);
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_a_declined_card_leaves_the_account_and_its_hold_alone() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let account = app.await_deposit(&booking).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    let card = app.checkout(&booking).await;
    app.confirm(&booking, &card).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "awaiting_payment");

    app.advance(TimeDelta::hours(20));
    app.run_jobs().await;
    app.deposit(&account).await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

/// The hold has ended and the account could not be closed.
async fn late(app: &TestApp) -> (Booking, serde_json::Value) {
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::Status(503)));
    app.advance(TimeDelta::hours(24));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "waiting_for_deposit");
    (booking, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_deposit_after_the_hold_confirms_a_slot_that_is_free() {
    // Two hours of notice are kept, as for any booking.
    let app = TestApp::start_with(Rules { deposit_hold_hours: 20, ..Rules::default() }).await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::Status(503)));
    app.advance(TimeDelta::hours(20));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    app.deposit(&body).await;

    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.claims(booking.id).await, 8);
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_i09_a_deposit_after_the_hold_for_a_slot_that_is_gone_is_to_be_given_back_in_full() {
    let app = TestApp::start().await;
    let (booking, body) = late(&app).await;
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);
    app.deposit(&body).await;

    assert_eq!(app.state(&booking).await, "expired");
    let payment = app.payment(&booking).await;
    assert_eq!(payment["attempts"][0]["state"], "surplus");
    assert_eq!(payment["attempts"][0]["code"], "payment.returned");
    assert_eq!(payment["refunds"][0]["amount"], 50_000, "all of it");
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_a_late_deposit_for_a_mentor_who_is_suspended_is_given_back() {
    let app = TestApp::start().await;
    let (booking, body) = late(&app).await;
    konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::user::suspend(tx, booking.mentor.id, "misuse").await?)
    })
    .expect("suspended");
    app.run_jobs().await;
    app.deposit(&body).await;

    assert_eq!(app.state(&booking).await, "expired");
    let payment = app.payment(&booking).await;
    assert_eq!(payment["attempts"][0]["state"], "surplus");
    assert_eq!(payment["refunds"][0]["amount"], 50_000, "all of it");
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_a_deposit_without_its_webhook_is_found_by_looking() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.await_deposit(&booking).await;
    app.deposit(&body).await;
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.advance(TimeDelta::minutes(11));
    app.reconcile().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_an_account_is_not_asked_about_again_and_again() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.await_deposit(&booking).await;
    app.sandbox.clear_calls();
    for _ in 0..10 {
        app.advance(TimeDelta::minutes(2));
        app.reconcile().await;
        app.run_jobs().await;
    }
    assert_eq!(app.sandbox.calls_to(Endpoint::Get).len(), 1, "once in ten minutes and more");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_a_reservation_that_is_cancelled_closes_the_account_it_waits_for() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    let version = booking.mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let because = json!({ "reason": "ill", "expectedVersion": version });
    booking.mentee.client.post(&format!("{}/cancel", booking.path()), because).await.ok(200);
    app.reconcile().await;
    app.run_jobs().await;

    let found = app.sandbox.payment(body["paymentKey"].as_str().expect("a key")).expect("a payment");
    assert_eq!(found.status, Status::Canceled);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e08_an_account_that_comes_within_the_last_hour_is_refused_and_closed() {
    let app = TestApp::start_with(Rules { hold_minutes: 180, ..Rules::default() }).await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let booking = app.book(&mentor, &mentee, offering, monday() + TimeDelta::hours(2)).await;
    app.advance(TimeDelta::minutes(61));
    let booking = Booking { mentee: app.log_in(&mentee).await, ..booking };
    let body = app.checkout_by_transfer(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;

    let attempt = app.payment(&booking).await["attempts"][0].clone();
    assert_eq!(attempt["code"], "payment.declined.other_method", "{attempt:#}");
    assert_eq!(attempt["errorCode"], "DEPOSIT_TOO_LATE");
    assert_eq!(app.state(&booking).await, "awaiting_payment", "another way to pay is open");
    let found = app.sandbox.payment(body["paymentKey"].as_str().expect("a key")).expect("a payment");
    assert_eq!(found.status, Status::Canceled);
    app.pay(&booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_a_deposit_with_a_wrong_secret_is_a_forgery_and_asks_nobody() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.sandbox.clear_calls();
    let forged = json!({
        "createdAt": "2026-03-02T09:00:00.000000", "secret": "ps_guessed", "status": "DONE",
        "transactionKey": "guessed", "orderId": body["orderId"],
    });
    assert_eq!(app.sandbox.forge_webhook(forged).await, Some(200));
    app.run_jobs().await;

    assert!(app.webhook_outcomes().await.contains(&"forged".to_owned()));
    assert!(app.sandbox.calls_to(Endpoint::Get).is_empty(), "the provider is not asked for a forger");
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    assert_eq!(app.jobs_of(CloseDeposit::KIND).await.len(), 1, "and the account still waits");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_another_account_does_not_begin_the_wait_anew() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.await_deposit(&booking).await;
    app.advance(TimeDelta::hours(23));
    app.run_jobs().await;
    let booking = Booking { mentee: app.log_in(&booking.mentee).await, ..booking };
    app.await_deposit(&booking).await;
    let view = booking.mentee.client.get(&booking.path()).await.ok(200);
    let until = view["holdUntil"].as_str().and_then(|at| at.parse().ok());
    assert_eq!(until, Some(monday() + TimeDelta::hours(24)), "as the first account said");
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");
    app.finish().await;
}

/// A card is typed while a deposit is awaited, its confirmation has no answer, and the deposit comes first.
#[tokio::test(flavor = "multi_thread")]
async fn i09_money_that_is_known_to_buy_nothing_is_not_asked_for_again() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let account = app.await_deposit(&booking).await;
    let card = app.checkout(&booking).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
    app.confirm(&booking, &card).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "paying");
    app.deposit(&account).await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.sandbox.clear_calls();
    for seconds in [3, 40, 660] {
        app.advance(TimeDelta::seconds(seconds));
        app.run_jobs().await;
    }
    assert!(app.sandbox.calls_to(Endpoint::Confirm).is_empty(), "only looked up, until it has expired");
    assert_eq!(app.payment(&booking).await["attempts"][1]["state"], "failed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    assert_eq!(app.sandbox.ledger_total().cancelled, 0);
    app.finish().await;
}

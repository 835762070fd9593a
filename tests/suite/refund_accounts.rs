//! Refunds of virtual accounts: the money has no way back before its payer names one.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect_sandbox::{Effect, Endpoint, Fault, Method, NewCheckout};
use konnect_tests::{Answer, Booking, Person, TestApp};
use serde_json::{Value, json};

/// Paid by virtual account.
async fn deposited(app: &TestApp) -> Booking {
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let at = konnect_tests::monday() + TimeDelta::hours(72);
    let booking = app.book(&mentor, &mentee, offering, at).await;
    let order = app.order(&booking).await;
    let order_id = order["orderId"].as_str().expect("an order id");
    let window = NewCheckout { method: Method::VirtualAccount, ..NewCheckout::new(order_id, booking.price) };
    let window = app.sandbox.checkout_with(window).expect("an account is issued");
    let body = json!({ "orderId": order_id, "paymentKey": window.payment_key, "amount": booking.price });
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.sandbox.deposit(&window.payment_key).expect("the money arrives");
    app.sandbox.settle().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    booking
}

async fn name_account(app: &TestApp, booking: &Booking, who: &Person, account: Value) -> Answer {
    let who = app.log_in(who).await;
    who.client.post(&format!("{}/refund-account", booking.path()), account).await
}

fn account(number: &str) -> Value {
    json!({ "bank": "88", "accountNumber": number, "holderName": "김민지" })
}

/// Rows with a sealed account.
async fn sealed(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM refunds WHERE account_sealed IS NOT NULL")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_a_deposit_goes_back_to_the_account_that_its_payer_names() {
    let app = TestApp::start().await;
    let booking = deposited(&app).await;
    name_account(&app, &booking, &booking.mentee, account("110123456789"))
        .await
        .problem(409, "refund.no_account_needed");
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["needs_account"]);
    assert!(app.events_of(&booking.mentee).await.contains(&"payment.refund_account_needed".to_owned()));
    assert_eq!(app.notices_of(&booking.mentee, "payment.refund_account_needed").await, 1);
    assert!(app.sandbox.calls_to(Endpoint::Cancel).is_empty(), "the provider would refuse");

    for (bad, status) in [
        (account("12345"), 400),
        (account("110-123-456789"), 400),
        (json!({ "bank": "은행", "accountNumber": "110123456789", "holderName": "김민지" }), 422),
        (json!({ "bank": "88", "accountNumber": "110123456789", "holderName": "  " }), 422),
        (json!({ "bank": "88", "accountNumber": "110123456789" }), 400),
    ] {
        let refused = name_account(&app, &booking, &booking.mentee, bad.clone()).await;
        assert_eq!(refused.status, status, "{bad} {:#}", refused.body);
    }
    let mentor = name_account(&app, &booking, &booking.mentor, account("110123456789")).await;
    mentor.problem(404, "payment.not_found");
    assert_eq!(sealed(&app).await, 0);

    name_account(&app, &booking, &booking.mentee, account("110123456789")).await.ok(204);
    assert_eq!(sealed(&app).await, 1);
    app.run_jobs_twice().await;
    assert_eq!(app.refund_states(&booking).await, ["done"]);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    let call = app.sandbox.calls_to(Endpoint::Cancel).pop().expect("it was asked");
    let to = json!({ "bank": "88", "accountNumber": "110123456789", "holderName": "김민지" });
    assert_eq!(call.body["refundReceiveAccount"], to);
    assert_eq!(sealed(&app).await, 0, "forgotten when it is over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_an_account_that_the_bank_refuses_is_asked_for_again() {
    let app = TestApp::start().await;
    let booking = deposited(&app).await;
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("INVALID_REFUND_ACCOUNT_NUMBER")));
    name_account(&app, &booking, &booking.mentee, account("999999999999")).await.ok(204);
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["needs_account"]);
    assert_eq!(sealed(&app).await, 0, "the refused one is forgotten");
    assert_eq!(app.notices_of(&booking.mentee, "payment.refund_account_needed").await, 2);
    let refund = &app.refunds(&booking).await[0];
    assert_eq!(refund.error_code.as_deref(), Some("INVALID_REFUND_ACCOUNT_NUMBER"));

    name_account(&app, &booking, &booking.mentee, account("110123456789")).await.ok(204);
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["done"]);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_nobody_goes_while_a_refund_needs_their_account() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = deposited(&app).await;
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    let leave = async || {
        let mentee = app.log_in(&booking.mentee).await;
        mentee.client.post("/v1/me/deletion", json!({})).await
    };
    let state = async || {
        let user = konnect::user::get(app.core.db.pool(), booking.mentee.id).await;
        user.expect("a user").state.name()
    };
    assert_eq!(app.refund_states(&booking).await, ["needs_account"]);
    leave().await.problem(409, "account.money_open");

    // What is on its way arrives, or is waited for.
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("INVALID_REFUND_ACCOUNT_NUMBER")));
    name_account(&app, &booking, &booking.mentee, account("999999999999")).await.ok(204);
    leave().await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["needs_account"]);
    app.advance(TimeDelta::days(14));
    app.run_jobs().await;
    assert_eq!(state().await, "leaving");
    let id = app.refunds(&booking).await[0].id.to_string();
    app.about_refund(&admin, &id, "mark-done", json!({ "evidence": "cash, receipt 12" })).await.ok(200);
    app.run_jobs().await;
    app.advance(TimeDelta::days(1));
    app.run_jobs_twice().await;
    assert_eq!(state().await, "deleted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_a_payer_who_never_answers_is_paid_by_hand() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = deposited(&app).await;
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    let id = app.refunds(&booking).await[0].id.to_string();
    app.about_refund(&admin, &id, "mark-done", json!({ "evidence": "cash, receipt 12" })).await.ok(200);
    let late = name_account(&app, &booking, &booking.mentee, account("110123456789")).await;
    late.problem(409, "refund.no_account_needed");
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["by_hand"]);
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, 0, 0]);
    app.finish().await;
}

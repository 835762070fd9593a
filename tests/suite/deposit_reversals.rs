//! Deposits that the bank takes back after all (S38), before, in and after the session.

use chrono::TimeDelta;
use konnect_sandbox::Endpoint;
use konnect_tests::{Booking, TestApp};
use serde_json::Value;

/// A session that a deposit paid for.
async fn deposited(app: &TestApp) -> (Booking, Value) {
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.deposit(&body).await;
    assert_eq!(app.state(&booking).await, "confirmed");
    (booking, body)
}

async fn reverse(app: &TestApp, body: &Value) {
    app.sandbox.reverse_deposit(body["paymentKey"].as_str().expect("a key")).expect("a paid account");
    app.sandbox.settle().await;
    app.run_jobs().await;
}

/// The states of the settlement lines, and the sum of what they give the mentor.
async fn lines(app: &TestApp, booking: &Booking) -> (Vec<String>, i64) {
    let lines = konnect::settlement::lines_of_reservation(app.core.db.pool(), booking.id, booking.mentor.id)
        .await
        .expect("the database");
    let net = lines.iter().map(|line| line.net_krw.0).sum();
    (lines.iter().map(|line| line.state.name().to_owned()).collect(), net)
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_reversed_deposit_makes_the_session_payable_again_and_tells_both() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    reverse(&app, &body).await;

    assert_eq!(app.state(&booking).await, "awaiting_payment", "nobody enters a session that is not paid");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "waiting_for_deposit");
    for person in [&booking.mentor, &booking.mentee] {
        assert_eq!(app.notices_of(person, "reservation.capture_reversed").await, 1);
    }
    assert_eq!(app.claims(booking.id).await, 8, "the slot is still held");
    app.expect_sound().await;

    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    app.deposit(&body).await;
    assert_eq!(app.state(&booking).await, "confirmed", "paid again");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_deposit_that_is_taken_back_twice_is_booked_each_time() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    for _ in 0..2 {
        reverse(&app, &body).await;
        assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
        app.deposit(&body).await;
        assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    }
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_reversed_deposit_that_does_not_come_again_opens_the_slot() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    reverse(&app, &body).await;
    app.advance(TimeDelta::hours(25));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.claims(booking.id).await, 0, "I4");
    assert_eq!(app.sandbox.calls_to(Endpoint::Cancel).len(), 1, "the account is closed");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_deposit_reversed_after_the_session_pays_nobody_until_it_is_there_again() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(50));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    assert_eq!(lines(&app, &booking).await.0, ["ready"]);
    reverse(&app, &body).await;

    let (states, net) = lines(&app, &booking).await;
    assert_eq!((states, net), (vec!["reversed".to_owned(); 2], 0), "nothing is owed for what is not paid");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.notices_of(&booking.mentee, "payment.reversed").await, 1);
    app.expect_sound().await;

    app.deposit(&body).await;
    let (states, _) = lines(&app, &booking).await;
    assert_eq!(states, ["reversed", "reversed", "ready"], "paid again, and not frozen");
    assert_eq!(app.ledger(booking.id).await[..2], [50_000, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_deposit_reversed_in_the_session_freezes_what_it_will_earn() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(10));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "in_session");
    reverse(&app, &body).await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.advance_to(booking.starts_at + TimeDelta::hours(50));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    assert_eq!(lines(&app, &booking).await.0, [""; 0], "nothing was earned");

    app.deposit(&body).await;
    assert_eq!(lines(&app, &booking).await.0, ["ready"], "paid after all, and thawed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_an_operator_closes_an_account_whose_deposit_does_not_come_again() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(50));
    app.run_jobs().await;
    reverse(&app, &body).await;
    app.reconcile().await;
    app.run_jobs().await;
    assert!(app.sandbox.calls_to(Endpoint::Cancel).is_empty(), "the deposit may come again");

    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/payment-attempts/{}/close", body["orderId"].as_str().expect("an id"));
    let because = serde_json::json!({ "reason": "the mentee does not pay" });
    let closed = admin.client.post(&path, because.clone()).await.ok(200);
    assert_eq!(closed["closedReason"], "the mentee does not pay");
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Cancel).len(), 1);
    admin.client.post(&path, because).await.problem(409, "payment.attempt_settled");
    let frozen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM settlement_freezes")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(frozen, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_deposit_that_comes_again_for_nothing_lets_go_of_what_was_frozen() {
    let app = TestApp::start().await;
    let (booking, body) = deposited(&app).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(10));
    app.run_jobs().await;
    reverse(&app, &body).await;
    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/reservations/{}/no-show", booking.id);
    let absent = serde_json::json!({ "absent": "mentor", "reason": "By the record of the room." });
    admin.client.post(&path, absent).await.ok(200);
    app.run_jobs().await;
    app.deposit(&body).await;
    assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "surplus", "it is given back");
    let frozen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM settlement_freezes")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(frozen, 0);
    app.finish().await;
}

/// A session that a deposit paid for, and its mentor was paid for, before the bank took the deposit back.
async fn reversed_after_the_payout(app: &TestApp) -> (Booking, Value) {
    let (booking, body) = deposited(app).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(50));
    app.run_jobs().await;
    app.open_account(&booking.mentor).await;
    app.run_batch().await;
    app.money_arrives(&booking.mentor).await;
    assert_eq!(lines(app, &booking).await.0, ["paid"]);
    reverse(app, &body).await;
    assert_eq!(lines(app, &booking).await.0, ["paid", "frozen"], "the deposit may come again");
    app.expect_sound().await;
    (booking, body)
}

/// The mentor owes what was paid for nothing: the next batch nets it.
async fn owes(app: &TestApp, booking: &Booking) {
    assert_eq!(lines(app, booking).await.0, ["paid", "ready"]);
    assert_eq!(app.owed(&booking.mentor).await, (-41_098, 0));
    let debts = konnect::payout::debts(app.core.db.pool(), None, 10).await.expect("the database");
    assert_eq!(debts.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_deposit_reversed_after_the_payout_is_owed_once_its_account_is_closed() {
    let app = TestApp::start().await;
    let (booking, _) = reversed_after_the_payout(&app).await;
    app.advance(TimeDelta::days(31));
    app.reconcile_those(|kind| kind.starts_with("payment.") || kind.starts_with("settlement.reconcile."))
        .await;
    app.run_jobs().await;
    assert_eq!(app.payment(&booking).await["attempts"][0]["state"], "failed", "nobody can pay into it");
    owes(&app, &booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_a_deposit_reversed_after_the_payout_is_owed_once_an_operator_gives_it_up() {
    let app = TestApp::start().await;
    let (booking, body) = reversed_after_the_payout(&app).await;
    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/payment-attempts/{}/close", body["orderId"].as_str().expect("an id"));
    admin.client.post(&path, serde_json::json!({ "reason": "the mentee does not pay" })).await.ok(200);
    app.run_jobs_twice().await;
    owes(&app, &booking).await;
    app.finish().await;
}

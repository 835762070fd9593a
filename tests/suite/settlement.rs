//! What a session earns: when it may be paid, what keeps it back, and what is taken back.

use chrono::TimeDelta;
use konnect::client::toss::CancelRequest;
use konnect::id::ReservationId;
use konnect::ledger;
use konnect::money::Krw;
use konnect::settlement::{self, Bearer};
use konnect::transact;
use konnect_tests::{Booking, TestApp};
use serde_json::Value;

/// A session that took place and that the mentee said was done, right after its end.
async fn completed(app: &TestApp) -> Booking {
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(61));
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&format!("{}/complete", booking.path()), Value::Null).await.ok(200);
    app.run_jobs().await;
    booking
}

/// Past the window in which problems can be reported.
async fn window_over(app: &TestApp, booking: &Booking) {
    app.advance_to(booking.starts_at + TimeDelta::hours(49));
    app.run_jobs().await;
}

async fn states(app: &TestApp, id: ReservationId) -> Vec<String> {
    sqlx::query_scalar("SELECT state FROM settlement_lines WHERE reservation_id = ? ORDER BY id")
        .bind(id)
        .fetch_all(app.core.db.pool())
        .await
        .expect("the database")
}

async fn take_back(app: &TestApp, booking: &Booking, amount: i64, bearer: Bearer, key: &str) {
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(settlement::take_back(tx, booking.id, Krw(amount), bearer, key).await?)
    })
    .expect("it is taken back");
}

/// Sends back to the mentee what is held, so that the test ends as a refund would.
async fn give_back(app: &TestApp, booking: &Booking, amount: i64, key: &str) {
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(ledger::post_refund(tx, booking.id, format!("test:{key}"), Krw(amount)).await?)
    })
    .expect("a posting");
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_nothing_is_ready_before_the_window_for_problems_is_over() {
    let app = TestApp::start().await;
    let booking = completed(&app).await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    assert_eq!(states(&app, booking.id).await, ["accrued"]);
    app.advance_to(booking.starts_at + TimeDelta::hours(49) - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(states(&app, booking.id).await, ["accrued"]);
    app.advance(TimeDelta::seconds(1));
    app.run_jobs_twice().await;
    assert_eq!(states(&app, booking.id).await, ["ready"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_s28_money_that_the_provider_no_longer_has_is_held_and_taken_back() {
    let app = TestApp::start().await;
    let booking = completed(&app).await;
    // Given back in the provider's console, and nobody told us.
    app.sandbox.set_webhook_url(None).expect("off");
    let payment = &app.sandbox.payments()[0];
    let request = CancelRequest {
        reason: "by hand".into(),
        amount: Some(Krw(10_000)),
        refundable_amount: None,
        refund_receive_account: None,
    };
    app.services.toss.cancel(&payment.payment_key, request, "console").await.expect("a cancel");
    window_over(&app, &booking).await;
    assert_eq!(states(&app, booking.id).await, ["held", "held"], "what was given back is a line of its own");
    assert_eq!(app.ledger(booking.id).await, [40_000, 0, -34_000, -6_000]);
    let mentor = app.log_in(&booking.mentor).await;
    let settled = mentor.client.get(&format!("{}/settlement", booking.path())).await.ok(200);
    assert_eq!(settled["lines"][0]["heldReason"], "provider_disagrees");
    let earnings = mentor.client.get("/v1/me/earnings").await.ok(200);
    assert_eq!((&earnings["held"], &earnings["available"]), (&32_878.into(), &0.into()));
    app.advance(TimeDelta::hours(1));
    app.run_jobs().await;
    assert_eq!(states(&app, booking.id).await, ["ready", "ready"], "both agree again");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_line_waits_for_every_holder() {
    let app = TestApp::start().await;
    let booking = completed(&app).await;
    let freeze = async |holder: &str| {
        transact!(app.core.db, app.context(), anyhow::Error, tx => {
            Ok(settlement::freeze(tx, booking.id, holder).await?)
        })
        .expect("frozen");
    };
    let thaw = async |holder: &str| {
        transact!(app.core.db, app.context(), anyhow::Error, tx => {
            Ok(settlement::thaw(tx, booking.id, holder).await?)
        })
        .expect("thawed");
    };
    freeze("a").await;
    freeze("b").await;
    freeze("b").await;
    window_over(&app, &booking).await;
    assert_eq!(states(&app, booking.id).await, ["frozen"]);
    thaw("b").await;
    app.run_jobs().await;
    assert_eq!(states(&app, booking.id).await, ["frozen"]);
    thaw("a").await;
    app.run_jobs().await;
    assert_eq!(states(&app, booking.id).await, ["ready"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_what_is_taken_back_in_parts_ends_at_nothing() {
    let app = TestApp::start().await;
    let booking = completed(&app).await;
    window_over(&app, &booking).await;
    for (amount, key) in [(333, "a"), (16_667, "b"), (33_000, "c")] {
        take_back(&app, &booking, amount, Bearer::Shared, key).await;
        take_back(&app, &booking, 0, Bearer::Shared, key).await;
        give_back(&app, &booking, amount, key).await;
    }
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(states(&app, booking.id).await, ["reversed"; 4]);
    let more = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(settlement::take_back(tx, booking.id, Krw(1), Bearer::Shared, "more").await?)
    });
    assert!(more.is_err(), "no more than was settled");
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_bears_leaves_the_mentor_alone() {
    let app = TestApp::start().await;
    let booking = completed(&app).await;
    take_back(&app, &booking, 5_000, Bearer::Platform, "sorry").await;
    take_back(&app, &booking, 5_000, Bearer::Platform, "sorry").await;
    give_back(&app, &booking, 5_000, "sorry").await;
    assert_eq!(app.ledger(booking.id).await, [45_000, 0, -42_500, -7_500]);
    let balances = ledger::balances(app.core.db.pool()).await.expect("the ledger");
    let goodwill = balances.iter().find(|b| b.account == ledger::Account::Goodwill).expect("a cost");
    assert_eq!(goodwill.amount_krw, Krw(5_000));
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_is_taxed_by_itself_and_lines_keep_their_rates() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(settlement::set_tax_profile(tx, booking.mentor.id, true).await?)
    })
    .expect("a profile");
    window_over(&app, &booking).await;
    let mentor = app.log_in(&booking.mentor).await;
    let settled = mentor.client.get(&format!("{}/settlement", booking.path())).await.ok(200);
    assert_eq!((&settled["withholding"], &settled["net"]), (&0.into(), &42_500.into()));
    assert_eq!(settled["lines"][0]["withholdingBps"], 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_lists_the_month_by_the_korean_calendar() {
    let app = TestApp::start().await;
    let booking = completed(&app).await;
    let mentor = app.log_in(&booking.mentor).await;
    let file = mentor.client.get("/v1/me/statement?month=2026-03").await;
    assert!(file.headers["content-disposition"].to_str().expect("text").contains("konnect-2026-03.csv"));
    let text = file.ok(200);
    let rows: Vec<_> = text.as_str().expect("text").trim_end().lines().collect();
    assert_eq!(rows.len(), 2);
    assert!(
        rows[1].contains(&format!("{},accrual,accrued,50000,7500,681,1402,41098", booking.id)),
        "{}",
        rows[1]
    );
    let empty = mentor.client.get("/v1/me/statement?month=2026-02").await.ok(200);
    assert_eq!(empty.as_str().expect("text").lines().count(), 1);
    for bad in ["2026-13", "2026-3", "march", ""] {
        mentor.client.get(&format!("/v1/me/statement?month={bad}")).await.problem(400, "request.invalid");
    }
    let page = mentor.client.get("/v1/me/settlement-lines?limit=1").await.ok(200);
    assert_eq!(page["items"][0]["net"], 41_098);
    app.finish().await;
}

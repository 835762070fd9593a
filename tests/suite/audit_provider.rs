//! The provider's list of transactions against our books, day by day.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::audit;
use konnect::client::toss::ConfirmRequest;
use konnect::mentor::Kind;
use konnect::money::Krw;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, TestApp, monday};
use serde_json::{Value, json};

/// Half past one at night in Korea, so many nights after the Monday on which clocks start.
fn night(number: i64) -> DateTime<Utc> {
    monday() + TimeDelta::minutes(15 * 60 + 90) + TimeDelta::days(number - 1)
}

async fn look(app: &TestApp) {
    app.reconcile().await;
    app.run_jobs().await;
}

/// A mentor, and mentees with a held slot each, an hour apart from tomorrow 11:00 in Seoul on.
async fn bookings(app: &TestApp, count: usize) -> Vec<Booking> {
    let mentor = app.mentor("mentor").await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let mut all = Vec::new();
    for number in 0..count {
        let mentee = app.mentee(&format!("mentee{number}")).await;
        let hours = 26 + i64::try_from(number).expect("few");
        all.push(app.book(&mentor, &mentee, offering, monday() + TimeDelta::hours(hours)).await);
    }
    all
}

/// The money is taken, and neither we nor the payer's browser hear of it.
async fn take_silently(app: &TestApp, order_id: &str, payment_key: &str, amount: i64) {
    let request =
        ConfirmRequest { payment_key: payment_key.into(), order_id: order_id.into(), amount: Krw(amount) };
    app.services.toss.confirm(request, &format!("silent-{order_id}")).await.expect("the provider takes it");
}

async fn report(app: &TestApp, day: &str, all: bool) -> Value {
    let admin = app.admin(&format!("admin-{day}-{all}-{}", app.now().timestamp())).await;
    admin.client.get(&format!("/v1/admin/reconciliation/{day}?all={all}")).await.ok(200)
}

async fn open_findings(app: &TestApp) -> Vec<String> {
    let found = audit::findings(app.core.db.pool(), Some(true), None, 100).await.expect("the database");
    found.into_iter().map(|f| f.check).collect()
}

async fn is_paused(app: &TestApp) -> bool {
    sqlx::query_scalar("SELECT paused FROM payout_controls")
        .fetch_one(app.core.db.pool())
        .await
        .expect("a row")
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_a_mixed_day_has_no_unexplained_row() {
    let app = TestApp::start().await;
    let all = bookings(&app, 4).await;
    app.pay(&all[0]).await;
    app.pay(&all[1]).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    let declined = app.checkout(&all[2]).await;
    app.confirm(&all[2], &declined).await.ok(202);
    app.run_jobs().await;
    app.pay(&all[2]).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    let unheard = app.checkout(&all[3]).await;
    app.confirm(&all[3], &unheard).await.ok(202);
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(5));
    app.run_jobs().await;
    for (booking, who, version) in [(&all[0], &all[0].mentee, 3), (&all[1], &all[1].mentor, 3)] {
        let body = json!({ "reason": "cannot come", "expectedVersion": version });
        if booking.id == all[0].id {
            // Between a day and three hours before: half.
            app.advance(TimeDelta::hours(3));
        }
        let who = app.log_in(who).await;
        who.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
        app.run_jobs().await;
    }
    look(&app).await;
    let admin = app.admin("admin").await;
    admin.client.get("/v1/admin/reconciliation/2026-03-02").await.problem(404, "reconciliation.not_found");

    app.advance_to(night(1));
    look(&app).await;
    let seen = report(&app, "2026-03-02", true).await;
    let day = &seen["report"];
    assert_eq!(
        (&day["transactions"], &day["matched"], &day["unexplained"]),
        (&6.into(), &6.into(), &0.into())
    );
    assert_eq!((&day["captured"], &day["ledgerCaptured"]), (&200_000.into(), &200_000.into()));
    assert_eq!((&day["cancelled"], &day["ledgerRefunded"]), (&75_000.into(), &75_000.into()));
    let matched = seen["items"].as_array().expect("rows").iter().all(|row| row["match"] == "matched");
    assert!(matched, "{seen:#}");
    assert_eq!(report(&app, "2026-03-02", false).await["items"], json!([]));
    let admin = app.log_in(&admin).await;
    let days = admin.client.get("/v1/admin/reconciliation?from=2026-03-01&to=2026-03-03").await.ok(200);
    let dates: Vec<_> = days["items"].as_array().expect("days").iter().map(|d| d["day"].clone()).collect();
    assert_eq!(dates, ["2026-03-02", "2026-03-01"]);
    assert!(!is_paused(&app).await && open_findings(&app).await.is_empty());
    let read = app.sandbox.calls_to(Endpoint::Transactions).len();
    app.advance(TimeDelta::hours(1));
    look(&app).await;
    assert_eq!(
        app.sandbox.calls_to(Endpoint::Transactions).len(),
        read,
        "a day without questions is read once"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_what_no_webhook_told_is_found_in_the_list() {
    let app = TestApp::start().await;
    app.sandbox.set_webhook_url(None).expect("off");
    let all = bookings(&app, 3).await;
    app.pay(&all[0]).await;
    // Given back by somebody in the provider's console.
    let paid = app.sandbox.payments()[0].payment_key.clone();
    app.sandbox.cancel_in_console(&paid, None, "asked by phone").expect("a cancel");
    // Taken after the payer's browser was gone: for one the slot is still free, for the other somebody else has it.
    for booking in &all[1..] {
        let body = app.checkout(booking).await;
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        take_silently(&app, &text("orderId"), &text("paymentKey"), booking.price).await;
    }
    app.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    let rival = app.mentee("rival").await;
    app.reserve(&rival, all[2].offering, all[2].starts_at).await.ok(201);
    app.advance(TimeDelta::minutes(16));
    look(&app).await;
    assert_eq!(app.state(&all[1]).await, "expired", "nobody told us");
    assert_eq!(app.state(&all[0]).await, "confirmed", "nobody told us");
    let rival = app.log_in(&rival).await;
    app.reserve(&rival, all[2].offering, all[2].starts_at).await.ok(201);
    app.advance_to(night(1) - TimeDelta::minutes(5));
    look(&app).await;
    // The slot of the third is held by the rival again when its money is found.
    let rival = app.log_in(&rival).await;
    let held = app.reserve(&rival, all[2].offering, all[2].starts_at).await;
    assert!(held.status.is_success(), "{:#}", held.body);

    app.advance_to(night(1) + TimeDelta::minutes(1));
    look(&app).await;
    assert_eq!(app.state(&all[1]).await, "confirmed", "its slot was still free");
    assert_eq!(app.state(&all[0]).await, "cancelled", "by the provider");
    assert_eq!(app.ledger(all[0].id).await, [0, 0, 0, 0]);
    assert_eq!(app.ledger(all[2].id).await, [0, 0, 0, 0], "taken for nothing, and given back");
    app.advance(TimeDelta::minutes(6));
    look(&app).await;
    app.advance(TimeDelta::minutes(6));
    look(&app).await;

    let seen = report(&app, "2026-03-02", true).await;
    assert_eq!(seen["report"]["unexplained"], 0, "{seen:#}");
    assert_eq!(
        (&seen["report"]["captured"], &seen["report"]["ledgerCaptured"]),
        (&150_000.into(), &150_000.into())
    );
    assert_eq!(seen["report"]["cancelled"], 50_000, "the other refund is of the next day");
    assert!(
        open_findings(&app).await.is_empty() && !is_paused(&app).await,
        "repaired before it was a finding"
    );
    app.advance_to(night(2));
    look(&app).await;
    let next = report(&app, "2026-03-03", true).await;
    assert_eq!((&next["report"]["unexplained"], &next["report"]["cancelled"]), (&0.into(), &50_000.into()));
    assert!(open_findings(&app).await.is_empty());
    assert_eq!(app.sandbox.ledger_total().held(), 50_000);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_what_the_provider_does_not_know_of_stops_payouts() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    // The payment that our books name is none of the provider's.
    sqlx::query("UPDATE payment_attempts SET payment_key = 'nowhere', transaction_key = 'nowhere'")
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    app.advance_to(night(1));
    look(&app).await;
    app.advance(TimeDelta::minutes(6));
    look(&app).await;
    let seen = report(&app, "2026-03-02", false).await;
    let mut states: Vec<_> =
        seen["items"].as_array().expect("rows").iter().map(|row| row["match"].clone()).collect();
    states.sort_by_key(ToString::to_string);
    assert_eq!(states, ["missing_here", "missing_there"], "{seen:#}");
    assert_eq!((&seen["report"]["transactions"], &seen["report"]["unexplained"]), (&1.into(), &2.into()));
    assert_eq!(open_findings(&app).await, ["provider", "provider"]);
    assert!(is_paused(&app).await);

    // Set right by hand, it is gone at the next look; payouts wait for the operator.
    let row = &app.sandbox.transactions()[0];
    sqlx::query("UPDATE payment_attempts SET payment_key = ?, transaction_key = ?")
        .bind(&row.payment_key)
        .bind(&row.transaction_key)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    app.advance(TimeDelta::minutes(30));
    look(&app).await;
    assert!(open_findings(&app).await.is_empty());
    assert!(is_paused(&app).await);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_a_capture_of_the_last_second_belongs_to_the_provider_s_day() {
    let app = TestApp::start().await;
    // 23:59:59 in Seoul.
    app.advance_to(monday() + TimeDelta::hours(15) - TimeDelta::seconds(61));
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.advance(TimeDelta::seconds(60));
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed", "posted after midnight");
    for number in [1, 2] {
        app.advance_to(night(number));
        look(&app).await;
    }
    let first = report(&app, "2026-03-02", true).await;
    let second = report(&app, "2026-03-03", true).await;
    for seen in [&first, &second] {
        assert_eq!(seen["report"]["unexplained"], 0, "{seen:#}");
    }
    assert_eq!(
        (&first["report"]["captured"], &first["report"]["ledgerCaptured"]),
        (&50_000.into(), &50_000.into())
    );
    assert_eq!(second["report"]["captured"], 0);
    assert!(open_findings(&app).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_what_nobody_can_explain_stops_payouts() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    // Another program sells over the same merchant account.
    let order = konnect::id::AttemptId::generate().to_string();
    let card = app.sandbox.checkout(&order, 9_900).expect("a card");
    take_silently(&app, &order, &card.payment_key, 9_900).await;
    app.sandbox.settle().await;
    app.run_jobs().await;
    app.advance_to(night(1));
    look(&app).await;
    let seen = report(&app, "2026-03-02", false).await;
    assert_eq!((&seen["report"]["transactions"], &seen["report"]["unexplained"]), (&2.into(), &1.into()));
    assert_eq!(seen["items"][0]["match"], "missing_here");
    assert_eq!(seen["items"][0]["amount"], 9_900);
    assert!(open_findings(&app).await.is_empty(), "not before a job had the time to close the gap");
    app.advance(TimeDelta::minutes(30));
    look(&app).await;
    assert_eq!(open_findings(&app).await, ["provider"]);
    assert!(is_paused(&app).await);
    let found = audit::findings(app.core.db.pool(), Some(true), None, 1).await.expect("the database");
    assert_eq!((&found[0].facts["order"], &found[0].facts["provider"]), (&json!(order), &json!(9_900)));
    assert_eq!((&found[0].facts["state"], &found[0].facts["ledger"]), (&json!("missing_here"), &Value::Null));
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_a_list_that_breaks_off_is_read_again() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance_to(night(1));
    for effect in [Effect::Status(500), Effect::DropBefore] {
        app.sandbox.fault(Fault::once(Endpoint::Transactions, effect));
    }
    look(&app).await;
    app.advance(TimeDelta::minutes(1));
    app.run_jobs().await;
    app.advance(TimeDelta::minutes(1));
    app.run_jobs_twice().await;
    let seen = report(&app, "2026-03-02", true).await;
    assert_eq!(
        (&seen["report"]["matched"], &seen["report"]["unexplained"]),
        (&1.into(), &0.into()),
        "{seen:#}"
    );
    app.finish().await;
}

//! Batches: who is paid what, who is carried over and why, and what a mentor sees of it.

use chrono::TimeDelta;
use konnect::config::Rules;
use konnect::job::{Job, RunPayoutBatch, SendPayout};
use konnect::ledger;
use konnect::money::Krw;
use konnect::payout::{self, Looked};
use konnect::settlement;
use konnect::transact;
use konnect_sandbox::{Endpoint, SellerStatus};
use konnect_tests::{Earner, Person, TestApp, account_body, monday};
use serde_json::{Value, json};

/// Of a session for ₩50,000: fee 15 %, 3.3 % of the rest withheld.
const NET: i64 = 41_098;

/// As an administrator who has just come.
async fn admin_get(app: &TestApp, path: &str) -> Value {
    let admin = app.admin(&format!("admin-{}", konnect::id::EventId::generate())).await;
    admin.client.get(path).await.ok(200)
}

/// Why the newest batch skipped the mentor.
async fn skip_of(app: &TestApp, mentor: &Person) -> String {
    let batches = admin_get(app, "/v1/admin/payout-batches").await;
    let id = batches["items"][0]["id"].as_str().expect("a batch").to_owned();
    let batch = admin_get(app, &format!("/v1/admin/payout-batches/{id}")).await;
    let skips = batch["skips"].as_array().expect("skips");
    let skip = skips.iter().find(|skip| skip["mentorId"] == mentor.id.to_string()).expect("a skip");
    skip["reason"].as_str().expect("a reason").to_owned()
}

/// A refund of a session that was paid out already.
async fn claw_back(app: &TestApp, earner: &Earner, amount: i64, key: &str) {
    let (first, second) =
        (app.admin(&format!("first-{key}")).await, app.admin(&format!("second-{key}")).await);
    let asked = app.refund(&first, &earner.bookings[0], amount, "shared").await.ok(201);
    if asked["state"] == "awaiting_approval" {
        app.about_refund(&second, asked["id"].as_str().expect("an id"), "approve", json!({})).await.ok(200);
    }
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mentor_is_paid_once_and_sees_each_session() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000, 50_000]).await;
    assert_eq!(app.owed(&earner.mentor).await, (2 * NET, 0));

    app.open_batch().await;
    app.run_jobs_twice().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
    assert_eq!(app.owed(&earner.mentor).await, (0, 2 * NET), "on its way, not there");
    assert_eq!(app.line_states_of(&earner.mentor).await, ["paying", "paying"]);

    let id = app.payouts_of(&earner.mentor).await[0].id;
    app.sandbox.complete_payout(&id.to_string()).expect("under way");
    app.sandbox.settle().await;
    app.run_jobs_twice().await;

    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    assert_eq!(app.line_states_of(&earner.mentor).await, ["paid", "paid"]);
    let transfers = app.sandbox.payouts();
    assert_eq!(transfers.len(), 1);
    assert_eq!((transfers[0].amount, transfers[0].ref_payout_id.clone()), (2 * NET, id.to_string()));
    assert!(app.sandbox.calls_to(Endpoint::Payout).iter().all(|call| call.encrypted));
    assert_eq!(app.notices_of(&earner.mentor, "payout.paid").await, 1);
    let kinds: Vec<_> = ledger::entries_of_payout(app.core.db.pool(), id)
        .await
        .expect("the database")
        .into_iter()
        .map(|entry| entry.kind)
        .collect();
    assert_eq!(kinds, ["payout_sent", "payout_sent", "payout_paid", "payout_paid"]);

    let mentor = app.log_in(&earner.mentor).await;
    let list = mentor.client.get("/v1/me/payouts").await.ok(200);
    assert_eq!((&list["items"][0]["state"], &list["items"][0]["amount"]), (&json!("paid"), &json!(2 * NET)));
    let shown = mentor.client.get(&format!("/v1/me/payouts/{id}")).await.ok(200);
    let reservations: Vec<_> = shown["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| line["reservationId"].as_str().expect("an id").to_owned())
        .collect();
    let sessions: Vec<_> = earner.bookings.iter().map(|booking| booking.id.to_string()).collect();
    assert_eq!(reservations, sessions);
    assert_eq!(shown["accountNumber"], "******6780");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_week_has_one_batch_however_often_it_is_run() {
    let app = TestApp::start().await;
    // Monday: the batch of last Wednesday is made good, of this one nothing is due yet.
    app.reconcile().await;
    app.run_jobs().await;
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM payout_batches")
            .fetch_one(app.core.db.pool())
            .await
            .expect("the database")
    };
    assert_eq!(count().await, 1);
    app.advance_to(monday() + TimeDelta::hours(49) - TimeDelta::seconds(1));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(count().await, 1);
    app.advance(TimeDelta::seconds(1));
    for _ in 0..3 {
        app.reconcile().await;
        app.run_jobs_twice().await;
    }
    assert_eq!(count().await, 2, "Wednesday at ten in Seoul");

    let earner = app.payee("mina", &[50_000]).await;
    app.advance_to(monday() + TimeDelta::hours(7 * 24 + 49));
    app.reconcile().await;
    app.run_jobs().await;
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.payouts_of(&earner.mentor).await.len(), 1);
    assert_eq!(app.sandbox.payouts().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_and_two_batches_pay_a_line_once() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000, 50_000]).await;
    let mut batches = Vec::new();
    for _ in 0..4 {
        let batch =
            transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(payout::open_now(tx).await?) });
        batches.push(batch.expect("a batch").id);
        app.advance(TimeDelta::seconds(1));
    }
    let looks = batches.iter().chain(&batches).map(|batch| {
        let (core, context, mentor) = (app.core.clone(), app.context(), earner.mentor.id);
        async move {
            transact!(core.db, context, anyhow::Error, tx => {
                Ok(payout::look_at(tx, &core.rules, *batch, mentor).await?)
            })
            .expect("a look")
        }
    });
    let looked = futures_util::future::join_all(looks).await;
    let payouts = looked.iter().filter(|looked| matches!(looked, Looked::Payout(_))).count();
    assert_eq!(payouts, 1, "{looked:?}");
    app.run_jobs().await;
    assert_eq!(app.jobs_of(SendPayout::KIND).await.len(), 1);
    assert_eq!(app.sandbox.payouts().len(), 1);
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn less_than_the_minimum_is_carried_over_until_it_is_enough() {
    let app = TestApp::start().await;
    let mut earner = app.payee("mina", &[10_000]).await;
    app.run_batch().await;
    assert_eq!(skip_of(&app, &earner.mentor).await, "below_minimum");
    assert!(app.payouts_of(&earner.mentor).await.is_empty());
    assert_eq!(app.line_states_of(&earner.mentor).await, ["ready"]);
    assert_eq!(app.notices_of(&earner.mentor, "payout.carried_over").await, 0, "there is nothing to do");

    app.earn_more(&mut earner, &[10_000]).await;
    app.run_batch().await;
    let payouts = app.payouts_of(&earner.mentor).await;
    assert_eq!(payouts[0].amount_krw, Krw(2 * 8_220), "both: 10,000 less 1,500, less 3.3 % of the rest");
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_what_is_given_back_after_the_payout_is_netted_by_the_next_batch() {
    let app = TestApp::start().await;
    let mut earner = app.payee("mina", &[50_000]).await;
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;

    claw_back(&app, &earner, 50_000, "one").await;
    assert_eq!(app.owed(&earner.mentor).await, (-NET, 0), "the mentor owes us");
    app.run_batch().await;
    assert_eq!(skip_of(&app, &earner.mentor).await, "owes");
    let debts = admin_get(&app, "/v1/admin/payout-debts").await;
    assert_eq!(debts["items"][0]["mentorId"], earner.mentor.id.to_string());
    assert_eq!(debts["items"][0]["amount"], -NET);

    app.earn_more(&mut earner, &[50_000]).await;
    app.run_batch().await;
    assert_eq!(skip_of(&app, &earner.mentor).await, "below_minimum", "one makes up for the other");
    app.earn_more(&mut earner, &[50_000]).await;
    app.run_batch().await;
    let payouts = app.payouts_of(&earner.mentor).await;
    assert_eq!((payouts.len(), payouts[0].amount_krw), (2, Krw(NET)));
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    assert!(app.line_states_of(&earner.mentor).await.iter().all(|state| state == "paid"), "I11");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_weekly_limit_is_kept_and_the_rest_waits() {
    let app = TestApp::start_with(Rules { fee_bps: 0, withholding_bps: 0, ..Rules::default() }).await;
    let prices = [6_000_000, 5_000_000, 3_000_000];
    let earner = app.earner("mina", &prices).await;
    app.give_account(&earner.mentor, account_body(0)).await;
    app.approve(&earner.mentor, SellerStatus::PartiallyApproved).await;
    app.run_batch().await;
    let payouts = app.payouts_of(&earner.mentor).await;
    assert_eq!((payouts[0].amount_krw, payouts[0].carried_krw), (Krw(9_000_000), Krw(5_000_000)));
    app.money_arrives(&earner.mentor).await;
    app.advance(TimeDelta::seconds(1));
    app.run_batch().await;
    assert_eq!(skip_of(&app, &earner.mentor).await, "weekly_limit");

    app.advance(TimeDelta::days(7));
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.sandbox.payouts().iter().map(|p| p.amount).collect::<Vec<_>>(), [9_000_000, 5_000_000]);
    assert_eq!(
        app.sandbox.seller(&app.seller_id(&earner.mentor).await).expect("a payee").status,
        SellerStatus::PartiallyApproved
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_since_last_week_counts_towards_the_limit_of_this_one() {
    let app = TestApp::start_with(Rules { fee_bps: 0, withholding_bps: 0, ..Rules::default() }).await;
    let earner = app.earner("mina", &[6_000_000, 5_000_000]).await;
    app.give_account(&earner.mentor, account_body(0)).await;
    app.approve(&earner.mentor, SellerStatus::PartiallyApproved).await;
    // Friday at 16:00 in Seoul: it is sent on Monday at 8.
    app.advance_to(monday() + TimeDelta::days(4) + TimeDelta::hours(7));
    app.run_batch().await;
    assert_eq!(app.payouts_of(&earner.mentor).await[0].amount_krw, Krw(6_000_000));
    // Monday at 7.
    app.advance_to(monday() + TimeDelta::days(6) + TimeDelta::hours(22));
    app.run_batch().await;
    assert_eq!(skip_of(&app, &earner.mentor).await, "weekly_limit");
    app.advance(TimeDelta::hours(2));
    app.run_jobs().await;
    app.money_arrives(&earner.mentor).await;
    let payee = app.sandbox.seller(&app.seller_id(&earner.mentor).await).expect("a payee");
    assert_eq!(payee.status, SellerStatus::PartiallyApproved, "nothing to check");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_nothing_is_sent_outside_the_hours_of_express_payouts() {
    let app = TestApp::start().await;
    app.sandbox.enforce_payout_hours(true);
    let earner = app.payee("mina", &[50_000]).await;
    // Thursday at 16:00 in Seoul.
    app.advance_to(monday() + TimeDelta::days(3) + TimeDelta::hours(7));
    app.run_batch().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "queued");
    assert_eq!(app.line_states_of(&earner.mentor).await, ["paying"]);
    assert_eq!(app.owed(&earner.mentor).await, (NET, 0), "nothing has left");
    assert!(app.sandbox.calls_to(Endpoint::Payout).is_empty());

    app.advance_to(monday() + TimeDelta::days(3) + TimeDelta::hours(23) - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "queued");
    app.advance(TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
    app.money_arrives(&earner.mentor).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_payouts_wait_until_they_are_released() {
    let app = TestApp::start().await;
    let earners = app.earners(&[("mina", &[50_000]), ("jun", &[50_000])]).await;
    let admin = app.admin("admin").await;
    for earner in &earners {
        app.open_account(&earner.mentor).await;
    }
    let pause = admin.client.post("/v1/admin/payouts/pause", json!({ "reason": "drift" })).await.ok(200);
    assert_eq!((&pause["paused"], &pause["reason"]), (&json!(true), &json!("drift")));
    let again = admin.client.post("/v1/admin/payouts/pause", json!({ "reason": "another" })).await.ok(200);
    assert_eq!(again["reason"], "drift", "the first reason stays");

    app.run_batch().await;
    let batches = admin.client.get("/v1/admin/payout-batches").await.ok(200);
    assert_eq!(
        (&batches["items"][0]["state"], &batches["items"][0]["blocked"]),
        (&json!("open"), &json!("paused"))
    );
    assert!(app.payouts_of(&earners[0].mentor).await.is_empty());

    admin.client.post("/v1/admin/payouts/release", json!({ "reason": "looked into" })).await.ok(200);
    // They are queued when the next pause comes: none is sent.
    let delivery = app.take_due().await.expect("the batch");
    app.executor.execute(delivery).await.expect("the database");
    admin.client.post("/v1/admin/payouts/pause", json!({ "reason": "again" })).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earners[0].mentor).await, "queued");
    assert!(app.sandbox.calls_to(Endpoint::Payout).is_empty());
    admin.client.post("/v1/admin/payouts/release", json!({ "reason": "fine" })).await.ok(200);
    admin
        .client
        .post("/v1/admin/payouts/release", json!({ "reason": "fine" }))
        .await
        .problem(409, "payout.not_paused");
    app.advance(TimeDelta::minutes(10));
    app.run_jobs().await;
    for earner in &earners {
        assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
        app.money_arrives(&earner.mentor).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_frozen_after_the_batch_is_taken_out_of_it() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000, 50_000]).await;
    app.open_batch().await;
    let batch = app.take_due().await.expect("the batch");
    app.executor.execute(batch).await.expect("the database");
    let frozen = earner.bookings[0].id;
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(settlement::freeze(tx, frozen, "test").await?) })
        .expect("a freeze");
    app.run_jobs_twice().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "cancelled");
    assert_eq!(app.line_states_of(&earner.mentor).await, ["frozen", "ready"]);
    assert!(app.sandbox.calls_to(Endpoint::Payout).is_empty());
    app.run_batch().await;
    assert_eq!(app.payouts_of(&earner.mentor).await[0].amount_krw, Krw(NET), "the other one alone");
    app.money_arrives(&earner.mentor).await;

    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(settlement::thaw(tx, frozen, "test").await?) })
        .expect("a thaw");
    app.run_jobs().await;
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_asks_twice_gets_one_batch() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let path = "/v1/admin/payout-batches";
    let first = admin.client.post_as(path, json!(null), "run-it-now").await.ok(200);
    app.advance(TimeDelta::seconds(5));
    let second = admin.client.post_as(path, json!(null), "run-it-now").await.ok(200);
    assert_eq!(first["id"], second["id"]);
    app.run_jobs().await;
    let batches = admin.client.get(path).await.ok(200);
    let manual = batches["items"].as_array().expect("batches").iter().filter(|b| b["cause"] == "manual");
    assert_eq!(manual.count(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_security_key_batches_stand_still_and_say_so() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000]).await;
    let mut services = app.services.clone();
    services.payouts = None;
    let executor = konnect_jobs::Executor::new(services, "no-key");
    app.open_batch().await;
    let delivery = app.take_due().await.expect("the batch");
    assert_eq!(app.job(delivery.job_id).await.kind, RunPayoutBatch::KIND);
    executor.execute(delivery).await.expect("the database");
    let batches = admin_get(&app, "/v1/admin/payout-batches").await;
    assert_eq!(batches["items"][0]["blocked"], "not_configured");
    assert_eq!(app.line_states_of(&earner.mentor).await, ["ready"]);

    app.run_batch().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
    let batches = admin_get(&app, "/v1/admin/payout-batches").await;
    let mut states = batches["items"].as_array().expect("batches").iter().map(|batch| &batch["state"]);
    assert!(states.all(|state| state == "done"), "{batches:#}");
    app.money_arrives(&earner.mentor).await;
    app.finish().await;
}

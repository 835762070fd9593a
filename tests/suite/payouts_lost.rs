//! Payouts whose answer is lost, late, doubled or wrong: whatever happens between the two transactions of a job, one
//! transfer is made, and the ledger says so once. The stand-in does not refuse a second transfer with the same
//! reference, so that whoever relies on it pays twice here.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::id::PayoutId;
use konnect::job::{Job, ReconcilePayouts, SendPayout};
use konnect::ledger;
use konnect::payout::{self, Intent, Next, Refusal};
use konnect::{outbox, transact};
use konnect_jobs::Ended;
use konnect_sandbox::{Effect, Endpoint, Fault, PayoutStatus, WebhookMode};
use konnect_tests::{Earner, TestApp};

const NET: i64 = 41_098;

/// A mentor with one payout that is queued and not sent: its job is due.
async fn queued(app: &TestApp) -> (Earner, PayoutId) {
    let earner = app.payee("mina", &[50_000]).await;
    app.open_batch().await;
    let batch = app.take_due().await.expect("the batch");
    assert_eq!(app.executor.execute(batch).await.expect("the database"), Ended::Done);
    let id = app.payouts_of(&earner.mentor).await[0].id;
    (earner, id)
}

/// One transfer was made and arrived, and everything says so once.
async fn paid_once(app: &TestApp, earner: &Earner, id: PayoutId) {
    assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
    assert_eq!(app.sandbox.payouts_of(&id.to_string()).len(), 1, "one transfer");
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.payout_state(&earner.mentor).await, "paid");
    assert_eq!(app.sandbox.payouts().len(), 1);
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    assert_eq!(app.line_states_of(&earner.mentor).await, ["paid"]);
    let entries = ledger::entries_of_payout(app.core.db.pool(), id).await.expect("the database");
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["payout_sent", "payout_sent", "payout_paid", "payout_paid"], "posted once each");
    assert_eq!(app.notices_of(&earner.mentor, "payout.paid").await, 1);
}

/// The idempotency keys of the requests that the provider saw.
fn keys(app: &TestApp) -> Vec<String> {
    app.sandbox.calls_to(Endpoint::Payout).into_iter().filter_map(|call| call.idempotency_key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_request_that_was_not_heard_is_made_again_under_the_same_reference_and_key() {
    for effect in [Effect::DropBefore, Effect::Status(504), Effect::Hang(Duration::from_millis(300))] {
        let app = TestApp::start().await;
        let (earner, id) = queued(&app).await;
        app.sandbox.fault(Fault::times(Endpoint::Payout, 2, effect));
        app.run_jobs().await;
        assert_eq!(app.payout_state(&earner.mentor).await, "unknown", "I13: no answer is no failure");
        assert_eq!(app.owed(&earner.mentor).await, (0, NET));
        for _ in 0..2 {
            app.advance(TimeDelta::seconds(6));
            app.run_jobs().await;
        }

        let keys = keys(&app);
        assert_eq!(keys.len(), 3);
        assert!(keys.iter().all(|key| *key == keys[0]), "one key: {keys:?}");
        paid_once(&app, &earner, id).await;
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_request_that_was_heard_and_not_answered_is_looked_up() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Payout, Effect::DropAfterCommit));
    app.sandbox.fault(Fault::once(Endpoint::PayoutList, Effect::Status(503)));
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "unknown");
    for _ in 0..2 {
        app.advance(TimeDelta::seconds(6));
        app.run_jobs_twice().await;
    }

    assert_eq!(app.sandbox.calls_to(Endpoint::Payout).len(), 1, "it was looked for, not asked again");
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_webhook_may_be_faster_than_the_answer() {
    let app = TestApp::start().await;
    app.sandbox.auto_complete_payouts(true);
    let (earner, id) = queued(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Payout, Effect::DropAfterCommit));
    app.run_jobs().await;
    app.sandbox.settle().await;
    app.run_jobs_twice().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "paid", "the provider's record was read");
    app.advance(TimeDelta::minutes(10));
    app.run_jobs().await;
    assert_eq!(app.sandbox.payouts_of(&id.to_string()).len(), 1);
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_worker_that_dies_before_the_call_leaves_an_intent() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    let delivery = app.take_due().await.expect("the sending");
    outbox::claim(&app.core.db, delivery, "worker-that-dies", Duration::from_secs(15))
        .await
        .expect("a claim");
    let intent = prepare(&app, id).await;
    assert!(matches!(intent, Intent::Ask(_)), "{intent:?}");
    assert!(app.sandbox.calls_to(Endpoint::Payout).is_empty());

    app.advance(TimeDelta::seconds(16));
    assert_eq!(app.reclaim().await, 1);
    app.run_jobs().await;
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

async fn prepare(app: &TestApp, id: PayoutId) -> Intent {
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(payout::prepare(tx, &app.core.rules, id).await?)
    })
    .expect("an intent")
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_worker_that_loses_its_lease_after_the_answer_writes_nothing() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Payout, Effect::Delay(Duration::from_millis(1500))));
    let old = app.take_due().await.expect("the sending");
    let executor = app.executor.clone();
    let first = tokio::spawn(async move { executor.execute(old).await });
    app.until(async || !app.sandbox.calls_to(Endpoint::Payout).is_empty()).await;
    app.advance(TimeDelta::seconds(16));
    assert_eq!(app.reclaim().await, 1);
    // The next one finds nothing yet, asks under the same key, and is told that it is still being worked on.
    app.run_jobs().await;
    assert_eq!(first.await.expect("a run").expect("the database"), Ended::Refused);
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(20));
        app.run_jobs().await;
    }
    let keys = keys(&app);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_refusal_that_says_nothing_is_doubted_before_another_key_is_taken() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Payout, Effect::decline("FAILED_INTERNAL_SYSTEM_PROCESSING")));
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "unknown");
    app.advance(TimeDelta::seconds(30));
    app.run_jobs().await;
    assert_eq!(keys(&app).len(), 1, "doubted for two minutes");
    app.advance(TimeDelta::seconds(90));
    app.run_jobs().await;
    let asked = app.sandbox.calls_to(Endpoint::Payout);
    assert_eq!((asked.len(), asked[1].replayed), (2, true), "the same key repeats the refusal");
    app.advance(TimeDelta::seconds(20));
    app.run_jobs().await;
    let keys = keys(&app);
    assert_eq!((keys.len(), keys[0] == keys[1], keys[1] == keys[2]), (3, true, false));
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_the_next_key_is_doubted_as_long_as_the_first() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    let refusal = Effect::decline("FAILED_INTERNAL_SYSTEM_PROCESSING");
    app.sandbox.fault(Fault::times(Endpoint::Payout, 2, refusal));
    app.run_jobs().await;
    for asked in [1, 3] {
        app.advance(TimeDelta::seconds(110));
        app.run_jobs().await;
        assert_eq!(keys(&app).len(), asked, "doubted for two minutes");
        app.advance(TimeDelta::seconds(10));
        app.run_jobs().await;
        assert_eq!(keys(&app).len(), asked + 1, "the same key repeats the refusal");
        app.advance(TimeDelta::seconds(6));
        app.run_jobs().await;
    }
    let keys = keys(&app);
    assert_eq!(keys.len(), 5);
    assert!(keys[0] == keys[1] && keys[2] == keys[3], "two requests for each key: {keys:?}");
    assert!(keys[1] != keys[2] && keys[3] != keys[4], "{keys:?}");
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_whoever_asks_sooner_does_not_shorten_the_doubt() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Payout, Effect::decline("FAILED_INTERNAL_SYSTEM_PROCESSING")));
    app.run_jobs().await;
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(30));
        transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(payout::requery(tx, id).await?) })
            .expect("it is asked about");
        app.run_jobs().await;
    }
    assert_eq!(keys(&app).len(), 4);
    // The two minutes count from the first refusal.
    app.advance(TimeDelta::seconds(30));
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(6));
    app.run_jobs().await;
    let keys = keys(&app);
    assert_eq!(keys.len(), 6);
    assert!(keys[..5].iter().all(|key| *key == keys[0]) && keys[5] != keys[0], "{keys:?}");
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_is_too_low_today_pays_on_another_day() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.sandbox.set_available_balance(1_000);
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "unknown");
    app.sandbox.set_available_balance(1_000_000);
    app.advance(TimeDelta::hours(3));
    app.run_jobs().await;
    assert_eq!(keys(&app).len(), 1, "not the same day");
    app.advance(TimeDelta::hours(20));
    app.run_jobs().await;
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_webhooks_that_come_twice_late_or_not_at_all_have_one_effect() {
    for mode in [WebhookMode::Twice, WebhookMode::Late, WebhookMode::None] {
        let app = TestApp::start().await;
        let (earner, id) = queued(&app).await;
        app.run_jobs().await;
        app.sandbox.webhooks(mode);
        app.sandbox.complete_payout(&id.to_string()).expect("under way");
        app.sandbox.release_webhooks().await;
        app.sandbox.settle().await;
        app.run_jobs_twice().await;
        if mode == WebhookMode::None {
            assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
            app.advance(TimeDelta::minutes(31));
            app.reconcile().await;
            app.run_jobs().await;
        }
        assert_eq!(app.payout_state(&earner.mentor).await, "paid", "{mode:?}");
        assert_eq!(app.owed(&earner.mentor).await, (0, 0));
        assert_eq!(app.notices_of(&earner.mentor, "payout.paid").await, 1);
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reconciler_finds_a_payout_that_nobody_sends() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    let job = &app.jobs_of(SendPayout::KIND).await[0];
    transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
    app.advance(TimeDelta::minutes(6));
    app.reconcile().await;
    let ran = app.run_jobs().await;
    assert!(ran.iter().any(|r| r.kind == ReconcilePayouts::KIND));
    paid_once(&app, &earner, id).await;
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.sandbox.payouts().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_failed_is_paid_by_the_next_batch_under_a_new_reference() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.run_jobs().await;
    app.sandbox.fail_payout(&id.to_string(), "ACCOUNT_OWNER_CHECK_FAILED").expect("under way");
    app.sandbox.settle().await;
    app.run_jobs_twice().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "failed");
    assert_eq!(app.owed(&earner.mentor).await, (NET, 0), "the mentor is owed again");
    assert_eq!(app.line_states_of(&earner.mentor).await, ["ready"]);
    assert_eq!(app.notices_of(&earner.mentor, "payout.failed").await, 1);
    let mentor = app.log_in(&earner.mentor).await;
    let shown = mentor.client.get(&format!("/v1/me/payouts/{id}")).await.ok(200);
    assert_eq!(shown["errorCode"], "ACCOUNT_OWNER_CHECK_FAILED");
    assert!(shown["guidance"].as_str().is_some_and(|words| words.contains("Check your account")));

    app.run_batch().await;
    let payouts = app.payouts_of(&earner.mentor).await;
    assert_eq!(payouts.len(), 2);
    assert_ne!(payouts[0].id, id, "a new reference");
    assert_ne!(payouts[0].idempotency_key, payouts[1].idempotency_key);
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    let arrived = app.sandbox.payouts().iter().filter(|p| p.status == PayoutStatus::Completed).count();
    assert_eq!(arrived, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i13_an_unclear_refusal_is_no_failure_however_old_the_payout_is() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.sandbox.fault(Fault::always(Endpoint::Payout, Effect::Status(504)));
    app.run_jobs().await;
    app.advance(TimeDelta::days(13));
    let next = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(payout::refused(tx, &app.core.rules, id, "SOMETHING_NEW", Refusal::Unclear).await?)
    })
    .expect("the database");
    assert!(matches!(next, Next::At(_)), "{next:?}");
    assert_eq!(app.payout_state(&earner.mentor).await, "unknown");
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "manual_review", "nobody asks any more");
    assert_eq!(app.owed(&earner.mentor).await, (0, NET), "it may have left");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_a_payout_that_the_provider_shows_no_more_waits_for_people() {
    let app = TestApp::start().await;
    let (earner, id) = queued(&app).await;
    app.run_jobs().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
    let gone = Effect::Decline { code: "NOT_FOUND_PAYOUT".to_owned(), status: Some(404) };
    app.sandbox.fault(Fault::always(Endpoint::PayoutGet, gone));
    for (minutes, state) in [(31, "in_progress"), (60, "in_progress"), (30, "manual_review")] {
        app.advance(TimeDelta::minutes(minutes));
        app.reconcile_those(|kind| kind == ReconcilePayouts::KIND).await;
        app.run_jobs().await;
        assert_eq!(app.payout_state(&earner.mentor).await, state);
    }
    assert_eq!(app.owed(&earner.mentor).await, (0, NET), "I13: on its way, as far as anybody knows");

    app.sandbox.clear_faults();
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(payout::requery(tx, id).await?) })
        .expect("it is asked about");
    app.run_jobs().await;
    paid_once(&app, &earner, id).await;
    app.finish().await;
}

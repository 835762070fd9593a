//! The job engine: schedules, fencing, poison, dedup, replay, load.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::job::{ConfirmPayment, ExpireHold, Job, NotifyEvent, Ping, Queue, RECURRING, Retry};
use konnect::outbox::{self, Claim, Lease};
use konnect::transact;
use konnect_jobs::{Ended, Executor, registry};
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::TestApp;

async fn ping(app: &TestApp) {
    let ping = Ping { sent_at: app.now() };
    transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &ping).await })
        .expect("the outbox");
}

/// Writes a row that no payload type would write.
async fn raw(app: &TestApp, kind: &str, payload: &str) {
    ping(app).await;
    sqlx::query("UPDATE outbox SET kind = ?, payload = ? ORDER BY id DESC LIMIT 1")
        .bind(kind)
        .bind(payload)
        .execute(app.core.db.pool())
        .await
        .expect("the outbox");
}

#[test]
fn every_job_kind_has_one_handler_on_its_queue() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/job");
    let sources: Vec<String> = std::fs::read_dir(folder)
        .expect("the sources are here")
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    let mut kinds: Vec<&str> = sources
        .iter()
        .flat_map(|s| s.lines())
        .filter_map(|line| line.trim().strip_prefix("const KIND: &'static str = \"")?.strip_suffix("\";"))
        .collect();
    kinds.sort_unstable();
    let mut handled: Vec<&str> = registry().iter().map(|e| e.kind).collect();
    handled.sort_unstable();
    assert_eq!(handled, kinds);
    for kind in kinds {
        assert!(kind.ends_with(".v1"), "{kind} names its version");
    }
    for recurring in RECURRING {
        let entry = registry().iter().find(|e| e.kind == recurring.kind).expect("a handler");
        assert_eq!(entry.queue, recurring.queue);
    }
    for queue in Queue::ALL {
        assert!(registry().iter().any(|e| e.queue == queue), "{} has work", queue.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_retried_as_its_schedule_says_and_dies_after_its_cap() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.fault(Fault::always(Endpoint::Confirm, Effect::DropBefore));
    app.sandbox.fault(Fault::always(Endpoint::Get, Effect::Status(503)));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);

    for attempt in 1..ConfirmPayment::RETRY.cap() {
        app.run_jobs().await;
        let job = &app.jobs_of(ConfirmPayment::KIND).await[0];
        assert_eq!((job.state.as_str(), job.attempts), ("pending", attempt));
        let wait = ConfirmPayment::RETRY.after(attempt).expect("not the last");
        let waits = (job.run_at - app.now()).to_std().expect("ahead");
        assert!(waits >= wait && waits <= wait + wait / 10, "attempt {attempt}: {waits:?} is not {wait:?}");
        app.core.clock.advance(job.run_at - app.now());
    }
    app.run_jobs().await;
    let job = app.jobs_of(ConfirmPayment::KIND).await.remove(0);
    assert_eq!((job.state.as_str(), job.attempts), ("dead", ConfirmPayment::RETRY.cap()));
    assert!(job.last_error.is_some());
    assert_eq!(app.state(&booking).await, "paying", "I13: not known is not failed");

    // The provider is back and an operator replays the job.
    app.sandbox.clear_faults();
    let replayed =
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::replay(tx, job.id).await });
    assert!(replayed.expect("the outbox"));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_a_worker_that_wakes_up_late_writes_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.advance(TimeDelta::minutes(15));
    let slow = loop {
        let delivery = app.take_due().await.expect("the expiry");
        if app.job(delivery.job_id).await.kind == ExpireHold::KIND {
            break delivery;
        }
        app.executor.execute(delivery).await.expect("the database");
    };
    let claim = outbox::claim(&app.core.db, slow, "a-worker-that-sleeps", Duration::from_secs(15)).await;
    assert!(matches!(claim.expect("the database"), Claim::Yours(_)));

    // It sleeps past its lease; another worker does the job.
    app.advance(TimeDelta::minutes(10));
    assert_eq!(app.reclaim().await, 1);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "expired");

    let written = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Lease { delivery: slow }.finish(tx).await??;
        Ok(())
    });
    assert!(written.expect_err("the fence").is::<outbox::LeaseLost>());
    assert!(!outbox::fail(&app.core.db, slow, None, "too late").await.expect("the database"));
    assert!(!outbox::renew(&app.core.db, slow, Duration::from_secs(15)).await.expect("the database"));
    assert_eq!(app.executor.execute(slow).await.expect("the database"), Ended::Refused);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_of_two_workers_with_one_delivery_one_runs_it() {
    let app = TestApp::start().await;
    ping(&app).await;
    let delivery = app.take_due().await.expect("the ping");
    let other = Executor::new(app.services.clone(), "other-worker");
    let (a, b) = tokio::join!(app.executor.execute(delivery), other.execute(delivery));
    let mut ended = [a.expect("the database"), b.expect("the database")];
    ended.sort_by_key(|e| *e == Ended::Refused);
    assert_eq!(ended, [Ended::Done, Ended::Refused]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s63_poison_ends_dead_and_the_queue_flows_on() {
    let app = TestApp::start().await;
    raw(&app, Ping::KIND, "this is no JSON").await;
    raw(&app, Ping::KIND, r#"{"sentAt":"not the field"}"#).await;
    raw(&app, "from.the.future.v9", "{}").await;
    ping(&app).await;

    let ran = app.run_jobs().await;

    let count = |ended| ran.iter().filter(|r| r.ended == ended).count();
    assert_eq!((count(Ended::Done), count(Ended::Dead), count(Ended::Retried)), (1, 2, 1));
    for dead in app.jobs_in("dead").await {
        assert!(dead.last_error.expect("a reason").contains("payload"));
    }
    // A kind that no build knows waits as long as a deploy may take, then ends dead with its reason.
    for _ in 0..Retry::INTERNAL.cap() {
        app.advance(TimeDelta::hours(2));
        app.run_jobs().await;
    }
    let dead = app.jobs_in("dead").await;
    assert_eq!(dead.len(), 3);
    assert!(dead.iter().any(|j| j.last_error.as_deref().is_some_and(|e| e.contains("unknown kind"))));
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_once_per_dedup_key_and_can_be_written_again_when_it_ended() {
    let app = TestApp::start().await;
    let reservation_id = konnect::id::ReservationId::generate();
    let job = ExpireHold { reservation_id, deadline: app.now() };
    let mut written = Vec::new();
    for _ in 0..2 {
        written.push(
            transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &job).await })
                .expect("the outbox"),
        );
    }
    assert_eq!(written, [true, false]);
    app.run_jobs().await;
    let again = transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &job).await });
    assert!(again.expect("the outbox"));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_not_written_when_its_transaction_rolls_back() {
    let app = TestApp::start().await;
    let ping = Ping { sent_at: app.now() };
    let failed: anyhow::Result<()> = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        outbox::enqueue(tx, &ping).await?;
        anyhow::bail!("changed my mind")
    });
    assert!(failed.is_err());
    assert!(app.jobs_of(Ping::KIND).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_can_cancel_a_waiting_job_and_nothing_else() {
    let app = TestApp::start().await;
    ping(&app).await;
    let id = app.jobs_of(Ping::KIND).await[0].id;
    let cancel = async || {
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::cancel(tx, id).await })
            .expect("the outbox")
    };
    assert!(cancel().await);
    assert!(!cancel().await, "it is cancelled already");
    assert!(app.run_jobs().await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s64_ten_thousand_due_jobs_are_shared_by_many_relays() {
    let app = TestApp::start().await;
    for _ in 0..20 {
        let pings: Vec<_> = (0..500).map(|_| Ping { sent_at: app.now() }).collect();
        transact!(app.core.db, app.context(), sqlx::Error, tx => {
            for ping in &pings {
                outbox::enqueue(tx, ping).await?;
            }
            Ok(())
        })
        .expect("the outbox");
    }
    let relay = || async {
        let mut taken = Vec::new();
        loop {
            let batch = transact!(app.core.db, app.context(), sqlx::Error, tx => {
                let claim_by = tx.now + TimeDelta::seconds(60);
                outbox::publish_due(tx, Queue::Reminder, 250, claim_by).await
            })
            .expect("no lock of another relay stands in the way");
            if batch.is_empty() {
                return taken;
            }
            taken.extend(batch.into_iter().map(|due| due.delivery.job_id));
        }
    };
    let shares = join_all((0..8).map(|_| relay())).await;
    let mut all: Vec<_> = shares.iter().flatten().collect();
    assert_eq!(all.len(), 10_000);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 10_000, "each row went to one relay");
    assert!(shares.iter().filter(|s| !s.is_empty()).count() > 1, "the work was shared");
    let plan: Vec<sqlx::mysql::MySqlRow> = sqlx::query(
        "EXPLAIN SELECT id FROM outbox WHERE queue = 'reminder' AND state = 'pending' AND run_at <= '2030-01-01'
         ORDER BY run_at, id LIMIT 250 FOR UPDATE SKIP LOCKED",
    )
    .fetch_all(app.core.db.pool())
    .await
    .expect("a plan");
    let (key, extra): (String, String) = {
        use sqlx::Row;
        (plan[0].get("key"), plan[0].get("Extra"))
    };
    assert_eq!(key, "outbox_due");
    assert!(!extra.contains("filesort"), "{extra}");
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_of_a_thousand_jobs_keeps_their_order() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    for i in 0..50 {
        let event = NotifyEvent {
            event_key: format!("n{i:02}"),
            kind: "reservation.confirmed".into(),
            people: vec![mentee.id],
            reservation_id: None,
            data: serde_json::json!({ "title": "t", "startsAt": app.now(), "timeZone": "Asia/Seoul" }),
            expires_at: None,
        };
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &event).await })
            .expect("the outbox");
    }
    app.run_jobs().await;
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT event_key FROM notices WHERE user_id = ? AND channel = 'in_app' ORDER BY id",
    )
    .bind(mentee.id)
    .fetch_all(app.core.db.pool())
    .await
    .expect("the database");
    assert_eq!(keys, (0..50).map(|i| format!("n{i:02}")).collect::<Vec<_>>());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_jobs_are_forgotten_and_dead_ones_kept() {
    let app = TestApp::start().await;
    raw(&app, Ping::KIND, "poison").await;
    ping(&app).await;
    app.run_jobs().await;
    app.advance(TimeDelta::days(6));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.jobs_of(Ping::KIND).await.len(), 2);
    app.advance(TimeDelta::days(2));
    app.reconcile().await;
    app.run_jobs().await;
    let left = app.jobs_of(Ping::KIND).await;
    assert_eq!(left.iter().map(|j| j.state.as_str()).collect::<Vec<_>>(), ["dead"]);
    app.leave().await;
}

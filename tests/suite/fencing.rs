//! Workers that die, are stopped, or come too late: what they leave to the next one.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::id::DeliveryId;
use konnect::job::{Ping, Queue, Retry};
use konnect::outbox::Delivery;
use konnect::{outbox, transact};
use konnect_jobs::Ended;
use konnect_sandbox::{Effect, Endpoint, Fault, WebhookMode};
use konnect_tests::{TestApp, happening};

#[tokio::test(flavor = "multi_thread")]
async fn s63_a_job_that_kills_every_worker_ends_dead() {
    let app = TestApp::start().await;
    let ping = Ping { sent_at: app.now() };
    transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &ping).await })
        .expect("the outbox");
    for _ in 0..Retry::INTERNAL.cap() {
        let delivery = app.take_due().await.expect("the ping");
        outbox::claim(&app.core.db, delivery, "worker-that-dies", Duration::from_secs(15))
            .await
            .expect("the database");
        app.advance(TimeDelta::seconds(16));
        assert_eq!(app.reclaim().await, 1);
    }
    let ran = app.run_jobs().await;

    assert_eq!(ran.iter().map(|r| r.ended).collect::<Vec<_>>(), [Ended::Dead]);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_a_run_that_is_handed_back_counts_for_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.run_jobs().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Hang(Duration::from_secs(20))));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    let delivery = app.take_due().await.expect("the confirmation");
    let executor = app.executor.clone();
    let running = tokio::spawn(async move { executor.execute(delivery).await });
    app.until(async || !app.sandbox.calls_to(Endpoint::Confirm).is_empty()).await;
    app.executor.hand_back().await;

    assert_eq!(running.await.expect("a run").expect("the database"), Ended::Refused);
    let job = app.job(delivery.job_id).await;
    assert_eq!((job.state.as_str(), job.attempts, job.last_error), ("pending", 0, None));
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_a_run_that_lost_its_lease_does_not_stop_the_next_one() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.run_jobs().await;
    app.sandbox.webhooks(WebhookMode::None);
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Delay(Duration::from_millis(1500))));
    app.sandbox.fault(Fault::once(Endpoint::Get, Effect::Delay(Duration::from_millis(3000))));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    let old = app.take_due().await.expect("the confirmation");
    let executor = app.executor.clone();
    let first = tokio::spawn(async move { executor.execute(old).await });
    app.until(async || !app.sandbox.calls_to(Endpoint::Confirm).is_empty()).await;
    app.advance(TimeDelta::seconds(16));
    assert_eq!(app.reclaim().await, 1);
    let new = app.take_due().await.expect("the confirmation again");
    let second = app.executor.execute(new).await.expect("the database");

    assert_eq!(first.await.expect("a run").expect("the database"), Ended::Refused);
    assert_eq!(second, Ended::Done);
    assert_eq!(app.state(&booking).await, "confirmed");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_deliveries_of_one_moment_are_claimed_together_and_each_runs_once() {
    let app = TestApp::start().await;
    let ping = Ping { sent_at: app.now() };
    let mut deliveries = Vec::new();
    for _ in 0..40 {
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &ping).await })
            .expect("the outbox");
        deliveries.push(app.take_due().await.expect("the ping"));
    }
    let doubled = deliveries[7];
    let stale = Delivery { delivery_id: DeliveryId::generate(), ..deliveries[23] };
    // The first one comes alone; the stale one asks before the fresh one of its job, in the same group.
    let mut all = deliveries.clone();
    all.insert(1, stale);
    all.push(doubled);

    let ended = join_all(all.into_iter().map(|delivery| app.executor.execute(delivery))).await;

    let ended: Vec<Ended> = ended.into_iter().map(|e| e.expect("the database")).collect();
    let count = |how| ended.iter().filter(|e| **e == how).count();
    assert_eq!((count(Ended::Done), count(Ended::Refused)), (40, 2));
    for delivery in deliveries {
        let job = app.job(delivery.job_id).await;
        assert_eq!((job.state.as_str(), job.attempts), ("done", 1));
    }
    app.finish().await;
}

/// What is published together shares the id of its delivery, so that each of a group must be proved under its own.
#[tokio::test(flavor = "multi_thread")]
async fn s62_a_group_with_one_lost_lease_proves_and_finishes_nothing() {
    let app = TestApp::start().await;
    let publish = async || {
        let due = transact!(app.core.db, app.context(), sqlx::Error, tx => {
            let claim_by = tx.now + TimeDelta::seconds(15);
            outbox::publish_due(tx, Queue::Reminder, 10, claim_by).await
        });
        due.expect("the outbox").into_iter().map(|due| due.delivery).collect::<Vec<_>>()
    };
    app.enqueue(&Ping { sent_at: app.now() }).await;
    let first = publish().await;
    app.advance(TimeDelta::seconds(16));
    assert_eq!(app.reclaim().await, 1);
    app.enqueue(&Ping { sent_at: app.now() }).await;
    let second = publish().await;
    assert_eq!((first.len(), second.len()), (1, 2));
    assert_eq!(second[0].delivery_id, second[1].delivery_id, "they share it");
    let other = second.iter().find(|d| d.job_id != first[0].job_id).expect("the other one");

    // The run of the first delivery wakes up, in a group with one that is its own.
    let group = [first[0], *other];
    let held =
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::hold_many(tx, &group).await });
    assert!(!held.expect("the outbox"));
    let finished = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        // As whoever asks does: nothing of it is committed.
        anyhow::ensure!(outbox::finish_many(tx, &group).await?, "lost");
        Ok(())
    });
    assert_eq!(finished.expect_err("the lease of one is lost").to_string(), "lost");
    let held =
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::hold_many(tx, &second).await });
    assert!(held.expect("the outbox"));
    for delivery in second {
        assert_eq!(app.run_delivery(delivery).await, Ended::Done);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j08_a_delivery_whose_row_is_locked_for_a_moment_runs_all_the_same() {
    let app = TestApp::start().await;
    let ping = Ping { sent_at: app.now() };
    let mut deliveries = Vec::new();
    for _ in 0..10 {
        transact!(app.core.db, app.context(), sqlx::Error, tx => { outbox::enqueue(tx, &ping).await })
            .expect("the outbox");
        deliveries.push(app.take_due().await.expect("the ping"));
    }
    let mut onlooker = app.core.db.pool().acquire().await.expect("a connection");
    sqlx::raw_sql("START TRANSACTION").execute(&mut *onlooker).await.expect("the database");
    let locked: Option<i8> = sqlx::query_scalar("SELECT 1 FROM outbox WHERE id = ? FOR UPDATE")
        .bind(deliveries[5].job_id)
        .fetch_optional(&mut *onlooker)
        .await
        .expect("the database");
    assert_eq!(locked, Some(1));

    let (executor, first) = (app.executor.clone(), deliveries[0].job_id);
    let running = tokio::spawn(async move {
        join_all(deliveries.into_iter().map(|delivery| executor.execute(delivery))).await
    });
    // The first one is claimed alone, and by its end all others have been claimed together.
    app.until(async || app.job(first).await.state == "done").await;
    sqlx::raw_sql("ROLLBACK").execute(&mut *onlooker).await.expect("the database");

    for ended in running.await.expect("the runs") {
        assert_eq!(ended.expect("the database"), Ended::Done);
    }
    drop(onlooker);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s62_of_mails_whose_ends_are_written_together_a_lost_one_writes_nothing_and_the_others_end() {
    const MAILS: usize = 12;
    let app = TestApp::start().await;
    let mut people = Vec::new();
    for number in 0..MAILS {
        people.push(app.mentee(&format!("mentee-{number}")).await);
    }
    app.run_jobs().await;
    app.enqueue(&happening("refund", "payment.refunded", &people.iter().collect::<Vec<_>>())).await;
    let fan_out = app.take_due().await.expect("the fan-out");
    assert_eq!(app.run_delivery(fan_out).await, Ended::Done);
    let mut deliveries = Vec::new();
    while let Some(delivery) = app.take_due().await {
        deliveries.push(delivery);
    }
    assert_eq!(deliveries.len(), MAILS);
    // Every mail is on its way at the same time, and one job is given to somebody else meanwhile.
    app.sandbox.fault(Fault::times(Endpoint::Smtp, MAILS as u32, Effect::Delay(Duration::from_millis(1500))));
    let lost = deliveries[5];
    let executor = app.executor.clone();
    let running = tokio::spawn(async move {
        join_all(deliveries.into_iter().map(|delivery| executor.execute(delivery))).await
    });
    let pool = app.core.db.pool();
    let number = async |sql: &'static str| -> i64 {
        sqlx::query_scalar(sql).fetch_one(pool).await.expect("the database")
    };
    let on_their_way = "SELECT COUNT(*) FROM notices WHERE channel = 'email' AND attempted_at IS NOT NULL";
    app.until(async || number(on_their_way).await == MAILS as i64).await;
    sqlx::query("UPDATE outbox SET delivery_id = ?, worker = NULL WHERE id = ?")
        .bind(DeliveryId::generate())
        .bind(lost.job_id)
        .execute(pool)
        .await
        .expect("the database");

    let ended = running.await.expect("the runs").into_iter().map(|ended| ended.expect("the database"));
    let ended: Vec<Ended> = ended.collect();
    let count = |how| ended.iter().filter(|e| **e == how).count();
    assert_eq!((count(Ended::Done), count(Ended::Refused)), (MAILS - 1, 1));
    assert_eq!(app.job(lost.job_id).await.state, "published", "the job is the other one's");
    assert_eq!(
        number("SELECT COUNT(*) FROM notices WHERE channel = 'email' AND state = 'sent'").await,
        MAILS as i64 - 1
    );
    assert_eq!(number("SELECT COUNT(*) FROM notices WHERE channel = 'email' AND state = 'queued'").await, 1);
    app.leave().await;
}

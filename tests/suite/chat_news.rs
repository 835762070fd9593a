//! Whoever is away is told that they were written to.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::job::{Job, TellUnreadChat};
use konnect::{outbox, transact};
use konnect_tests::{Booking, Person, TestApp};
use reqwest::Method;
use serde_json::json;

/// Sends a message and waits until its job is written, or known to wait.
async fn write(app: &TestApp, booking: &Booking, who: &Person, client_id: &str, jobs: usize) {
    let message = json!({ "clientId": client_id, "text": "Hello" });
    let who = app.log_in(who).await;
    who.client.post(&format!("{}/chat/messages", booking.path()), message).await.ok(201);
    app.until(async || app.jobs_of(TellUnreadChat::KIND).await.len() == jobs).await;
}

async fn read(app: &TestApp, booking: &Booking, who: &Person, seq: i64) {
    let who = app.log_in(who).await;
    let path = format!("{}/chat/read", booking.path());
    who.client.send(Method::PUT, &path, Some(json!({ "seq": seq })), &[]).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_is_told_once_until_they_do() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    for (number, client_id) in ["one", "two"].into_iter().enumerate() {
        write(&app, &booking, &booking.mentor, client_id, 1).await;
        app.advance(TimeDelta::seconds(i64::try_from(number).expect("small")));
    }
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 0, "they may be reading");
    app.advance(TimeDelta::minutes(2));
    app.run_jobs_twice().await;
    // The mail waits for the digest, unless somebody chose otherwise.
    let told = [("email", "gathered"), ("in_app", "stored")];
    assert_eq!(app.told(&booking.mentee, "chat.messages").await, told);
    assert_eq!(app.told(&booking.mentor, "chat.messages").await, []);

    write(&app, &booking, &booking.mentor, "three", 2).await;
    app.advance(TimeDelta::minutes(3));
    app.run_jobs().await;
    assert_eq!(app.told(&booking.mentee, "chat.messages").await, told, "they know");
    read(&app, &booking, &booking.mentee, 3).await;
    write(&app, &booking, &booking.mentor, "four", 3).await;
    app.advance(TimeDelta::minutes(3));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 2, "this is new");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_while_its_job_looks_has_a_job_of_its_own() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    write(&app, &booking, &booking.mentor, "one", 1).await;
    read(&app, &booking, &booking.mentee, 1).await;
    app.advance(TimeDelta::minutes(2));
    let delivery = app.take_due_of(TellUnreadChat::KIND).await;
    outbox::claim(&app.core.db, delivery, "worker-that-looks", Duration::from_secs(15))
        .await
        .expect("the database");
    let lease = outbox::Lease { delivery };
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(lease.free_key(tx).await??) })
        .expect("the lease is ours");
    // It has found everything read.
    write(&app, &booking, &booking.mentor, "two", 2).await;
    transact!(app.core.db, app.context(), anyhow::Error, tx => { Ok(lease.finish(tx).await??) })
        .expect("the lease is ours");
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 1);
    let with_key: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = ? AND dedup_key IS NOT NULL")
            .bind(TellUnreadChat::KIND)
            .fetch_one(app.core.db.pool())
            .await
            .expect("the database");
    assert_eq!(with_key, 0, "each run frees it before it looks");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_at_once_is_not_told() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    write(&app, &booking, &booking.mentee, "one", 1).await;
    read(&app, &booking, &booking.mentor, 1).await;
    app.advance(TimeDelta::minutes(3));
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentor, "chat.messages").await, 0);
    app.finish().await;
}

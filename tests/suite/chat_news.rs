//! Whoever is away is told that they were written to.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::job::{Job, TellUnreadChat};
use konnect::{outbox, transact};
use konnect_tests::{Booking, Person, Socket, TestApp};
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

/// Sends a message, whose job is written then or waits already: so many were written in all.
async fn write(app: &TestApp, booking: &Booking, who: &Person, client_id: &str, jobs: usize) {
    let message = json!({ "clientId": client_id, "text": "Hello" });
    let who = app.log_in(who).await;
    who.client.post(&format!("{}/chat/messages", booking.path()), message).await.ok(201);
    assert_eq!(app.jobs_of(TellUnreadChat::KIND).await.len(), jobs);
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
async fn a_message_is_acknowledged_with_its_job_and_one_that_is_sent_again_makes_up_for_it() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    // Whoever stored it died before the answer.
    let access = app.access(&booking, &booking.mentor).await;
    app.say(&access, "one", "Hello").await;
    assert_eq!(app.jobs_of(TellUnreadChat::KIND).await.len(), 0);
    let message = json!({ "clientId": "one", "text": "Hello" });
    let path = format!("{}/chat/messages", booking.path());
    booking.mentor.client.post(&path, message).await.ok(200);
    assert_eq!(app.jobs_of(TellUnreadChat::KIND).await.len(), 1);
    app.advance(TimeDelta::minutes(2));
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s75_a_chat_goes_on_while_the_database_does_not_answer() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let mut config = app.config.clone();
    config.db_connections = 2;
    let (base, core) = app.api_with(&config).await;
    let (mut mentor, _) = Socket::open(&base, &booking.mentor, "").await;
    mentor.command("chat.join", booking.id, json!({})).await.expect("a member");
    let mut held = Vec::new();
    for _ in 0..config.db_connections {
        held.push(core.db.pool().acquire().await.expect("a connection"));
    }
    // Sooner than the pool gives up.
    let said = json!({ "clientId": "one", "text": "Hello" });
    let sending = mentor.command("chat.send", booking.id, said);
    timeout(Duration::from_secs(8), sending).await.expect("an answer").expect("it is stored");
    assert_eq!(app.jobs_of(TellUnreadChat::KIND).await.len(), 0);
    drop(held);
    app.until(async || app.jobs_of(TellUnreadChat::KIND).await.len() == 1).await;
    app.advance(TimeDelta::minutes(2));
    app.run_jobs_twice().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_read_and_is_written_to_again_right_after_is_told_of_that() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    write(&app, &booking, &booking.mentor, "one", 1).await;
    // Its job waits for this one, too.
    app.advance(TimeDelta::seconds(70));
    write(&app, &booking, &booking.mentor, "two", 1).await;
    app.advance(TimeDelta::seconds(50));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 1);
    read(&app, &booking, &booking.mentee, 2).await;
    app.advance(TimeDelta::seconds(5));
    write(&app, &booking, &booking.mentor, "three", 2).await;
    app.advance(TimeDelta::minutes(2));
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "chat.messages").await, 2);
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

//! What is told together, once a day.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::job::{Job, SendDigest};
use konnect::notification::Notice;
use konnect_tests::{Person, TestApp, happening};
use serde_json::json;

/// Nine in the morning in Seoul, the day after tests begin.
fn morning() -> DateTime<Utc> {
    "2026-03-03T00:00:00Z".parse().expect("an instant")
}

async fn mails(app: &TestApp, person: &Person, kind: &str) -> Vec<Notice> {
    let all = app.all_notices_of(person).await;
    all.into_iter().filter(|n| n.channel.name() == "email" && n.kind == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_wait_is_told_in_one_mail_at_the_hour_somebody_chose() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    app.gather(&mentee, "review").await;
    for number in 0..3 {
        app.enqueue(&happening(&format!("review:{number}"), "review.requested", &[&mentee])).await;
    }
    app.enqueue(&happening("at-once", "reservation.confirmed", &[&mentee])).await;
    app.run_jobs_twice().await;
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 1, "what is urgent is told at once");
    let gathered = mails(&app, &mentee, "review.requested").await;
    assert!(gathered.len() == 3 && gathered.iter().all(|n| n.state.name() == "gathered"));

    // One of them is read in the app before.
    let client = app.log_in(&mentee).await.client;
    let shown = client.get("/v1/me/notices").await.ok(200);
    let one = shown["items"].as_array().expect("notices").iter().find(|n| n["kind"] == "review.requested");
    let read = format!("/v1/me/notices/{}/read", one.expect("it")["id"].as_str().expect("an id"));
    client.post(&read, json!({})).await.ok(200);

    app.advance_to(morning() - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 1);
    app.advance_to(morning());
    app.run_jobs_twice().await;
    let sent = app.sandbox.mails_to(&mentee.email);
    assert_eq!(sent.len(), 2, "one mail");
    assert_eq!(sent[1].text.matches("세션은 어떠셨나요?").count(), 2, "{}", sent[1].text);
    let mut states: Vec<_> =
        mails(&app, &mentee, "review.requested").await.iter().map(|n| n.state.name()).collect();
    states.sort_unstable();
    assert_eq!(states, ["digested", "digested", "skipped"]);
    assert_eq!(mails(&app, &mentee, "digest.daily").await.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s61_a_digest_is_closed_once_and_never_holds_itself() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    app.gather(&mentee, "review").await;
    app.enqueue(&happening("first", "review.requested", &[&mentee])).await;
    app.run_jobs().await;
    app.advance_to(morning());
    // A worker holds the job that closes the window, while another news of the same second comes.
    let closing = app.take_due().await.expect("the digest");
    assert_eq!(app.job(closing.job_id).await.kind, SendDigest::KIND);
    app.enqueue(&happening("second", "review.requested", &[&mentee])).await;
    let writing = app.take_due().await.expect("the second");
    let (one, other) = tokio::join!(app.run_delivery(closing), app.run_delivery(writing));
    assert_eq!((one, other), (konnect_jobs::Ended::Done, konnect_jobs::Ended::Done));
    // The worker comes back and tries again.
    let again = app.deliver_again(closing.job_id).await.expect("no twin waits");
    app.run_delivery(again).await;
    app.run_jobs().await;
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 1);
    let digests: Vec<(String, DateTime<Utc>)> =
        sqlx::query_as("SELECT state, due_at FROM notice_digests WHERE user_id = ? ORDER BY due_at")
            .bind(mentee.id)
            .fetch_all(app.core.db.pool())
            .await
            .expect("the database");
    let next = morning() + TimeDelta::days(1);
    assert_eq!(digests, [("closed".to_owned(), morning()), ("open".to_owned(), next)]);

    app.advance_to(next);
    app.run_jobs_twice().await;
    app.advance_to(next + TimeDelta::days(1));
    app.run_jobs_twice().await;
    assert_eq!(app.sandbox.mails_to(&mentee.email).len(), 2, "a digest is no news of the next one");
    let digested = mails(&app, &mentee, "review.requested").await;
    assert!(digested.iter().all(|n| n.state.name() == "digested") && digested.len() == 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wants_no_digest_gets_none() {
    let app = TestApp::start().await;
    let mentee = app.mentee("mentee").await;
    app.gather(&mentee, "review").await;
    app.enqueue(&happening("first", "review.requested", &[&mentee])).await;
    app.run_jobs().await;
    app.prefer(&mentee, &[("digest", "email", false)]).await.ok(200);
    app.advance_to(morning());
    app.run_jobs().await;
    assert!(app.sandbox.mails_to(&mentee.email).is_empty());
    assert_eq!(app.told(&mentee, "review.requested").await, [("email", "skipped"), ("in_app", "stored")]);
    app.finish().await;
}

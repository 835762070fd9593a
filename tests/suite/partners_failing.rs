//! Systems of others that fail, ask for patience, or are gone; and what administrators do about them.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::job::{DeliverWebhook, Job};
use konnect_sandbox::Reply;
use konnect_tests::{Partner, TestApp};
use serde_json::json;

/// Goes to the moment of the next try, and makes it.
async fn next_try(app: &TestApp) -> TimeDelta {
    let job = app.jobs_of(DeliverWebhook::KIND).await.remove(0);
    assert_eq!(job.state, "pending", "{:?}", job.last_error);
    let wait = job.run_at - app.now();
    app.advance_to(job.run_at);
    app.run_jobs().await;
    wait
}

async fn test_event(app: &TestApp, partner: &Partner) {
    partner.admin.post(&format!("{}/test", partner.path()), json!({})).await.ok(201);
    app.run_jobs().await;
}

/// The log of the newest delivery, as an administrator reads it.
async fn newest(app: &TestApp) -> serde_json::Value {
    let admin = app.admin(&format!("reader-{}", konnect::id::jitter(u64::MAX))).await.client;
    let list = admin.get("/v1/admin/webhook-deliveries?limit=1").await.ok(200);
    let id = list["items"][0]["id"].as_str().expect("a delivery").to_owned();
    admin.get(&format!("/v1/admin/webhook-deliveries/{id}")).await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_a_failure_is_tried_again_by_the_schedule_and_logged() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    let long = "x".repeat(3_000);
    partner.receiver.next(Reply::status(500).saying(format!("<b>down</b>{long}")));
    partner.receiver.next(Reply::status(302).with("location", "http://127.0.0.1:1/inside"));
    partner.receiver.next(Reply::status(404));
    test_event(&app, &partner).await;
    for seconds in [5, 300, 1_800] {
        let wait = next_try(&app).await;
        let (least, most) = (TimeDelta::seconds(seconds), TimeDelta::milliseconds(seconds * 1_100 + 1));
        assert!(least <= wait && wait <= most, "{wait} for {seconds} s");
    }
    let received = partner.receiver.take();
    assert_eq!(received.iter().map(|r| r.status).collect::<Vec<_>>(), [500, 302, 404, 204]);
    assert!(received.iter().all(|r| r.header("webhook-id") == received[0].header("webhook-id")));
    assert!(received.is_sorted_by_key(|r| r.header("webhook-timestamp").to_owned()));
    assert_ne!(received[0].header("webhook-timestamp"), received[3].header("webhook-timestamp"));

    let log = newest(&app).await;
    assert_eq!((&log["delivery"]["state"], &log["delivery"]["attempts"]), (&json!("delivered"), &json!(4)));
    assert_eq!((&log["delivery"]["type"], &log["delivery"]["test"]), (&json!("webhook.test"), &json!(true)));
    let attempts = log["attempts"].as_array().expect("attempts");
    let statuses: Vec<_> = attempts.iter().map(|a| a["status"].as_i64()).collect();
    assert_eq!(statuses, [Some(500), Some(302), Some(404), Some(204)]);
    let answer = attempts[0]["answer"].as_str().expect("the answer");
    assert_eq!((answer.len(), &answer[..11]), (1_024, "<b>down</b>"));
    assert!(attempts.iter().all(|a| a["milliseconds"].is_u64()));
    assert_eq!(attempts[1]["error"], "status 302");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_nobody_who_hangs_or_breaks_off_is_believed() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    // Longer than anybody is waited for.
    partner.receiver.next(Reply::status(204).after(Duration::from_secs(40)));
    test_event(&app, &partner).await;
    let log = newest(&app).await;
    assert_eq!(log["delivery"]["state"], "pending");
    assert!(log["attempts"][0].get("status").is_none(), "{log}");
    assert!(log["attempts"][0]["milliseconds"].as_u64().is_some_and(|ms| (14_000..25_000).contains(&ms)));
    next_try(&app).await;
    assert_eq!(newest(&app).await["delivery"]["state"], "delivered");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_whoever_asks_for_patience_gets_it() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    partner.receiver.next(Reply::status(503).with("retry-after", "7200"));
    partner.receiver.next(Reply::status(429).with("retry-after", "0"));
    // Of any other status it is not read.
    partner.receiver.next(Reply::status(500).with("retry-after", "7200"));
    test_event(&app, &partner).await;
    assert_eq!(next_try(&app).await, TimeDelta::hours(2));
    assert_eq!(next_try(&app).await, TimeDelta::minutes(5), "never sooner than the schedule");
    assert!(next_try(&app).await < TimeDelta::seconds(7), "by the schedule of those that count");
    assert_eq!(newest(&app).await["delivery"]["state"], "delivered");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_nothing_but_failures_for_five_days_disables() {
    let app = TestApp::start().await;
    let partner = app.partner(&["reservation.*"]).await;
    let watcher = app.admin("watcher").await;
    partner.receiver.usually(Reply::status(500));
    let since = app.now();
    app.booking().await;
    app.run_jobs().await;
    let mut tries = 1;
    while app.jobs_of(DeliverWebhook::KIND).await.iter().any(|job| job.state == "pending") {
        let due = app.jobs_of(DeliverWebhook::KIND).await.into_iter().filter(|job| job.state == "pending");
        app.advance_to(due.map(|job| job.run_at).min().expect("one waits").max(app.now()));
        app.run_jobs().await;
        tries += 1;
        assert!(tries < 80, "it is tried without end");
    }
    let lasted = app.now() - since;
    assert!(TimeDelta::days(5) <= lasted && lasted < TimeDelta::days(7), "{lasted}");
    let admin = app.log_in(&watcher).await;
    let endpoint = admin.client.get(&partner.path()).await.ok(200);
    assert_eq!((&endpoint["state"], &endpoint["disabledReason"]), (&json!("disabled"), &json!("failing")));
    assert!(app.deliveries(&partner).await.iter().all(|delivery| delivery.state.name() == "failed"));
    assert_eq!(app.told(&watcher, "webhook.disabled").await, [("email", "sent"), ("in_app", "stored")]);
    let mail = app.sandbox.mails_to(&watcher.email).pop().expect("a mail");
    assert!(mail.raw.contains("127.0.0.1") || mail.subject.contains("웹훅"), "{}", mail.subject);

    // Repaired: what failed is sent again, each under its own id, and once.
    partner.receiver.usually(Reply::status(200));
    let replay = format!("{}/replay", partner.path());
    let since = json!({ "since": since });
    admin.client.post(&replay, since.clone()).await.problem(409, "webhook.wrong_state");
    admin.client.post(&format!("{}/enable", partner.path()), json!({})).await.ok(200);
    partner.receiver.take();
    let failed = app.deliveries(&partner).await.len();
    let replayed = admin.client.post(&replay, since.clone()).await.ok(200);
    assert_eq!(replayed, json!({ "count": failed, "more": false }));
    app.run_jobs().await;
    assert_eq!(partner.receiver.take().len(), failed);
    assert!(app.deliveries(&partner).await.iter().all(|delivery| delivery.state.name() == "delivered"));
    let nothing = admin.client.post(&replay, since).await.ok(200);
    assert_eq!(nothing, json!({ "count": 0, "more": false }));
    let one = app.deliveries(&partner).await.remove(0);
    let path = format!("/v1/admin/webhook-deliveries/{}/replay", one.id);
    admin.client.post(&path, json!({})).await.ok(200);
    admin.client.post(&path, json!({})).await.problem(409, "webhook.not_replayable");
    app.run_jobs().await;
    let again = partner.receiver.take().remove(0);
    assert_eq!(again.header("webhook-id"), one.event_id.to_string());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_a_success_between_keeps_an_endpoint() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    partner.receiver.usually(Reply::status(500));
    test_event(&app, &partner).await;
    assert!(partner.endpoint().await["failingSince"].is_string());
    partner.receiver.usually(Reply::status(204));
    next_try(&app).await;
    assert!(partner.endpoint().await.get("failingSince").is_none());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_whoever_is_gone_is_asked_no_more() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    partner.receiver.next(Reply::status(410));
    partner.admin.post(&format!("{}/test", partner.path()), json!({})).await.ok(201);
    app.run_jobs_twice().await;
    let endpoint = partner.endpoint().await;
    assert_eq!((&endpoint["state"], &endpoint["disabledReason"]), (&json!("disabled"), &json!("gone")));
    assert_eq!(app.deliveries(&partner).await[0].state.name(), "failed");
    assert_eq!(partner.receiver.take().len(), 1);
    let test = format!("{}/test", partner.path());
    partner.admin.post(&test, json!({})).await.problem(409, "webhook.wrong_state");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_a_delivery_whose_job_is_dead_can_be_sent_again() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    let made = partner.admin.post(&format!("{}/test", partner.path()), json!({})).await.ok(201);
    let replay = format!("/v1/admin/webhook-deliveries/{}/replay", made["id"].as_str().expect("a delivery"));
    partner.admin.post(&replay, json!({})).await.problem(409, "webhook.not_replayable");
    sqlx::query("UPDATE outbox SET state = 'dead', finished_at = created_at WHERE kind = ?")
        .bind(DeliverWebhook::KIND)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    app.run_jobs().await;
    assert_eq!(app.deliveries(&partner).await[0].state.name(), "pending");

    partner.admin.post(&replay, json!({})).await.ok(200);
    partner.admin.post(&replay, json!({})).await.problem(409, "webhook.not_replayable");
    app.run_jobs().await;
    assert_eq!(app.deliveries(&partner).await[0].state.name(), "delivered");
    assert_eq!(partner.receiver.take().len(), 1);
    app.expect_sound().await;
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_what_is_on_its_way_to_a_deleted_endpoint_is_not_sent() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    app.booking().await;
    let deleted = partner.admin.send(reqwest::Method::DELETE, &partner.path(), None, &[]).await;
    assert_eq!(deleted.status, 204);
    app.run_jobs().await;
    assert!(partner.receiver.take().is_empty());
    assert_eq!(partner.endpoint().await["state"], "deleted");
    let again = partner.admin.send(reqwest::Method::DELETE, &partner.path(), None, &[]).await;
    again.problem(404, "webhook.endpoint_not_found");
    let list = partner.admin.get("/v1/admin/webhook-endpoints").await.ok(200);
    assert_eq!(list, json!([]));
    let secrets: Option<Vec<u8>> = sqlx::query_scalar("SELECT secret_sealed FROM webhook_endpoints")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(secrets, None);
    app.finish().await;
}

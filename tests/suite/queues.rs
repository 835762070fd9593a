//! Many jobs at once: queues that stand still, and dead jobs that failed of one cause (J6).

use konnect::job::{DeliverNotice, Ping};
use konnect_tests::TestApp;
use serde_json::{Value, json};

async fn kill(app: &TestApp, kind: &str, error: &str) {
    let dead = sqlx::query(
        "UPDATE outbox SET state = 'dead', last_error = ?, finished_at = ? WHERE kind = ? AND state = 'pending'",
    );
    dead.bind(error.to_owned())
        .bind(app.now())
        .bind(kind.to_owned())
        .execute(app.core.db.pool())
        .await
        .expect("the database");
}

fn of<'a>(queues: &'a Value, name: &str) -> &'a Value {
    queues.as_array().expect("queues").iter().find(|q| q["queue"] == name).expect("the queue")
}

#[tokio::test(flavor = "multi_thread")]
async fn j6_a_paused_queue_gives_nothing_out() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await.client;
    let because = json!({ "reason": "the mail server moves" });
    let queues = admin.post("/v1/admin/queues/reminder/pause", because.clone()).await.ok(200);
    let reminder = of(&queues, "reminder");
    assert_eq!((&reminder["paused"], &reminder["reason"]), (&json!(true), &json!("the mail server moves")));
    assert_eq!(of(&queues, "payment")["paused"], false);
    // Twice is once, with the first reason.
    let again = admin.post("/v1/admin/queues/reminder/pause", json!({ "reason": "again" })).await.ok(200);
    assert_eq!(of(&again, "reminder")["reason"], "the mail server moves");

    app.enqueue(&Ping { sent_at: app.now() }).await;
    assert!(app.run_jobs().await.is_empty());
    let waits = admin.get("/v1/admin/queues").await.ok(200);
    assert_eq!(
        (&of(&waits, "reminder")["due"], &of(&waits, "reminder")["published"]),
        (&json!(1), &json!(0))
    );
    admin.post("/v1/admin/queues/reminder/resume", json!({ "reason": "it has moved" })).await.ok(200);
    assert_eq!(app.run_jobs().await.len(), 1);
    admin.post("/v1/admin/queues/nothing/pause", because).await.problem(400, "request.invalid");
    admin.post("/v1/admin/queues/payment/pause", json!({})).await.problem(400, "request.invalid");
    let acts = admin.get("/v1/admin/acts").await.ok(200);
    let moves: Vec<_> = acts["items"].as_array().expect("acts").iter().map(|act| &act["moves"]).collect();
    assert_eq!(moves.len(), 3);
    assert_eq!((&moves[0][0]["to"], &moves[2][0]["to"]), (&json!("running"), &json!("paused")));
    assert_eq!(*moves[1], json!([]), "nothing moved");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j6_dead_jobs_of_one_cause_are_retried_or_discarded_together() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await.client;
    for _ in 0..3 {
        app.enqueue(&Ping { sent_at: app.now() }).await;
    }
    kill(&app, "diagnostic.ping.v1", "status 500: 100% full").await;
    for _ in 0..2 {
        app.enqueue(&Ping { sent_at: app.now() }).await;
    }
    kill(&app, "diagnostic.ping.v1", "no route to host").await;
    app.enqueue(&DeliverNotice { notice_id: konnect::id::NoticeId::generate() }).await;
    kill(&app, "notification.deliver.v1", "no route to host").await;

    let failures = admin.get("/v1/admin/job-failures").await.ok(200);
    assert_eq!(
        failures[0],
        json!({ "kind": "diagnostic.ping.v1", "error": "status 500: 100% full", "count": 3 })
    );
    assert_eq!(failures.as_array().map(Vec::len), Some(3));
    let list = admin.get("/v1/admin/jobs?state=dead&error=no%20route").await.ok(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
    let nothing = admin.get("/v1/admin/jobs?error=%25").await.ok(200);
    assert_eq!(nothing["items"].as_array().map(Vec::len), Some(3), "a percent sign is one: of 100% full");

    let bulk = async |what: &str, body: Value| admin.post(&format!("/v1/admin/jobs/bulk-{what}"), body).await;
    bulk("retry", json!({ "reason": "all" })).await.problem(422, "job.filter_needed");
    bulk("retry", json!({ "error": "no", "reason": "short" })).await.problem(400, "request.invalid");
    bulk("retry", json!({ "error": "route" })).await.problem(400, "request.invalid");
    let body = json!({ "kind": "diagnostic.ping.v1", "error": "no route", "reason": "the network is back" });
    assert_eq!(bulk("retry", body.clone()).await.ok(200), json!({ "count": 2, "more": false }));
    assert_eq!(bulk("retry", body).await.ok(200), json!({ "count": 0, "more": false }));
    assert_eq!(app.run_jobs().await.len(), 2);
    let body = json!({ "error": "100% full", "reason": "nobody waits for them" });
    assert_eq!(bulk("discard", body).await.ok(200), json!({ "count": 3, "more": false }));
    let body = json!({ "kind": "notification.deliver.v1", "queue": "payment", "reason": "another queue" });
    assert_eq!(bulk("discard", body).await.ok(200)["count"], 0);
    let body = json!({ "kind": "notification.deliver.v1", "reason": "no such notice" });
    assert_eq!(bulk("discard", body).await.ok(200)["count"], 1);
    assert_eq!(app.jobs_in("dead").await.len(), 0);
    let acts = admin.get("/v1/admin/acts").await.ok(200);
    let last = &acts["items"][0];
    assert_eq!((&last["reason"], &last["moves"][0]["to"]), (&json!("no such notice"), &json!("cancelled")));
    app.finish().await;
}

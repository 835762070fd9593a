//! Systems of others are told what happens here: signed, in order, whatever becomes of us or of them.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::id::ReservationId;
use konnect::job::{DeliverWebhook, FanOutWebhook, Job};
use konnect_sandbox::Received;
use konnect_tests::{Booking, TestApp, run_script, told};
use serde_json::{Value, json};

/// Has messages checked in Node, each with a secret; `true` where it must be believed.
async fn verify(app: &TestApp, messages: &[(&Received, &str, bool)]) {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let message = |(received, secret, good): &(&Received, &str, bool)| {
        let headers: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!(received.header(name)))).collect();
        json!({ "secret": secret, "body": received.body, "headers": headers, "good": good })
    };
    let messages: Vec<Value> = messages.iter().map(message).collect();
    let scenario = json!({ "now": app.now().timestamp(), "messages": messages });
    let held = run_script("webhooks.mjs", &scenario, Duration::from_secs(60), async |_| unreachable!()).await;
    assert_eq!(held, messages.len());
}

/// What was told of one reservation, in the order of its sequence.
fn of(received: &[Received], id: ReservationId) -> Vec<Value> {
    let mut told: Vec<Value> = received.iter().map(told_of).collect();
    told.retain(|message| message["subject"]["id"] == id.to_string());
    told.sort_by_key(|message| message["sequence"].as_i64());
    told
}

fn told_of(received: &Received) -> Value {
    told(received)
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(app.core.db.pool()).await.expect("the database")
}

/// A session that took place and was settled.
async fn completed(app: &TestApp) -> Booking {
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::hours(49));
    app.run_jobs_twice().await;
    assert_eq!(app.state(&booking).await, "completed");
    booking
}

#[test]
fn x1_every_move_of_a_reservation_has_its_type() {
    for step in konnect::reservation::Move::ALL {
        let kind = format!("reservation.{}", step.cause());
        assert!(konnect::snapshot::TYPES.contains(&kind.as_str()), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_every_change_is_told_in_order_as_it_was() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    let booking = completed(&app).await;
    let received = partner.receiver.take();
    let told = of(&received, booking.id);
    let kinds: Vec<_> = told.iter().map(|message| message["type"].as_str().expect("a type")).collect();
    assert_eq!(
        kinds,
        [
            "reservation.reserved",
            "reservation.paying",
            "payment.captured",
            "reservation.confirmed",
            "reservation.started",
            "reservation.completed",
            "settlement.accrued",
        ]
    );
    let sequence: Vec<_> = told.iter().map(|message| message["sequence"].as_i64()).collect();
    assert_eq!(sequence, (1..=7).map(Some).collect::<Vec<_>>(), "without gaps");
    let states: Vec<_> =
        told.iter().map(|m| m["data"]["reservation"]["state"].as_str().expect("a state")).collect();
    assert_eq!(states[0], "awaiting_payment");
    assert_eq!(states[1], "paying");
    assert_eq!(states[3..], ["confirmed", "in_session", "completed", "completed"]);
    let versions: Vec<_> = told.iter().map(|m| m["data"]["reservation"]["version"].as_i64()).collect();
    assert!(versions.is_sorted(), "{versions:?}");
    assert_eq!(told[0]["data"]["payment"], Value::Null);
    assert_eq!(told[2]["type"], "payment.captured");
    assert_eq!(told[2]["data"]["payment"]["state"], "done", "as of this change");
    let payment = &told[3]["data"]["payment"];
    assert_eq!((&payment["amount"], &payment["refunded"]), (&json!(50_000), &json!(0)));
    assert_eq!(told[6]["data"]["facts"]["net"], 41_098);
    for message in &told {
        let fields: Vec<_> = message.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["data", "id", "sequence", "subject", "timestamp", "type"]);
        assert_eq!(message["data"]["reservation"]["mentorId"], booking.mentor.id.to_string());
        assert_eq!(message["data"]["reservation"]["price"], 50_000);
    }
    let all = received.iter().map(|message| message.body.as_str()).collect::<String>();
    for personal in [&booking.mentee.email, &booking.mentor.email, "no-password"] {
        assert!(!all.contains(personal), "{personal}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_signatures_are_believed_by_the_reference_library() {
    let app = TestApp::start().await;
    let partner = app.partner(&["reservation.reserved", "reservation.paying"]).await;
    let other = app.partner(&["payout.*"]).await;
    let booking = app.booking().await;
    app.run_jobs().await;
    let first = partner.receiver.take().remove(0);
    verify(&app, &[(&first, &partner.secret, true), (&first, &other.secret, false)]).await;
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("webhook-timestamp"), app.now().timestamp().to_string());
    assert_eq!(first.header("webhook-id"), told(&first)["id"].as_str().expect("an id"));

    // Both secrets sign while the old one is good.
    let rotated = partner.admin.post(&format!("{}/rotate-secret", partner.path()), json!({})).await.ok(200);
    let secret = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(secret, partner.secret);
    let test = format!("{}/test", partner.path());
    partner.admin.post(&test, json!({})).await.ok(201);
    app.run_jobs().await;
    let both = partner.receiver.take().remove(0);
    assert_eq!(both.header("webhook-signature").split(' ').count(), 2);
    verify(&app, &[(&both, &partner.secret, true), (&both, &secret, true), (&both, &other.secret, false)])
        .await;

    app.advance(TimeDelta::hours(24));
    app.run_jobs().await;
    partner.receiver.take();
    let admin = app.admin("late").await.client;
    admin.post(&test, json!({})).await.ok(201);
    app.run_jobs().await;
    let late = partner.receiver.take().remove(0);
    verify(&app, &[(&late, &secret, true), (&late, &partner.secret, false)]).await;
    assert!(other.receiver.take().is_empty(), "it chose to hear of payouts alone");
    assert_eq!(app.state(&booking).await, "expired");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_who_rotates_again_keeps_the_secret_that_the_receiver_has() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    let rotate = async |hours: u32| {
        let body = json!({ "overlapHours": hours });
        let made = partner.admin.post(&format!("{}/rotate-secret", partner.path()), body).await.ok(200);
        made["secret"].as_str().expect("a secret").to_owned()
    };
    let message = async || {
        partner.admin.post(&format!("{}/test", partner.path()), json!({})).await.ok(201);
        app.run_jobs().await;
        partner.receiver.take().remove(0)
    };
    let (second, third) = (rotate(24).await, rotate(1).await);
    let all = message().await;
    assert_eq!(all.header("webhook-signature").split(' ').count(), 3);
    let until = partner.endpoint().await["oldSecretUntil"].as_str().expect("an instant").to_owned();
    let until: chrono::DateTime<chrono::Utc> = until.parse().expect("an instant");
    assert_eq!(until, app.now() + TimeDelta::hours(24), "as the first rotation said");

    rotate(24).await;
    rotate(24).await;
    let last = rotate(24).await;
    let most = message().await;
    assert_eq!(most.header("webhook-signature").split(' ').count(), 4, "no row and no header grows for ever");
    let only = rotate(0).await;
    let none = message().await;
    assert_eq!(none.header("webhook-signature").split(' ').count(), 1);
    verify(
        &app,
        &[
            (&all, &partner.secret, true),
            (&all, &second, true),
            (&all, &third, true),
            (&most, &partner.secret, true),
            (&most, &last, true),
            (&most, &second, false),
            (&none, &only, true),
            (&none, &partner.secret, false),
        ],
    )
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_no_path_leaves_it_out_and_nothing_is_kept_for_nobody() {
    let app = TestApp::start().await;
    let unheard = app.booking().await;
    app.pay(&unheard).await;
    assert_eq!((count(&app, "webhook_events").await, app.jobs_of(FanOutWebhook::KIND).await.len()), (0, 0));

    let partner = app.partner(&["reservation.cancelled", "payment.refunded"]).await;
    // The back office, and a job.
    let path = format!("/v1/admin/reservations/{}/cancel", unheard.id);
    let body = json!({ "reason": "my secret reason", "refund": "full" });
    partner.admin.post(&path, body).await.ok(200);
    app.run_jobs_twice().await;
    let received = partner.receiver.take();
    let told = of(&received, unheard.id);
    let kinds: Vec<_> = told.iter().map(|m| m["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["reservation.cancelled", "payment.refunded"]);
    assert_eq!(told[0]["data"]["reservation"]["refund"], 50_000);
    assert_eq!(told[1]["data"]["payment"]["refunded"], 50_000);
    assert!(received.iter().all(|message| !message.body.contains("my secret reason")));

    let disable = format!("{}/disable", partner.path());
    partner.admin.post(&disable, json!({ "reason": "moving" })).await.ok(200);
    let before = count(&app, "webhook_events").await;
    let later = unheard.starts_at + TimeDelta::hours(3);
    app.book(&unheard.mentor, &unheard.mentee, unheard.offering, later).await;
    app.run_jobs().await;
    assert_eq!(count(&app, "webhook_events").await, before, "nobody listens any more");
    partner.admin.post(&format!("{}/enable", partner.path()), json!({})).await.ok(200);
    app.run_jobs().await;
    assert!(partner.receiver.take().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_a_worker_that_dies_says_it_again_under_the_same_id() {
    let app = TestApp::start().await;
    let partner = app.partner(&["reservation.reserved"]).await;
    app.booking().await;
    app.run_jobs().await;
    let job = app.jobs_of(DeliverWebhook::KIND).await.remove(0);
    let delivery = app.deliveries(&partner).await.remove(0);
    assert_eq!(delivery.state.name(), "delivered");
    // As if the worker had died between the answer and the commit.
    sqlx::query("UPDATE webhook_deliveries SET state = 'pending', delivered_at = NULL WHERE id = ?")
        .bind(delivery.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    let again = app.deliver_again(job.id).await.expect("no twin waits");
    app.run_delivery(again).await;
    let received = partner.receiver.take();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    assert_eq!(received[0].body, received[1].body);
    // Whoever finds it done says nothing.
    let again = app.deliver_again(job.id).await.expect("no twin waits");
    app.run_delivery(again).await;
    assert!(partner.receiver.take().is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_what_jobs_missed_is_found() {
    let app = TestApp::start().await;
    let partner = app.partner(&["reservation.reserved"]).await;
    app.booking().await;
    let lose = async |kind: &str| {
        let lost =
            sqlx::query("DELETE FROM outbox WHERE kind = ? AND state = 'pending'").bind(kind.to_owned());
        assert_eq!(
            lost.execute(app.core.db.pool()).await.expect("the database").rows_affected(),
            1,
            "{kind}"
        );
    };
    lose(FanOutWebhook::KIND).await;
    app.run_jobs().await;
    assert!(app.deliveries(&partner).await.is_empty());
    app.advance(TimeDelta::minutes(2));
    app.reconcile_those(|kind| kind == "webhook.reconcile.v1").await;
    let delivery = loop {
        let taken = app.take_due().await.expect("the jobs that were missing");
        if app.job(taken.job_id).await.kind == DeliverWebhook::KIND {
            break taken;
        }
        app.run_delivery(taken).await;
    };
    sqlx::query("DELETE FROM outbox WHERE id = ?")
        .bind(delivery.job_id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(app.deliveries(&partner).await[0].state.name(), "pending");
    app.advance(TimeDelta::minutes(2));
    app.reconcile_those(|kind| kind == "webhook.reconcile.v1").await;
    app.run_jobs().await;
    assert_eq!(app.deliveries(&partner).await[0].state.name(), "delivered");
    assert_eq!(partner.receiver.take().len(), 1);
    app.finish().await;
}

//! Webhooks about payments: early, late, twice, out of order, forged, unknown, huge, deep, lost (S32 to S37).

use std::time::Duration;

use chrono::TimeDelta;
use konnect::id::AttemptId;
use konnect::job::{Job, SyncPayment, SyncWebhook};
use konnect_jobs::Ended;
use konnect_sandbox::{Endpoint, Status, WebhookMode};
use konnect_tests::{Booking, TestApp};
use serde_json::{Value, json};

const ID: &str = "tosspayments-webhook-transmission-id";

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().expect("a text").to_owned()
}

async fn stored(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM webhook_inbox")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

/// A session that is paid, of which no webhook tells.
async fn paid_in_silence(app: &TestApp) -> (Booking, Value) {
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    app.pay_with(&booking, &body).await;
    (booking, body)
}

/// A webhook about a checkout, from whoever knows its order.
async fn forge(app: &TestApp, body: &Value, status: Status) {
    let (key, order) = (text(body, "paymentKey"), text(body, "orderId"));
    app.sandbox.forge_status(&key, &order, status, 50_000).await;
}

/// The money is taken, and the browser has not come back yet.
async fn captured_before_the_redirect(app: &TestApp) -> (Booking, Value) {
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    let request = konnect::client::toss::ConfirmRequest {
        payment_key: text(&body, "paymentKey"),
        order_id: text(&body, "orderId"),
        amount: konnect::money::Krw(booking.price),
    };
    app.services.toss.confirm(request, "behind-our-back").await.expect("the provider takes the money");
    app.sandbox.settle().await;
    (booking, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn s32_a_webhook_before_the_redirect_is_applied_and_the_redirect_changes_nothing() {
    let app = TestApp::start().await;
    let (booking, body) = captured_before_the_redirect(&app).await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.webhook_outcomes().await, ["requeried"]);

    let view = app.confirm(&booking, &body).await.ok(200);
    assert_eq!(view["state"], "done");
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s33_a_transmission_that_comes_again_is_counted_and_does_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.sandbox.settle().await;
    app.run_jobs().await;
    let first = app.sandbox.webhook_deliveries()[0].transmission_id.clone();
    for retry in 1..=3 {
        assert_eq!(app.sandbox.resend_webhook(&first, retry).await, Some(200));
    }
    app.run_jobs().await;
    assert_eq!(stored(&app).await, 1);
    assert_eq!(app.jobs_of(SyncWebhook::KIND).await.len(), 1);
    assert_eq!(app.webhook_outcomes().await, ["known"], "and told nothing new");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_a_done_that_comes_after_its_cancel_does_not_bring_the_payment_back() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::None);
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    let (key, order) = (text(&body, "paymentKey"), text(&body, "orderId"));
    app.sandbox.cancel_in_console(&key, None, "by our staff").expect("the console cancels");
    for status in [Status::Canceled, Status::Done] {
        app.sandbox.forge_status(&key, &order, status, booking.price).await;
        app.run_jobs().await;
        app.advance(TimeDelta::seconds(1));
    }
    assert_eq!(app.webhook_outcomes().await, ["synced", "known"]);
    assert_eq!(app.state(&booking).await, "cancelled");
    assert_eq!(app.ledger(booking.id).await, [0; 4]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_a_webhook_that_is_five_days_late_changes_what_the_provider_still_says() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.webhooks(WebhookMode::Late);
    app.pay(&booking).await;
    app.advance(TimeDelta::days(5));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    app.sandbox.release_webhooks().await;
    app.run_jobs().await;

    assert_eq!(app.webhook_outcomes().await, ["known"]);
    assert_eq!(app.state(&booking).await, "completed", "never backwards");
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_a_forged_status_is_read_again_and_disagrees() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    let (key, order) = (text(&body, "paymentKey"), text(&body, "orderId"));
    // Of a payment that is still at the checkout; with another key; with another amount.
    app.sandbox.forge_status(&key, &order, Status::Done, booking.price).await;
    app.run_jobs().await;
    app.pay_with(&booking, &body).await;
    app.sandbox.forge_status("tviva_forged", &order, Status::Canceled, booking.price).await;
    app.sandbox.forge_status(&key, &order, Status::Done, 1).await;
    app.run_jobs().await;

    let outcomes = app.webhook_outcomes().await;
    assert_eq!(outcomes.iter().filter(|o| *o == "disagrees").count(), 3, "{outcomes:?}");
    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_many_webhooks_about_one_order_cost_one_look_at_a_time() {
    let app = TestApp::start().await;
    let (_, body) = paid_in_silence(&app).await;
    for _ in 0..20 {
        forge(&app, &body, Status::Done).await;
    }
    app.sandbox.clear_calls();
    let first = app.take_due_of(SyncWebhook::KIND).await;
    let second = app.take_due_of(SyncWebhook::KIND).await;
    let (ended, beside) = app.run_while(first, Endpoint::Get, async || app.run_delivery(second).await).await;
    assert_eq!((ended, beside), (Ended::Done, Ended::Snoozed));
    assert_eq!(app.sandbox.calls_to(Endpoint::Get).len(), 1);

    app.advance(TimeDelta::seconds(11));
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Get).len(), 2, "one look for all that waited");
    let outcomes = app.webhook_outcomes().await;
    let many = |outcome: &str| outcomes.iter().filter(|o| *o == outcome).count();
    assert_eq!((many("known"), many("covered")), (2, 18));
    // What comes after a look is looked into.
    forge(&app, &body, Status::Done).await;
    app.run_jobs().await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Get).len(), 3);
    app.finish().await;
}

/// Jobs of money never wait behind what anybody can write.
#[tokio::test(flavor = "multi_thread")]
async fn s35_webhooks_wait_in_a_queue_of_their_own_and_those_of_an_older_build_run() {
    let app = TestApp::start().await;
    let unknown = AttemptId::generate().to_string();
    for _ in 0..2 {
        app.sandbox.forge_status("tviva_x", &unknown, Status::Done, 50_000).await;
    }
    let jobs = app.jobs_of(SyncWebhook::KIND).await;
    assert!(jobs.iter().all(|job| job.queue == "inbox"), "{jobs:?}");
    sqlx::query("UPDATE outbox SET queue = 'payment' WHERE id = ?")
        .bind(jobs[0].id)
        .execute(app.core.db.pool())
        .await
        .expect("SQL");
    app.run_jobs().await;
    assert_eq!(app.webhook_outcomes().await, ["unknown_order"; 2]);
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s36_a_webhook_of_an_unknown_order_is_kept_for_a_day_and_then_shown_to_operators() {
    let app = TestApp::start().await;
    for key in ["tviva_x", "tviva_y"] {
        let unknown = AttemptId::generate().to_string();
        assert_eq!(app.sandbox.forge_status(key, &unknown, Status::Done, 50_000).await, Some(200));
    }
    app.run_jobs().await;
    assert_eq!(app.webhook_outcomes().await, ["unknown_order"; 2]);
    let waiting = app.jobs_of(SyncWebhook::KIND).await;
    assert!(waiting.iter().all(|job| job.state == "pending"), "{waiting:?}");
    for _ in 0..40 {
        app.advance(TimeDelta::hours(1));
        app.reconcile().await;
        app.run_jobs().await;
    }

    let dead = app.jobs_of(SyncWebhook::KIND).await;
    assert_eq!(dead.len(), 2, "nobody wrote it again");
    for job in dead {
        assert_eq!(job.state, "dead");
        assert!(job.last_error.is_some_and(|why| why.contains("names an order that nobody here knows")));
        let age = job.finished_at.expect("an end") - job.created_at;
        assert!(age > TimeDelta::hours(23) && age < TimeDelta::hours(40), "{age}");
    }
    assert!(app.sandbox.calls_to(Endpoint::Get).is_empty(), "the provider is not asked about it");
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s36_a_webhook_that_overtakes_its_order_is_applied_when_the_order_is_there() {
    let app = TestApp::start().await;
    let (booking, body) = captured_before_the_redirect(&app).await;
    let rename = async |from: &str, to: &str| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "UPDATE payment_attempts SET id = UNHEX('{to}') WHERE id = UNHEX('{from}')"
        )))
        .execute(app.core.db.pool())
        .await
        .expect("SQL");
    };
    // As if the order had not been written yet.
    let (id, away) = (text(&body, "orderId").replace('-', ""), "00".repeat(16));
    rename(&id, &away).await;
    app.run_jobs().await;
    assert_eq!(app.webhook_outcomes().await, ["unknown_order"]);
    rename(&away, &id).await;
    app.advance(TimeDelta::seconds(6));
    app.run_jobs().await;

    assert_eq!(app.webhook_outcomes().await, ["requeried"]);
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s36_a_webhook_of_what_is_no_order_of_ours_is_kept_and_over_at_once() {
    let app = TestApp::start().await;
    let order = "ORDER-OF-OLD-SHOP";
    assert_eq!(app.sandbox.forge_status("tviva_x", order, Status::Done, 50_000).await, Some(200));
    let of_nothing = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "status": "DONE" } });
    app.sandbox.forge_webhook(of_nothing).await;
    app.run_jobs().await;
    let mut outcomes = app.webhook_outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, ["foreign_order", "no_order"]);
    app.advance(TimeDelta::minutes(3));
    app.reconcile().await;
    app.run_jobs().await;

    let jobs = app.jobs_of(SyncWebhook::KIND).await;
    let runs: Vec<_> = jobs.iter().map(|job| (job.state.as_str(), job.attempts)).collect();
    assert_eq!(runs, [("done", 1); 2], "each was looked into once");
    assert_eq!(stored(&app).await, 2);
    assert!(app.sandbox.calls_to(Endpoint::Get).is_empty(), "the provider is not asked about it");
    app.finish().await;
}

/// The job that writes down what a webhook is about has been handed to a worker already: what it read may be older.
#[tokio::test(flavor = "multi_thread")]
async fn s28_news_that_come_while_the_payment_is_being_read_are_kept_until_they_are_seen() {
    let app = TestApp::start().await;
    let (booking, body) = paid_in_silence(&app).await;
    let key = text(&body, "paymentKey");
    let news = async |amount: i64| {
        app.sandbox.cancel_in_console(&key, Some(amount), "by our staff").expect("the console cancels");
        forge(&app, &body, Status::PartialCanceled).await;
        let hook = app.take_due_of(SyncWebhook::KIND).await;
        app.run_delivery(hook).await
    };
    assert_eq!(news(10_000).await, Ended::Done);
    let sync = app.take_due_of(SyncPayment::KIND).await;
    assert_eq!(news(5_000).await, Ended::Snoozed, "not closed by a job that may not see it");
    assert!(app.webhook_outcomes().await.contains(&"-".to_owned()));
    assert_eq!(app.run_delivery(sync).await, Ended::Done);
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    let mut outcomes = app.webhook_outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, ["known", "synced"]);
    assert_eq!(app.ledger(booking.id).await, [35_000, -35_000, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_a_stored_webhook_whose_job_is_lost_is_looked_into_all_the_same() {
    let app = TestApp::start().await;
    let (booking, _) = captured_before_the_redirect(&app).await;
    let job = &app.jobs_of(SyncWebhook::KIND).await[0];
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => { konnect::outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
    app.advance(TimeDelta::minutes(3));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_are_not_ours_are_ignored_and_unknown_ones_are_named() {
    let app = TestApp::start().await;
    for kind in ["BILLING_DELETED", "METHOD_UPDATED", "CUSTOMER_STATUS_CHANGED", "SOMETHING_NEW"] {
        app.sandbox.forge_webhook(json!({ "eventType": kind, "data": { "billingKey": "b" } })).await;
    }
    for odd in [json!([]), json!(7), json!({ "eventType": 7 }), json!({ "data": null })] {
        assert_eq!(app.sandbox.forge_webhook(odd).await, Some(200));
    }
    app.run_jobs().await;
    let mut outcomes = app.webhook_outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, [["ignored"; 3].as_slice(), ["unknown_event"; 5].as_slice()].concat());
    assert!(app.sandbox.calls_to(Endpoint::Get).is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_too_large_too_deep_or_no_text_is_refused_and_not_stored() {
    let app = TestApp::start().await;
    let padded = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8)).into_bytes();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let cases = [
        (padded(64 * 1024), 200),
        (padded(64 * 1024 + 1), 413),
        (padded(10 * 1024 * 1024), 413),
        (nested(64), 200),
        (nested(65), 400),
        (nested(30_000), 400),
        (b"{\"a\":\xff}".to_vec(), 400),
        (b"{\"a\":".to_vec(), 400),
        (Vec::new(), 400),
    ];
    for (i, (body, status)) in cases.into_iter().enumerate() {
        let length = body.len();
        let answer = app.sandbox.forge_webhook_raw(body, &[(ID, &format!("case-{i}"))]).await;
        // A server that stops reading may close the connection before its answer is read.
        assert!(answer == Some(status) || (status == 413 && answer.is_none()), "{length} bytes: {answer:?}");
    }
    assert_eq!(stored(&app).await, 2);

    let long = "x".repeat(101);
    let headers: [&[(&str, &str)]; 4] = [
        &[],
        &[(ID, "")],
        &[(ID, &long)],
        &[(ID, "fine"), ("tosspayments-webhook-signature", &"v1:".repeat(400))],
    ];
    for headers in headers {
        assert_eq!(app.sandbox.forge_webhook_raw(b"{}".to_vec(), headers).await, Some(400), "{headers:?}");
    }
    assert_eq!(stored(&app).await, 2);
    app.run_jobs().await;
    app.finish().await;
}

/// A body without a length that goes on and on: the server stops reading and answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_never_ends_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = TestApp::start().await;
    let address = app.base.strip_prefix("http://").expect("http");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("the api listens");
    let head = format!(
        "POST /v1/webhooks/toss HTTP/1.1\r\nHost: x\r\n{ID}: endless\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    let chunk = format!("4000\r\n{}\r\n", "[".repeat(0x4000));
    let mut sent = 0;
    // Written until the server has had enough: buffers on the way take some more.
    while sent < 64 * 1024 * 1024 {
        let written = tokio::time::timeout(Duration::from_secs(2), stream.write_all(chunk.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
        sent += chunk.len();
    }
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes were taken");
    let mut answer = [0; 64];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    if let Ok(Ok(length @ 1..)) = read {
        let line = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(line.starts_with("HTTP/1.1 413"), "{line}");
    }
    assert_eq!(stored(&app).await, 0);
    app.finish().await;
}

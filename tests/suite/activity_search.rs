//! The back office looks into the activity log; it is filled again; it is away.

use chrono::TimeDelta;
use konnect::activity::{self, Filter, Pass};
use konnect::context::Actor;
use konnect::core::Core;
use konnect::id::{EventId, UserId};
use konnect::job::{Job, RecordActivity};
use konnect::transact;
use konnect_jobs::{Ended, Executor, Services};
use konnect_tests::{Client, Stack, TestApp, worker_config};
use serde_json::{Value, json};
use uuid::Uuid;

use super::activity::{copy, entries, from_network, happen, happen_times, run_the_job, tested};

const NOBODY: &str = "mongodb://127.0.0.1:1/?directConnection=true";

async fn search(client: &Client, query: &str) -> Value {
    client.get(&format!("/v1/admin/activity?{query}")).await.ok(200)
}

/// The numbers of the entries of a page.
fn numbers(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|entry| entry["data"]["n"].as_i64().unwrap_or(-1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_office_finds_by_every_filter_and_pages() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (one, two) = (app.mentee("one").await, app.mentee("two").await);
    let by = |actor: UserId, request: &str| from_network(Actor::User(actor), request);
    happen(&app, by(one.id, "request-1"), "reservation.tested", &[one.id, two.id], 1).await;
    app.advance(TimeDelta::minutes(1));
    happen(&app, by(two.id, "request-2"), "reservation.tested_again", &[one.id], 2).await;
    happen(&app, by(two.id, "request-2"), "payment.tested", &[two.id], 3).await;
    let noon = app.now();
    app.advance(TimeDelta::minutes(1));
    happen(&app, from_network(Actor::Admin(admin.id), "request-4"), "payment.tested", &[one.id], 4).await;
    happen(&app, app.context(), "payout.tested", &[two.id], 5).await;
    assert_eq!(run_the_job(&app).await, [Ended::Done]);

    let found = async |query: String| {
        let page = search(&admin.client, &query).await;
        numbers(&page).into_iter().filter(|n| *n > 0).collect::<Vec<_>>()
    };
    assert_eq!(found(String::new()).await, [5, 4, 3, 2, 1]);
    assert_eq!(found(format!("actor={}", two.id)).await, [3, 2]);
    assert_eq!(found(format!("actor={}", admin.id)).await, [4]);
    assert_eq!(found(format!("person={}", one.id)).await, [4, 2, 1]);
    assert_eq!(found(format!("subject={}", Uuid::from_u128(3))).await, [3]);
    assert_eq!(found("type=payment.".into()).await, [4, 3]);
    assert_eq!(found("type=reservation.tested".into()).await, [2, 1]);
    assert_eq!(found("type=reservation.tested_".into()).await, [2]);
    assert_eq!(found("requestId=request-2".into()).await, [3, 2]);
    let noon = noon.format("%Y-%m-%dT%H:%M:%SZ");
    assert_eq!(found(format!("from={noon}")).await, [5, 4, 3, 2]);
    assert_eq!(found(format!("to={noon}")).await, [1]);
    assert_eq!(found(format!("person={}&type=payment.&from={noon}", two.id)).await, [3]);
    assert_eq!(found(format!("actor={}&subject={}", one.id, Uuid::from_u128(3))).await, [] as [i64; 0]);

    // Page by page, each once, also those of one instant.
    for filter in ["type=payment.&", "", &format!("person={}&", one.id)] {
        let whole = numbers(&search(&admin.client, &format!("{filter}limit=100")).await);
        let (mut paged, mut query) = (Vec::new(), format!("{filter}limit=1"));
        loop {
            let page = search(&admin.client, &query).await;
            paged.extend(numbers(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("{filter}limit=1&before={next}");
        }
        assert_eq!(paged, whole, "{filter}");
    }

    let shown = &search(&admin.client, &format!("actor={}", admin.id)).await["items"][0];
    assert_eq!(shown["actor"], json!({ "kind": "admin", "id": admin.id }));
    assert_eq!(shown["from"], json!({ "ip": "203.0.113.7", "userAgent": "Browser/1" }));
    assert_eq!(shown["subjects"], json!([{ "kind": "reservation", "id": Uuid::from_u128(4) }]));
    assert_eq!((&shown["people"], &shown["requestId"]), (&json!([one.id]), &json!("request-4")));
    let by_hand = &search(&admin.client, "type=payout.").await["items"][0];
    assert_eq!((&by_hand["actor"], by_hand.get("from")), (&json!({ "kind": "operator" }), None));

    let refused = async |query: &str| admin.client.get(&format!("/v1/admin/activity?{query}")).await;
    for query in [
        "limit=0",
        "limit=101",
        "type=payment",
        "type=.",
        "type=a.$ne",
        "actor=me",
        "from=today",
        "subject=1",
    ] {
        refused(query).await.problem(400, "request.invalid");
    }
    refused("before=nonsense").await.problem(422, "page.invalid");
    one.client.get("/v1/admin/activity").await.problem(403, "auth.forbidden");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_log_is_filled_again_with_the_same() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.advance(TimeDelta::hours(1));
    let later = app.now();
    happen_times(&app, &[booking.mentor.clone(), booking.mentee.clone()], 20).await;
    assert_eq!(run_the_job(&app).await, [Ended::Done]);
    // What is kept for years: the clock of the command and of MongoDB is the real one.
    let kept = async || {
        let mut all = entries(&app, &Filter::default()).await;
        all.retain(|entry| entry.expires_at - entry.at > TimeDelta::days(1_000));
        all
    };
    let before = kept().await;
    assert!(before.len() > 22, "{before:?}");

    let stack = Stack::new(&app);
    let (code, text) = stack.output("admin", &["activity", "refill"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(" events were looked at"), "{text}");
    assert_eq!(kept().await, before, "again is no twice");

    app.core.mongo.drop().await.expect("MongoDB");
    let since = later.to_rfc3339();
    let (code, text) = stack.output("admin", &["activity", "refill", "--from", &since]).await;
    assert_eq!(code, 0, "{text}");
    assert!(tested(&app).await.len() == 20, "{text}");

    app.core.mongo.drop().await.expect("MongoDB");
    let (code, text) = stack.output("admin", &["activity", "refill"]).await;
    assert_eq!(code, 0, "{text}");
    assert_eq!(kept().await, before);

    let (code, text) = stack.output("admin", &["activity", "refill", "--from", "2026-03-05T00:00:00Z"]).await;
    assert_eq!((code, text.trim()), (0, "nothing has happened since"));
    let (code, _) = stack.with("MONGODB_URL", NOBODY).output("admin", &["activity", "refill"]).await;
    assert_eq!(code, 1);
    copy(&app.core, &app.context()).await;
    assert_eq!(kept().await, before, "the mark was set back, and what was there stayed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_a_refill_overtakes_does_not_undo_it() {
    let app = TestApp::start().await;
    let people = [app.mentee("one").await];
    happen_times(&app, &people, 5).await;
    copy(&app.core, &app.context()).await;
    let pool = app.core.db.pool();
    let mut old = Pass::begin(pool).await.expect("the database");
    app.core.mongo.drop().await.expect("MongoDB");
    transact!(app.core.db, app.context(), sqlx::Error, tx => { activity::rewind(tx, EventId(Uuid::nil())).await })
        .expect("the database");
    old.step(&app.core).await.expect("the stores");
    transact!(app.core.db, app.context(), sqlx::Error, tx => { old.note(tx).await }).expect("the database");
    let fresh = Pass::begin(pool).await.expect("the database");
    let all: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM events").fetch_one(pool).await.expect("the database");
    assert_eq!(fresh.length(pool).await.expect("the database"), all as u64);
    copy(&app.core, &app.context()).await;
    assert_eq!(tested(&app).await.len(), 5);

    // Forward it is never set.
    let last = EventId::generate();
    transact!(app.core.db, app.context(), sqlx::Error, tx => { activity::rewind(tx, last).await })
        .expect("the database");
    happen_times(&app, &people, 1).await;
    copy(&app.core, &app.context()).await;
    assert_eq!(tested(&app).await.len(), 6);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i18_nobody_waits_for_a_log_that_is_away_and_it_catches_up() {
    let mut app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let there = app.config.mongodb_url.clone();
    app.config.mongodb_url = NOBODY.into();
    let without = app.second_api().await;
    let core = Core::connect(&app.config, app.core.clock.clone()).await.expect("the other stores");
    app.config.mongodb_url = there;
    let services = Services::new(core.clone(), &worker_config(&app.sandbox)).expect("the clients");
    let worker = Executor::new(services, "without-mongodb");

    // A whole booking, by an api and a worker that have no MongoDB.
    let mut booking = app.booking().await;
    booking.mentee.client = Client::new(&without, booking.mentee.client.token().map(str::to_owned));
    let order = app.checkout(&booking).await;
    app.confirm(&booking, &order).await.ok(202);
    while let Some(delivery) = app.take_due().await {
        worker.execute(delivery).await.expect("the database is there");
    }
    assert_eq!(app.state(&booking).await, "confirmed");

    app.advance(TimeDelta::seconds(40));
    app.reconcile_those(|kind| kind == RecordActivity::KIND).await;
    for _ in 0..2 {
        let delivery = app.take_due_of(RecordActivity::KIND).await;
        assert_eq!(worker.execute(delivery).await.expect("the database is there"), Ended::Snoozed);
        // However long it lasts, it is no failure of the job.
        let job = app.job(delivery.job_id).await;
        assert_eq!((job.attempts, job.run_at), (0, app.now() + TimeDelta::seconds(30)));
        app.advance(TimeDelta::seconds(30));
    }
    app.advance(TimeDelta::minutes(6));
    let lag = activity::measure_lag(&app.core).await.expect("the database");
    assert!(lag >= 400.0, "{lag}");
    let client = Client::new(&without, app.log_in(&admin).await.client.token().map(str::to_owned));
    client.get("/v1/admin/activity").await.problem(503, "service.unavailable");
    client.get("/v1/admin/audit").await.ok(200);

    // Back again.
    app.run_jobs().await;
    assert!(activity::measure_lag(&app.core).await.expect("the database") == 0.0);
    let about = Filter { subject: Some(booking.id.0), ..Filter::default() };
    assert!(entries(&app, &about).await.iter().any(|entry| entry.kind == "reservation.confirmed"));
    app.finish().await;
}

//! The activity log: who changed what, on what, from where; each change once, for as long as its type is kept.

use chrono::TimeDelta;
use konnect::activity::{self, Entry, Filter, Pass};
use konnect::context::{Actor, Context, Origin};
use konnect::core::Core;
use konnect::event;
use konnect::id::{EventId, UserId};
use konnect::job::{ConfirmPayment, Job, RecordActivity};
use konnect::retention;
use konnect::transact;
use konnect_jobs::Ended;
use konnect_tests::{Client, Hush, Person, TestApp};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

/// Everything that the log shows now, newest first.
pub async fn entries(app: &TestApp, filter: &Filter) -> Vec<Entry> {
    activity::search(&app.core.mongo, filter, 10_000, app.now()).await.expect("MongoDB")
}

/// The entries that a test made by [`happen`], newest first.
pub async fn tested(app: &TestApp) -> Vec<Entry> {
    entries(app, &Filter { kind: Some("reservation.tested".into()), ..Filter::default() }).await
}

/// Copies what there is to copy, as the job does, and gives the number of entries that were missing.
pub async fn copy(core: &Core, context: &Context) -> usize {
    let mut pass = Pass::begin(core.db.pool()).await.expect("the database");
    let mut copied = 0;
    loop {
        let step = pass.step(core).await.expect("the stores");
        transact!(core.db, context.clone(), sqlx::Error, tx => { pass.note(tx).await })
            .expect("the database");
        copied += step.copied;
        if step.is_last {
            return copied;
        }
    }
}

/// A change that is shown to these people.
pub async fn happen(app: &TestApp, context: Context, kind: &str, people: &[UserId], n: usize) {
    transact!(app.core.db, context.clone(), sqlx::Error, tx => {
        event::append(tx, people, kind, json!({ "n": n, "reservationId": Uuid::from_u128(n as u128) })).await
    })
    .expect("the database");
}

pub async fn happen_times(app: &TestApp, people: &[Person], times: usize) {
    let people: Vec<_> = people.iter().map(|person| person.id).collect();
    for n in 0..times {
        happen(app, app.context(), "reservation.tested", &people, n).await;
    }
}

pub async fn run_the_job(app: &TestApp) -> Vec<Ended> {
    app.reconcile_those(|kind| kind == RecordActivity::KIND).await;
    app.run_jobs()
        .await
        .into_iter()
        .filter(|ran| ran.kind == RecordActivity::KIND)
        .map(|ran| ran.ended)
        .collect()
}

pub fn from_network(actor: Actor, request_id: &str) -> Context {
    let origin = Origin::Client {
        ip: Some("203.0.113.7".parse().expect("an address")),
        user_agent: Some("Browser/1".into()),
    };
    Context::new(actor, request_id).with_origin(origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_who_did_what_on_what_from_where() {
    let mut app = TestApp::start().await;
    app.api_config.trusted_proxies = 1;
    let behind_proxy = app.second_api().await;
    let booking = app.booking().await;
    let mentee = Client::new(&behind_proxy, booking.mentee.client.token().map(str::to_owned));
    let order = app.checkout(&booking).await;
    let headers = [
        ("idempotency-key", "an-idempotency-key-of-a-front-end"),
        ("x-request-id", "journey-0001"),
        ("x-forwarded-for", "6.6.6.6, 203.0.113.7"),
        ("user-agent", "Front-End/3"),
    ];
    mentee.send(Method::POST, "/v1/payments/confirm", Some(order.clone()), &headers).await.ok(202);
    app.run_jobs().await;
    assert_eq!(run_the_job(&app).await, [Ended::Done]);

    let about = Filter { subject: Some(booking.id.0), ..Filter::default() };
    let found = entries(&app, &about).await;
    let changes = |who: &Person| {
        let who = who.clone();
        let app = &app;
        async move {
            let mut kinds = app.events_of(&who).await;
            kinds.retain(|kind| kind.starts_with("reservation."));
            kinds
        }
    };
    let mut kinds: Vec<_> = found.iter().rev().map(|entry| entry.kind.clone()).collect();
    kinds.retain(|kind| kind.starts_with("reservation."));
    assert_eq!(kinds, changes(&booking.mentee).await, "one entry a change, in order");
    assert_eq!(kinds, changes(&booking.mentor).await);

    let of =
        |kind: &str| found.iter().find(|entry| entry.kind == kind).unwrap_or_else(|| panic!("no {kind}"));
    let mut both = [booking.mentee.id, booking.mentor.id];
    both.sort_unstable();
    let reserved = of("reservation.reserved");
    assert_eq!(reserved.people, both);
    let doer = reserved.doer.clone().expect("somebody");
    assert_eq!((doer.kind.as_str(), doer.id), ("user", Some(booking.mentee.id.0)));
    assert_eq!(
        reserved.whence.clone().expect("a place").ip.as_deref(),
        Some("127.0.0.1"),
        "no proxy, no header"
    );

    let paying = of("reservation.paying");
    assert_eq!(paying.request_id.as_deref(), Some("journey-0001"));
    let whence = paying.whence.clone().expect("a place");
    assert_eq!(
        (whence.ip.as_deref(), whence.user_agent.as_deref()),
        (Some("203.0.113.7"), Some("Front-End/3"))
    );

    // The job that the request caused: another doer, the same request.
    let confirmed = of("reservation.confirmed");
    assert_eq!(confirmed.request_id.as_deref(), Some("journey-0001"));
    assert_eq!(confirmed.doer.as_ref().map(|doer| doer.kind.as_str()), Some("job"));
    let whence = confirmed.whence.clone().expect("a place");
    assert_eq!(
        (whence.job.as_deref(), whence.worker.as_deref()),
        (Some(ConfirmPayment::KIND), Some("test-worker"))
    );
    assert_eq!((whence.ip, whence.user_agent), (None, None));

    // A payment is told to its payer alone, and names the reservation, the payment and the order.
    let payment = found.iter().find(|entry| entry.kind.starts_with("payment.")).expect("a payment");
    assert_eq!(payment.people, [booking.mentee.id]);
    let named: Vec<_> = payment.subjects.iter().map(|subject| subject.kind.as_str()).collect();
    assert!(["order", "payment", "reservation"].iter().all(|kind| named.contains(kind)), "{named:?}");
    assert_eq!(payment.expires_at - payment.at, TimeDelta::days(1_827));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_sides_are_told_differently_is_one_change() {
    let app = TestApp::start().await;
    let (one, two) = (app.mentee("one").await, app.mentee("two").await);
    for (first, second) in [(&one, &two), (&two, &one)] {
        transact!(app.core.db, app.context(), sqlx::Error, tx => {
            let told = [(first.id, json!({ "is": "fuller" })), (second.id, json!({})), (first.id, json!({ "is": "again" }))];
            event::append_each(tx, &told, "reservation.tested").await
        })
        .expect("the database");
    }
    copy(&app.core, &app.context()).await;
    let found = tested(&app).await;
    assert_eq!(found.len(), 2);
    assert!(
        found.iter().all(|entry| entry.people.len() == 2 && entry.data == json!({ "is": "fuller" })),
        "{found:?}"
    );
    let shown =
        event::after(app.core.db.pool(), &event::user_topic(one.id), 0, 10).await.expect("the database");
    assert_eq!(
        shown.iter().map(|e| e.data.0.clone()).collect::<Vec<_>>(),
        [json!({ "is": "fuller" }), json!({})]
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_copied_once_whoever_copies_it_how_often() {
    let app = TestApp::start().await;
    let people = [app.mentee("one").await, app.mentee("two").await];
    happen_times(&app, &people, 60).await;

    // Two at once over an empty log.
    let (context, core) = (app.context(), app.core.clone());
    tokio::join!(copy(&core, &context), copy(&core, &context));
    let first = tested(&app).await;
    assert_eq!(first.len(), 60);

    // A worker that died after it had written and before it noted how far it came.
    happen_times(&app, &people, 7).await;
    {
        let mut dies = Pass::begin(app.core.db.pool()).await.expect("the database");
        assert_eq!(dies.step(&app.core).await.expect("the stores").copied, 7);
    }
    assert_eq!(copy(&core, &context).await, 0, "all of it is there");

    app.reconcile_those(|kind| kind == RecordActivity::KIND).await;
    app.run_jobs_twice().await;
    let all = tested(&app).await;
    assert_eq!(all.len(), 67);
    let mut ids: Vec<_> = all.iter().map(|entry| entry.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 67);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_longer_than_a_step_is_copied_to_its_end() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        for n in 0..activity::BATCH + 300 {
            event::append(tx, &[person.id], "reservation.tested", json!({ "n": n })).await?;
        }
        Ok(())
    })
    .expect("the database");
    assert_eq!(run_the_job(&app).await, [Ended::Done]);
    assert_eq!(tested(&app).await.len(), activity::BATCH + 300);
    assert!(activity::measure_lag(&app.core).await.expect("the database") == 0.0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_committed_late_is_copied() {
    let app = TestApp::start().await;
    let (slow, quick) = (app.mentee("slow").await, app.mentee("quick").await);
    let context = app.context();
    transact!(app.core.db, context, sqlx::Error, tx => {
        event::append(tx, &[slow.id], "reservation.tested", json!({ "n": 1 })).await?;
        happen(&app, app.context(), "reservation.tested", &[quick.id], 2).await;
        copy(&app.core, &app.context()).await;
        Ok(())
    })
    .expect("the database");
    assert_eq!(tested(&app).await.len(), 1);
    copy(&app.core, &app.context()).await;
    let people: Vec<_> = tested(&app).await.into_iter().map(|entry| entry.people[0]).collect();
    assert_eq!(people.len(), 2);
    assert!(people.contains(&slow.id) && people.contains(&quick.id));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_stay_as_long_as_their_type_and_addresses_no_longer_than_they() {
    let app = TestApp::start().await;
    // Ahead of real time, by which MongoDB deletes.
    app.advance_to("2030-01-07T00:00:00Z".parse().expect("an instant"));
    let person = app.mentee("person").await;
    for (n, kind) in
        ["test.happened", "auth.tested", "reservation.tested", "payment.tested"].into_iter().enumerate()
    {
        happen(&app, from_network(Actor::User(person.id), "request-1"), kind, &[person.id], n).await;
    }
    copy(&app.core, &app.context()).await;
    let by = Filter { actor: Some(person.id.0), ..Filter::default() };
    let shown = async || {
        let mut kinds: Vec<_> = entries(&app, &by).await.into_iter().map(|entry| entry.kind).collect();
        kinds.sort_unstable();
        kinds
    };
    let with_address = async || -> i64 {
        transact!(app.core.db, app.context(), sqlx::Error, tx => { retention::forget(tx, 1_000).await })
            .expect("the database");
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM events WHERE client_ip IS NOT NULL AND user_agent IS NOT NULL",
        )
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
    };
    let all = ["auth.tested", "payment.tested", "reservation.tested", "test.happened"];
    assert_eq!((shown().await, with_address().await), (all.map(str::to_owned).to_vec(), 4));
    for (days, left) in [(91, 3), (366, 2), (1_097, 1), (1_828, 0)] {
        app.advance_to(
            "2030-01-07T00:00:00Z".parse::<konnect::clock::Instant>().expect("an instant")
                + TimeDelta::days(days),
        );
        assert_eq!((shown().await.len(), with_address().await), (left, left as i64), "after {days} days");
    }
    // The rows themselves stay, and are not copied any more.
    app.core.mongo.drop().await.expect("MongoDB");
    transact!(app.core.db, app.context(), sqlx::Error, tx => { activity::rewind(tx, EventId(Uuid::nil())).await })
        .expect("the database");
    assert_eq!(copy(&app.core, &app.context()).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i18_a_mongodb_that_takes_questions_and_falls_silent_holds_no_pass_up() {
    let app = TestApp::start().await;
    let people = [app.mentor("Mina").await];
    run_the_job(&app).await;
    happen_times(&app, &people, 3).await;
    let mut config = app.config.clone();
    let server = config.mongodb_url.expose_secret().to_owned();
    let hush = Hush::before(&server).await;
    config.mongodb_url = hush.url(&server).into();
    config.mongo_patience_ms = 100;
    let core = Core::connect(&config, app.core.clock.clone()).await.expect("the stores");
    let mut pass = Pass::begin(core.db.pool()).await.expect("the database");
    hush.be_silent(true);
    let silent = pass.step(&core).await.expect_err("no answer");
    assert!(silent.is_away(), "{silent}");
    hush.be_silent(false);
    // The same pass goes on where it stood.
    app.until(async || pass.step(&core).await.is_ok()).await;
    assert_eq!(tested(&app).await.len(), 3);
    app.finish().await;
}

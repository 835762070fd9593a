//! What operators are woken by: every metric stands in docs/METRICS.md, and the numbers that alarms need are true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use konnect::api::ops;
use konnect::job::{Ping, Queue};
use konnect::outbox;
use konnect::transact;
use konnect_jobs::census::Census;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{ApiNode, Client, PrivateRedis, TestApp};
use serde_json::json;

use super::architecture::{files_under, root};

/// By name: the type, and the labels.
type Known = BTreeMap<String, (String, BTreeSet<String>)>;

/// The strings up to the parenthesis that ends a call, and whether each is a label's name.
fn arguments(text: &str) -> Vec<(String, bool)> {
    let (mut depth, mut found, mut rest) = (1, Vec::new(), text);
    while let Some(at) = rest.find(['(', ')', '"']) {
        let (mark, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        match mark {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {
                let (word, behind) = after.split_once('"').expect("strings end");
                found.push((word.to_owned(), behind.trim_start().starts_with("=>")));
                rest = behind;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
        rest = after;
    }
    found
}

/// The metrics of a source.
fn counted(path: &str, text: &str, known: &mut Known) {
    for kind in ["counter", "gauge", "histogram"] {
        for (at, call) in text.match_indices(&format!("metrics::{kind}!(")) {
            let words = arguments(&text[at + call.len()..]);
            let (name, _) = words.first().unwrap_or_else(|| panic!("{path}: a {kind} without a name"));
            let labels = words[1..].iter().filter(|(_, is_label)| *is_label).map(|(word, _)| word.clone());
            let is = (kind.to_owned(), labels.collect());
            let first = known.entry(name.clone()).or_insert_with(|| is.clone());
            assert_eq!(*first, is, "{path}: {name} is something else elsewhere");
        }
    }
}

/// The rows of the page.
fn documented(text: &str) -> Known {
    let mut known = Known::new();
    for line in text.lines().filter(|line| line.starts_with("| `konnect_")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, unit, whose, meaning] = cells[..] else { panic!("six cells: {line}") };
        assert!([unit, whose, meaning].iter().all(|cell| !cell.is_empty()), "{line}");
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let twice = known.insert(name.trim_matches('`').to_owned(), (kind.to_owned(), labels));
        assert!(twice.is_none(), "{name} stands there twice");
    }
    known
}

#[test]
fn every_metric_is_on_its_page_and_the_page_names_no_other() {
    let mut in_code = Known::new();
    for (path, text) in ["src", "jobs/src", "bin"].into_iter().flat_map(files_under) {
        counted(&path, &text, &mut in_code);
    }
    let page = documented(&fs::read_to_string(root().join("docs/METRICS.md")).expect("the page"));
    assert!(in_code.len() > 80, "only {} were found", in_code.len());
    for (name, is) in &in_code {
        assert_eq!(page.get(name), Some(is), "{name} as docs/METRICS.md has it, and as it is");
    }
    let gone: Vec<_> = page.keys().filter(|name| !in_code.contains_key(*name)).collect();
    assert!(gone.is_empty(), "docs/METRICS.md names what nobody counts: {gone:?}");
}

#[test]
fn the_reader_of_sources_sees_names_and_labels() {
    let mut known = Known::new();
    let text = r#"metrics::gauge!("a_b", "queue" => queue.name(), "kind" => f("x")).set(1.0);
        metrics::counter!(
            "c_total"
        ).increment("no".len());"#;
    counted("a file", text, &mut known);
    let labels: BTreeSet<_> = ["kind".to_owned(), "queue".to_owned()].into();
    assert_eq!(known["a_b"], ("gauge".to_owned(), labels));
    assert_eq!(known["c_total"], ("counter".to_owned(), BTreeSet::new()));
}

/// The value of a series of this process.
fn value(series: &str) -> Option<f64> {
    let text = ops::metrics().render();
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn j6_what_waits_for_a_person_is_counted_from_the_rows() {
    let app = TestApp::start().await;
    ops::metrics();
    let mut census = Census::default();
    // A payment of which nothing is known, and a job that is dead.
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    app.run_jobs().await;
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        outbox::enqueue(tx, &Ping { sent_at: tx.now }).await.map(drop)
    })
    .expect("the outbox");
    let dead = app.take_due().await.expect("the ping");
    outbox::fail(&app.core.db, dead, None, "nobody can").await.expect("the outbox");
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        outbox::pause(tx, Queue::Settlement, "looking into it").await.map(drop)
    })
    .expect("the outbox");
    app.advance(chrono::TimeDelta::seconds(90));

    census.take(&app.core).await.expect("the database");

    assert_eq!(value("konnect_jobs_dead{kind=\"diagnostic.ping.v1\"}"), Some(1.0));
    assert_eq!(value("konnect_payments_unknown"), Some(1.0));
    assert!(value("konnect_payments_unknown_seconds").is_some_and(|age| age >= 90.0));
    assert!(value("konnect_run_at_lag_seconds{queue=\"payment\"}").is_some_and(|age| age > 30.0));
    assert!(value("konnect_jobs_waiting{queue=\"payment\"}").is_some_and(|jobs| jobs >= 1.0));
    assert_eq!(value("konnect_queue_paused{queue=\"settlement\"}"), Some(1.0));
    assert_eq!(value("konnect_queue_paused{queue=\"payment\"}"), Some(0.0));
    for check in konnect::audit::check_names() {
        assert_eq!(value(&format!("konnect_audit_findings{{check=\"{check}\"}}")), Some(0.0), "{check}");
    }
    assert_eq!(value("konnect_payouts_open{state=\"unknown\"}"), Some(0.0));
    assert_eq!(value("konnect_refunds_waiting{state=\"manual_review\"}"), Some(0.0));
    assert_eq!(value("konnect_audit_age_seconds"), None, "there was no pass yet");

    // What is over goes back to 0, whoever ended it.
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        outbox::replay(tx, dead.job_id).await?;
        outbox::resume(tx, Queue::Settlement).await.map(drop)
    })
    .expect("the outbox");
    app.reconcile().await;
    app.run_jobs().await;
    census.take(&app.core).await.expect("the database");
    assert_eq!(value("konnect_jobs_dead{kind=\"diagnostic.ping.v1\"}"), Some(0.0));
    assert_eq!(value("konnect_payments_unknown"), Some(0.0));
    assert_eq!(value("konnect_payments_unknown_seconds"), Some(0.0));
    assert_eq!(value("konnect_queue_paused{queue=\"settlement\"}"), Some(0.0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_shows_its_pool_and_its_redis() {
    let app = TestApp::start_live().await;
    let redis = PrivateRedis::start().await;
    let settings = [("KONNECT_DB_CONNECTIONS", "7"), ("REDIS_URL", &redis.url())];
    let node = ApiNode::start_with(&app, &settings).await;
    app.until(async || node.metric("konnect_redis_up", "").await == 1.0).await;
    assert_eq!(node.metric("konnect_db_connections_max", "").await, 7.0);
    app.until(async || node.metric("konnect_db_connections", "state").await >= 1.0).await;
    assert_eq!(node.metric("konnect_build_info", env!("CARGO_PKG_VERSION")).await, 1.0);
    let before = node.metric("konnect_db_wait_seconds_count", "").await;
    let client = Client::new(&node.base, None);
    let person = json!({
        "email": "mina@konnect.test", "password": "a long password", "name": "Mina", "locale": "en",
        "timeZone": "Asia/Seoul",
    });
    client.post("/v1/auth/register", person).await.ok(201);
    assert!(node.metric("konnect_db_wait_seconds_count", "").await > before, "transactions wait in the open");

    // A Redis that was gone is noticed by whoever lost it, although the connection mends itself.
    let _redis = redis.restart_empty().await;
    app.until(async || node.metric("konnect_redis_reconnects_total", "").await == 1.0).await;
    app.until(async || node.metric("konnect_pubsub_reconnects_total", "hub").await >= 1.0).await;
    app.leave().await;
}

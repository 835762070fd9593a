//! What real processes export: everything that rules look at, with the values that rows give.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use konnect::id::EventId;
use konnect::job::Ping;
use konnect_tests::{ApiNode, Socket, Stack, TestApp, free_address};

use super::alarms::rules;
use super::{metrics_in, sources};
use crate::suite::crashes::live_booking;

/// Set by a process that has a replica.
const WITH_A_REPLICA: &str = "konnect_replica_lag_seconds";

async fn scrape(address: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let asked = async {
        loop {
            if let Ok(answer) = http.get(format!("http://{address}/metrics")).send().await {
                return answer.text().await.expect("text");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.expect("figures")
}

/// Whether the figures have this line.
fn says(figures: &str, line: &str) -> bool {
    figures.lines().any(|found| found == line)
}

/// What stands behind the name, whatever the labels.
fn value(figures: &str, name: &str) -> Option<f64> {
    let line = figures.lines().find(|line| line.starts_with(&format!("{name} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Rows that somebody has to see to.
async fn trouble(app: &TestApp) {
    let booking = live_booking(app).await;
    app.checkout(&booking).await;
    app.enqueue(&Ping { sent_at: app.now() }).await;
    let (pool, now) = (app.core.db.pool(), app.now());
    let hour = now - TimeDelta::hours(1);
    for sql in [
        "UPDATE outbox SET state = 'dead', finished_at = created_at WHERE kind = 'diagnostic.ping.v1'",
        "UPDATE payout_controls SET paused = 1",
    ] {
        sqlx::query(sql).execute(pool).await.expect("the database");
    }
    sqlx::query("UPDATE payment_attempts SET state = 'unknown', sent_at = ?")
        .bind(hour)
        .execute(pool)
        .await
        .expect("an attempt");
    sqlx::query(
        "INSERT INTO audit_passes (pace, started_at, ended_at, subjects, findings) VALUES ('full', ?, ?, 1, 0)",
    )
    .bind(hour)
    .bind(now)
    .execute(pool)
    .await
    .expect("a pass");
    for (check, is_money) in [("held", true), ("held", true), ("claims", false)] {
        sqlx::query(
            "INSERT INTO audit_findings (id, check_name, subject, is_money, facts, first_seen, last_seen)
             VALUES (?, ?, ?, ?, '{}', ?, ?)",
        )
        .bind(EventId::generate())
        .bind(check)
        .bind(konnect::id::secret())
        .bind(is_money)
        .bind(now)
        .bind(now)
        .execute(pool)
        .await
        .expect("a finding");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_person_is_counted_by_a_real_relay() {
    let app = TestApp::start_live().await;
    trouble(&app).await;
    let now = app.now();
    let address = free_address();
    let relay = Stack::new(&app).with("KONNECT_OPS_BIND", &address).start("relay");
    app.until(async || value(&scrape(&address).await, "konnect_alarms_measured_seconds").is_some()).await;

    let figures = scrape(&address).await;
    for line in [
        r#"konnect_jobs_dead{kind="diagnostic.ping.v1"} 1"#,
        r#"konnect_audit_open{money="true"} 2"#,
        r#"konnect_audit_open{money="false"} 1"#,
        r#"konnect_refunds_waiting{state="manual_review"} 0"#,
        "konnect_payments_unknown 1",
        "konnect_payouts_paused 1",
        r#"konnect_payouts_open{state="manual_review"} 0"#,
        "konnect_provider_unexplained 0",
        "konnect_webhook_endpoints_given_up 0",
    ] {
        assert!(says(&figures, line), "{line} is not in\n{figures}");
    }
    let unknown = value(&figures, "konnect_payments_unknown_seconds").expect("it is known since when");
    assert!((3_600.0..3_700.0).contains(&unknown), "{unknown}");
    let audited = value(&figures, "konnect_audit_age_seconds").expect("it is known since when");
    assert!((3_600.0..3_700.0).contains(&audited), "{audited}");
    let measured = value(&figures, "konnect_alarms_measured_seconds").expect("it says when");
    assert!((measured - now.timestamp() as f64).abs() < 60.0, "{measured}");
    assert!(relay.stop().await);
    app.leave().await;
}

/// A rule about something that nobody exports is silent for ever. Counters are born with their first event; everything
/// else that rules name is there from the start.
#[tokio::test(flavor = "multi_thread")]
async fn every_gauge_of_a_rule_is_exported_by_a_real_process() {
    let app = TestApp::start_live().await;
    // Kinds of jobs are told of once one was dead, the age of the audit once there was one.
    trouble(&app).await;
    let address = free_address();
    let relay = Stack::new(&app).with("KONNECT_OPS_BIND", &address).start("relay");
    let node = ApiNode::start(&app).await;
    let person = app.mentee("person").await;
    let (socket, _) = Socket::open(&node.base, &person, "").await;
    let of_api = node.base.trim_start_matches("http://").to_owned();
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    http.get(format!("{}/readyz", node.base)).send().await.expect("the api lives");
    app.until(async || {
        let of_relay = scrape(&address).await;
        // The last of what each of its loops measures.
        ["konnect_run_at_lag_seconds", "konnect_activity_lag_seconds", "konnect_clock_skew_seconds"]
            .iter()
            .all(|name| of_relay.contains(name))
            && scrape(&of_api).await.contains("konnect_sockets_reachable")
    })
    .await;

    let figures = scrape(&address).await + &scrape(&of_api).await;
    let exported: BTreeSet<&str> = figures.lines().filter_map(|line| line.split([' ', '{']).next()).collect();
    let gauges = gauges();
    let mut looked_at = 0;
    for rule in rules() {
        for name in metrics_in(&rule.expr).iter().filter(|name| gauges.contains(*name)) {
            looked_at += 1;
            let there = exported.contains(name.as_str()) || name == WITH_A_REPLICA;
            assert!(there, "{} looks at {name}, which neither a relay nor an api exports", rule.alert);
        }
    }
    assert!(looked_at > 20, "only {looked_at} gauges were looked at");
    assert!(exported.contains("konnect_http_seconds_bucket"), "histograms have buckets");
    socket.close().await;
    assert!(relay.stop().await);
    app.leave().await;
}

/// Names of the metrics that the code sets, as against counts.
fn gauges() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in sources() {
        let names = text.split("gauge!(\"").skip(1).filter_map(|rest| rest.split('"').next());
        found.extend(names.filter(|name| name.starts_with("konnect_")).map(str::to_owned));
    }
    assert!(found.contains("konnect_jobs_dead") && found.contains("konnect_sockets_open"), "{found:?}");
    found
}

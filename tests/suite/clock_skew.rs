//! Clocks of processes and of the database that differ (S66).

use chrono::TimeDelta;
use konnect::skew::{self, ALARM};
use konnect_tests::TestApp;
use sqlx::mysql::MySqlPoolOptions;

/// Connections of a database whose clock stands `by` seconds beside ours.
async fn database_beside(app: &TestApp, by: i64) -> sqlx::MySqlPool {
    let at = konnect::clock::machine_now() + TimeDelta::seconds(by);
    let options = MySqlPoolOptions::new().max_connections(1).after_connect(move |connection, _| {
        Box::pin(async move {
            let set = sqlx::query("SET SESSION timestamp = ?").bind(at.timestamp());
            set.execute(connection).await?;
            Ok(())
        })
    });
    options.connect(&app.servers.database_url).await.expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn s66_a_clock_that_is_off_is_measured_and_seen() {
    let app = TestApp::start().await;
    // One machine: whatever is left is the round trip.
    let fine = skew::measure(app.core.db.pool()).await.expect("the database");
    assert!(!fine.is_alarming(), "{fine:?}");
    // The frozen clock of the test is the app's own affair, and is not what is compared.
    app.advance(TimeDelta::days(3));
    assert!(!skew::measure(app.core.db.pool()).await.expect("the database").is_alarming());
    for by in [-60, 60] {
        let other = database_beside(&app, by).await;
        let off = skew::measure(&other).await.expect("the database");
        assert!(off.is_alarming() && off.ahead.abs() > ALARM, "{off:?}");
        assert_eq!(off.ahead > TimeDelta::zero(), by > 0);
        other.close().await;
    }
    let ready = app.anonymous().get("/readyz").await.ok(200);
    assert_eq!((&ready["status"], &ready["clock"]["ok"]), (&"ok".into(), &true.into()));
    let numbers = app.anonymous().get("/metrics").await;
    assert!(numbers.body.as_str().is_some_and(|text| text.contains("konnect_clock_skew_seconds")));
    app.finish().await;
}

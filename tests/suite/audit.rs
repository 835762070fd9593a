//! What becomes of what the audit finds: rows, an alarm, payouts that stand still; and how far a pass looks.

use chrono::TimeDelta;
use konnect::audit::{self, Pace};
use konnect::id::LedgerEntryId;
use konnect::transact;
use konnect_tests::{Booking, Stack, TestApp};
use serde_json::Value;

/// Makes our books say that a won more was due, or one less. Nothing shows that the row was touched.
async fn shift(app: &TestApp, booking: &Booking, won: i64) {
    let done = sqlx::query("UPDATE payments SET amount_krw = amount_krw + ? WHERE reservation_id = ?")
        .bind(won)
        .bind(booking.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(done.rows_affected(), 1);
}

async fn paid(app: &TestApp) -> Booking {
    let booking = app.booking().await;
    app.pay(&booking).await;
    booking
}

/// Every reconciler once.
async fn look(app: &TestApp) {
    app.reconcile().await;
    app.run_jobs().await;
}

async fn findings(app: &TestApp, open: bool) -> Vec<Value> {
    let found = audit::findings(app.core.db.pool(), Some(open), None, 100).await.expect("the database");
    found.iter().map(|f| serde_json::json!({ "check": f.check, "subject": f.subject })).collect()
}

async fn is_paused(app: &TestApp) -> bool {
    sqlx::query_scalar("SELECT paused FROM payout_controls")
        .fetch_one(app.core.db.pool())
        .await
        .expect("a row")
}

/// What waits for the release goes on at once.
async fn release(app: &TestApp) {
    transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::payout::release(tx, "looked into").await?)
    })
    .expect("the database");
}

#[tokio::test(flavor = "multi_thread")]
async fn g8_a_drift_stops_payouts_until_an_operator_releases_them() {
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    look(&app).await;
    assert!(!is_paused(&app).await && findings(&app, true).await.is_empty(), "all is well");

    shift(&app, &booking, 1).await;
    look(&app).await;
    let found = findings(&app, true).await;
    assert_eq!(found, [serde_json::json!({ "check": "I6-amount", "subject": booking.id })]);
    assert!(is_paused(&app).await);
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    assert_eq!(findings(&app, true).await.len(), found.len(), "found again is not found anew");

    // The operator knows of it, and what is known stops nothing again.
    release(&app).await;
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    assert!(!is_paused(&app).await);
    assert_eq!(findings(&app, true).await.len(), found.len());

    // Gone is gone, and nobody but an operator lets payouts out.
    shift(&app, &booking, -1).await;
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    assert!(findings(&app, true).await.is_empty());
    assert_eq!(findings(&app, false).await.len(), found.len());
    shift(&app, &booking, 2).await;
    sqlx::query("UPDATE payments SET updated_at = ?")
        .bind(app.now())
        .execute(app.core.db.pool())
        .await
        .expect("touched");
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    assert!(is_paused(&app).await, "what comes back is new");
    shift(&app, &booking, -2).await;
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    assert!(is_paused(&app).await && findings(&app, true).await.is_empty());
    release(&app).await;
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recent_pass_looks_at_what_was_touched_and_a_whole_one_at_everything() {
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    look(&app).await;
    app.advance(TimeDelta::hours(3));
    look(&app).await;
    shift(&app, &booking, 1).await;
    let pool = app.core.db.pool();
    let recent = audit::recent(pool, app.now()).await.expect("the database");
    let found = audit::pass(pool, app.now(), recent, |_| ()).await.expect("a pass");
    assert!(found.is_sound(), "three hours old: {found:?}");
    let day = Pace::Since(app.now() - TimeDelta::days(1));
    let found = audit::pass(pool, app.now(), day, |_| ()).await.expect("a pass");
    assert_eq!(found.offenders.len(), 1, "{found:?}");

    let (mut last, mut calls) = (audit::Progress { done: 0, total: 0 }, 0);
    let whole = audit::pass(pool, app.now(), Pace::Full, |so_far| {
        assert!(so_far.done >= last.done, "progress goes on");
        (last, calls) = (so_far, calls + 1);
    })
    .await
    .expect("a pass");
    assert_eq!((whole.offenders.len(), last.done, last.total), (1, whole.subjects, whole.subjects));
    assert!(calls > 1);

    // A day later the whole pass is due by itself.
    app.advance(TimeDelta::hours(22));
    look(&app).await;
    assert_eq!(findings(&app, true).await.len(), 1);
    shift(&app, &booking, -1).await;
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    assert!(findings(&app, true).await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_what_was_found_with_the_rows_involved() {
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    let starts_at = booking.starts_at + TimeDelta::hours(2);
    let other = app.book(&booking.mentor, &booking.mentee, booking.offering, starts_at).await;
    app.pay(&other).await;
    let admin = app.admin("admin").await;
    let now = admin.client.get("/v1/admin/audit").await.ok(200);
    assert_eq!(now["violations"], serde_json::json!([]));
    assert_eq!(now["checked"], 4, "reservations and entries: {now}");
    shift(&app, &booking, 1).await;
    shift(&app, &other, -1).await;
    let now = admin.client.get("/v1/admin/audit").await.ok(200);
    assert_eq!(now["violations"].as_array().expect("a list").len(), 2);
    let listed = admin.client.get("/v1/admin/audit/findings").await.ok(200);
    assert_eq!(listed["items"], serde_json::json!([]), "looking writes nothing");

    look(&app).await;
    let listed = admin.client.get("/v1/admin/audit/findings?open=true&limit=1").await.ok(200);
    let next = listed["next"].as_str().expect("there is another");
    let second = admin.client.get(&format!("/v1/admin/audit/findings?open=true&before={next}")).await.ok(200);
    let all: Vec<&Value> =
        [&listed, &second].iter().flat_map(|l| l["items"].as_array().expect("it")).collect();
    assert_eq!(all.len(), 2);
    let one = all.iter().find(|f| f["subject"] == booking.id.to_string()).expect("the drift");
    assert_eq!(one["check"], "I6-amount");
    let facts = ["price", "due", "taken"].map(|name| one["facts"][name].as_i64().expect("won"));
    assert_eq!(facts, [50_000, 50_001, 50_000]);
    assert!(one["facts"]["attempt"].as_str().is_some_and(|id| id.parse::<konnect::id::AttemptId>().is_ok()));
    assert_eq!(one["stopsPayouts"], true);
    assert!(one["meaning"].as_str().is_some_and(|text| !text.is_empty()));
    shift(&app, &booking, -1).await;
    shift(&app, &other, 1).await;
    app.advance(TimeDelta::minutes(5));
    look(&app).await;
    let listed = admin.client.get("/v1/admin/audit/findings?open=true").await.ok(200);
    assert_eq!(listed["items"], serde_json::json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_ends_with_a_code_that_says_whether_all_is_well() {
    let app = TestApp::start_live().await;
    let booking = super::crashes::live_booking(&app).await;
    app.pay(&booking).await;
    let stack = Stack::new(&app);
    let (code, text) = stack.output("admin", &["audit"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("every rule holds"), "{text}");
    let today = audit::day_of(app.now());
    let (code, text) =
        stack.output("admin", &["audit", "--since", "1", "--provider", &today.to_string(), "--json"]).await;
    assert_eq!(code, 0, "{text}");
    let found: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&found["findings"], &found["days"][0]["captured"]), (&serde_json::json!([]), &50_000.into()));

    shift(&app, &booking, 1).await;
    let (code, text) = stack.output("admin", &["audit"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&booking.id.to_string()) && text.contains("I6-amount"), "{text}");
    assert!(is_paused(&app).await);
    let (code, _) = stack.output("admin", &["audit", "release", "--reason", "looked into"]).await;
    assert_eq!((code, is_paused(&app).await), (0, false));
    app.run_jobs().await;
    shift(&app, &booking, -1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_what_is_kept_waits_for_the_refund_beside_it_and_stops_nothing() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.await_deposit(&booking).await;
    app.deposit(&body).await;
    // Half is due, and has no way back before the mentee names an account.
    app.advance(TimeDelta::hours(3));
    app.run_jobs().await;
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["needs_account"]);
    app.advance(TimeDelta::minutes(40));
    app.expect_sound().await;
    look(&app).await;
    assert!(!is_paused(&app).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_stays_open_however_much_is_found() {
    let app = TestApp::start().await;
    let pool = app.core.db.pool();
    for part in 0..2 {
        // Entries of no kind, about nothing.
        for _ in 0..300 {
            let id = LedgerEntryId::generate();
            sqlx::query("INSERT INTO ledger_entries (id, posting_key, kind, at) VALUES (?, ?, 'odd', ?)")
                .bind(id)
                .bind(id.to_string())
                .bind(app.now())
                .execute(pool)
                .await
                .expect("an entry");
        }
        if part == 0 {
            look(&app).await;
            app.advance(TimeDelta::hours(3));
        }
    }
    let open = async || {
        sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM audit_findings WHERE check_name = 'ledger-kind' AND resolved_at IS NULL",
        )
        .fetch_one(pool)
        .await
        .expect("the database")
    };
    look(&app).await;
    for _ in 0..2 {
        app.advance(TimeDelta::hours(3));
        look(&app).await;
        assert_eq!(open().await, 600, "none of them is gone");
    }
    app.leave().await;
}

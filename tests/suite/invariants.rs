//! Each invariant by the guard that holds it; the auditor's eye for it where no guard can.

use std::time::Duration;

use chrono::TimeDelta;
use konnect::id::{AttemptId, ReservationId, UserId};
use konnect::mentor::Kind;
use konnect::payment;
use konnect::reservation::{self, Side};
use konnect::transact;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, TestApp};
use serde_json::json;

/// Claims a booking's first cell for a person once more, as a program with a bug would.
async fn claim_again(app: &TestApp, booking: &Booking, person: UserId) -> sqlx::Error {
    sqlx::query("INSERT INTO slot_claims (person_id, cell_start, reservation_id) VALUES (?, ?, ?)")
        .bind(person)
        .bind(booking.starts_at)
        .bind(ReservationId::generate())
        .execute(app.core.db.pool())
        .await
        .expect_err("the cell is taken")
}

#[tokio::test(flavor = "multi_thread")]
async fn i01_i02_the_database_refuses_a_second_claim_of_either_side() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    for person in [booking.mentor.id, booking.mentee.id] {
        let refused = claim_again(&app, &booking, person).await;
        assert_eq!(konnect::db::duplicate_key(&refused).as_deref(), Some("PRIMARY"));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i04_every_end_gives_the_slot_back() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let instant = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let approval = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let mut bookings = Vec::new();
    for (i, offering) in [instant, instant, instant, approval, instant].into_iter().enumerate() {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        let starts_at = konnect_tests::monday() + TimeDelta::hours(24 + i64::try_from(i).expect("few"));
        bookings.push(app.book(&mentor, &mentee, offering, starts_at).await);
    }
    let [done, cancelled, failed, rejected, expired] = &bookings[..] else { unreachable!() };
    app.pay(done).await;
    app.pay(cancelled).await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    let body = app.checkout(failed).await;
    app.confirm(failed, &body).await.ok(202);
    app.run_jobs().await;
    let body = json!({ "reason": "ill", "expectedVersion": 3 });
    cancelled.mentee.client.post(&format!("{}/cancel", cancelled.path()), body).await.ok(200);
    rejected
        .mentor
        .client
        .post(&format!("{}/reject", rejected.path()), json!({ "reason": "no" }))
        .await
        .ok(200);
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    app.meet(done).await;
    app.run_jobs().await;
    app.advance(TimeDelta::hours(49));
    app.run_jobs().await;

    let ends = [
        (done, "completed"),
        (cancelled, "cancelled"),
        (failed, "payment_failed"),
        (rejected, "rejected"),
        (expired, "expired"),
    ];
    for (booking, state) in ends {
        assert_eq!(app.state(booking).await, state);
        assert_eq!(app.claims(booking.id).await, 0, "{state}");
    }
    app.finish().await;
}

/// Everything a change writes.
async fn written(app: &TestApp) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in [
        "SELECT COUNT(*) FROM reservation_history",
        "SELECT COUNT(*) FROM events",
        "SELECT COUNT(*) FROM outbox WHERE state = 'pending'",
        "SELECT COUNT(*) FROM slot_claims",
        "SELECT CAST(SUM(version) AS SIGNED) FROM reservations",
        "SELECT CAST(SUM(version) AS SIGNED) FROM calendars",
    ] {
        counts.push(sqlx::query_scalar(sql).fetch_one(app.core.db.pool()).await.expect("the database"));
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn i05_a_change_is_written_whole_or_not_at_all() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let before = written(&app).await;
    let failed: anyhow::Result<()> = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        let was = reservation::lock(tx, booking.id).await?.expect("a reservation");
        payment::cancel_reservation(tx, &was, Side::Mentee, "changed my mind").await?;
        anyhow::bail!("the process dies here")
    });
    assert!(failed.is_err());
    assert_eq!(written(&app).await, before);

    let was = reservation::find(app.core.db.pool(), booking.id).await.expect("the database").expect("it");
    let cancel = async || {
        transact!(app.core.db, app.context(), anyhow::Error, tx => {
            Ok(payment::cancel_reservation(tx, &was, Side::Mentee, "changed my mind").await?)
        })
    };
    cancel().await.expect("the first one wins");
    let late = cancel().await.expect_err("the state has moved on");
    let late = late.downcast::<payment::Error>().expect("a payment error");
    assert_eq!(late.code(), "reservation.stale");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i06_the_database_refuses_a_second_success() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    let first = app.checkout(&booking).await;
    app.confirm(&booking, &first).await.ok(202);
    app.run_jobs().await;
    app.pay(&booking).await;
    let failed: AttemptId = first["orderId"].as_str().and_then(|id| id.parse().ok()).expect("an attempt");
    let refused = sqlx::query("UPDATE payment_attempts SET state = 'done' WHERE id = ?")
        .bind(failed)
        .execute(app.core.db.pool())
        .await
        .expect_err("one success at most");
    assert_eq!(konnect::db::duplicate_key(&refused).as_deref(), Some("attempts_one_success"));
    let captured: i64 = sqlx::query_scalar("SELECT amount_krw FROM payments")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(captured, booking.price, "the snapshot's amount");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i08_the_auditor_sees_a_confirmation_without_money() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.expect_sound().await;
    sqlx::query("UPDATE reservations SET state = 'confirmed' WHERE id = ?")
        .bind(booking.id)
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    let broken = app.audit().await;
    assert!(broken.iter().any(|v| v.check == "I8" && v.subject == booking.id.to_string()), "{broken:?}");
    app.leave().await;
}

/// Rows of a table that some transaction holds: a reader that skips them misses them.
async fn locked_rows(app: &TestApp, table: &str) -> i64 {
    let all = format!("SELECT COUNT(*) FROM {table}");
    let free = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} FOR UPDATE SKIP LOCKED) AS free_rows");
    let count = async |sql| {
        let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql));
        query.fetch_one(app.core.db.pool()).await.expect("the database")
    };
    count(all).await - count(free).await
}

#[tokio::test(flavor = "multi_thread")]
async fn i12_i13_no_lock_is_held_while_the_provider_works_and_silence_is_unknown() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Hang(Duration::from_secs(2))));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    let held = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        reservation::lock(tx, booking.id).await?;
        Ok(locked_rows(&app, "reservations").await)
    });
    assert_eq!(held.expect("the database"), 1, "a held row is seen");
    let (running, ()) = tokio::join!(app.run_jobs(), async {
        app.until(async || !app.sandbox.calls_to(Endpoint::Confirm).is_empty()).await;
        // A row that some transaction holds would be skipped.
        for table in ["reservations", "payments", "payment_attempts", "outbox", "calendars"] {
            let sql = |rest: &str| format!("SELECT COUNT(*) FROM {table}{rest}");
            let rows = |sql: String| async {
                let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql));
                query.fetch_one(app.core.db.pool()).await.expect("the database")
            };
            let free =
                format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} FOR UPDATE SKIP LOCKED) AS free_rows");
            assert_eq!(rows(free).await, rows(sql("")).await, "{table} is free");
        }
        let sent: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM payment_attempts WHERE sent_at IS NOT NULL")
            .fetch_one(app.core.db.pool())
            .await
            .expect("the database");
        assert_eq!(sent, 1, "the intent is written before the call");
    });
    assert!(running.iter().any(|r| r.kind == "payment.confirm.v1"));
    let payment = booking.mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200);
    assert_eq!(payment["state"], "unknown");
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    app.finish().await;
}

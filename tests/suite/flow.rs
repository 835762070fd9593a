//! The main job from slot to settlement, its unhappy twin, and both with every job run twice.

use chrono::TimeDelta;
use konnect::mentor::Kind;
use konnect_jobs::registry;
use konnect_sandbox::{Effect, Endpoint, Fault, SellerStatus};
use konnect_tests::{Booking, TestApp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_goes_all_the_way() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    assert_eq!(app.claims(booking.id).await, 8);
    app.pay(&booking).await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "held");

    for lead in [TimeDelta::hours(24), TimeDelta::hours(1), TimeDelta::minutes(10)] {
        app.advance_to(booking.starts_at - lead);
        app.run_jobs().await;
    }
    app.meet(&booking).await;
    app.run_jobs().await;
    assert_eq!(app.notices_of(&booking.mentee, "reservation.reminder").await, 3);
    assert_eq!(app.state(&booking).await, "in_session");
    app.advance(TimeDelta::hours(1 + 48));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "completed");
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500], "85 % and 15 %");
    let expected = [
        "reservation.reserved",
        "reservation.paying",
        "reservation.confirmed",
        "reservation.started",
        "reservation.completed",
    ];
    let of_mentee = app.events_of(&booking.mentee).await;
    let seen: Vec<_> = of_mentee.iter().filter(|k| k.starts_with("reservation.")).collect();
    assert_eq!(seen, expected.iter().collect::<Vec<_>>());
    assert!(of_mentee.contains(&"payment.captured".to_owned()));
    let of_mentor = app.events_of(&booking.mentor).await;
    assert!(of_mentor.contains(&"settlement.accrued".to_owned()));

    let mentor = app.log_in(&booking.mentor).await;
    let line = mentor.client.get(&format!("{}/settlement", booking.path())).await.ok(200);
    assert_eq!(
        (line["gross"].as_i64(), line["fee"].as_i64(), line["net"].as_i64()),
        (Some(50_000), Some(7_500), Some(41_098))
    );
    let history = mentor.client.get(&format!("{}/history", booking.path())).await.ok(200);
    let moves: Vec<_> =
        history.as_array().expect("rows").iter().map(|r| r["to"].as_str().expect("a state")).collect();
    assert_eq!(moves, ["awaiting_payment", "paying", "confirmed", "in_session", "completed"], "I5");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mentee_can_say_that_the_session_took_place() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    app.pay(&booking).await;
    app.meet(&booking).await;
    app.advance_to(booking.starts_at + TimeDelta::minutes(59));
    app.run_jobs().await;
    let path = format!("{}/complete", booking.path());
    let mentee = app.log_in(&booking.mentee).await;
    mentee.client.post(&path, json!({})).await.problem(409, "reservation.not_allowed");
    app.advance(TimeDelta::minutes(1));
    mentee.client.post(&path, json!({})).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.advance(TimeDelta::hours(49));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_and_the_slot_reopens() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let view = booking.mentee.client.get(&booking.path()).await.ok(200);
    let shown: chrono::DateTime<chrono::Utc> =
        view["holdUntil"].as_str().expect("a deadline").parse().expect("an instant");
    assert_eq!(shown, app.now() + TimeDelta::minutes(15));

    app.advance(TimeDelta::minutes(15) - TimeDelta::seconds(1));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "awaiting_payment");
    app.advance(TimeDelta::seconds(1));
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.claims(booking.id).await, 0);
    for person in [&booking.mentor, &booking.mentee] {
        assert!(app.events_of(person).await.contains(&"reservation.expired".to_owned()));
    }
    app.finish().await;
}

/// All flows of this issue, to the end of each.
async fn every_flow(app: &TestApp, run: impl AsyncFn(&TestApp)) -> Vec<Booking> {
    let mentor = app.mentor("mentor").await;
    app.gather(&mentor, "earnings").await;
    // The mentor's account, changed at once: only that is told to the old contact.
    for version in 0..2 {
        let account = konnect_tests::account_body(version);
        let client = app.log_in(&mentor).await.client;
        client.send(reqwest::Method::PUT, "/v1/me/payout-account", Some(account), &[]).await.ok(200);
        run(app).await;
    }
    let seller = app.seller_id(&mentor).await;
    app.sandbox.set_seller_status(&seller, SellerStatus::Approved).expect("a payee");
    app.sandbox.settle().await;
    run(app).await;
    let instant = app.offering(&mentor, Kind::Instant, 60, 50_001).await;
    let approval = app.offering(&mentor, Kind::Approval, 30, 30_000).await;
    let start = konnect_tests::monday() + TimeDelta::hours(48);
    let mut bookings = Vec::new();
    for i in 0..8 {
        let mentee = app.mentee(&format!("mentee{i}")).await;
        let (offering, at) = if i == 7 { (approval, 8) } else { (instant, i) };
        bookings.push(app.book(&mentor, &mentee, offering, start + TimeDelta::hours(at)).await);
    }
    let [done, refunded, half, kept, declined, unpaid, lost, rejected] = &bookings[..] else {
        unreachable!()
    };

    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    for booking in [declined, done, refunded, half, kept] {
        let body = app.checkout(booking).await;
        app.confirm(booking, &body).await.ok(202);
        run(app).await;
    }
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    let body = app.checkout(lost).await;
    app.confirm(lost, &body).await.ok(202);
    run(app).await;
    app.advance(TimeDelta::minutes(5));
    app.reconcile().await;
    run(app).await;
    let path = format!("{}/reject", rejected.path());
    rejected.mentor.client.post(&path, json!({ "reason": "no time" })).await.ok(200);
    assert_eq!(app.state(unpaid).await, "awaiting_payment");
    // A deposit that never comes.
    let body = app.checkout_by_transfer(unpaid).await;
    app.confirm(unpaid, &body).await.ok(202);
    run(app).await;
    app.advance(TimeDelta::minutes(11));
    run(app).await;

    cancel(app, refunded).await;
    run(app).await;
    app.advance_to(half.starts_at - TimeDelta::hours(23));
    run(app).await;
    cancel(app, half).await;
    run(app).await;
    app.meet(done).await;
    app.advance_to(kept.starts_at - TimeDelta::hours(2));
    run(app).await;
    cancel(app, kept).await;
    run(app).await;
    app.meet(lost).await;
    for _ in 0..8 {
        app.advance(TimeDelta::hours(12));
        app.reconcile().await;
        run(app).await;
    }
    // The provider pays on weekdays, from eight to three in Seoul: Monday at ten.
    app.advance_to(konnect_tests::monday() + TimeDelta::days(7) + TimeDelta::hours(1));
    app.open_batch().await;
    run(app).await;
    let payout = app.payouts_of(&mentor).await[0].id.to_string();
    app.sandbox.complete_payout(&payout).expect("under way");
    app.sandbox.settle().await;
    run(app).await;
    bookings
}

async fn cancel(app: &TestApp, booking: &Booking) {
    let mentee = app.log_in(&booking.mentee).await;
    let version = mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "cannot come", "expectedVersion": version });
    mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
}

const EXPECTED: [(&str, [i64; 4]); 8] = [
    ("completed", [50_001, 0, -42_501, -7_500]),
    ("cancelled", [0, 0, 0, 0]),
    ("cancelled", [25_001, 0, -21_251, -3_750]),
    ("cancelled", [50_001, 0, -42_501, -7_500]),
    ("payment_failed", [0, 0, 0, 0]),
    ("expired", [0, 0, 0, 0]),
    ("completed", [50_001, 0, -42_501, -7_500]),
    ("rejected", [0, 0, 0, 0]),
];

#[tokio::test(flavor = "multi_thread")]
async fn i15_every_handler_survives_a_second_run() {
    let app = TestApp::start().await;
    let once = TestApp::start().await;
    let bookings = every_flow(&app, async |app| drop(app.run_jobs_twice().await)).await;
    let plain = every_flow(&once, async |app| drop(app.run_jobs().await)).await;
    for (i, (state, ledger)) in EXPECTED.iter().enumerate() {
        assert_eq!(app.state(&bookings[i]).await, *state, "booking {i}");
        assert_eq!(app.ledger(bookings[i].id).await, *ledger, "booking {i}");
        assert_eq!(once.ledger(plain[i].id).await, *ledger, "booking {i}, run once");
        for person in [&bookings[i].mentee, &bookings[i].mentor] {
            let twin = if person.id == bookings[i].mentor.id { &plain[i].mentor } else { &plain[i].mentee };
            assert_eq!(app.events_of(person).await, once.events_of(twin).await, "nobody is told twice");
        }
        assert_eq!(notices(&app, &bookings[i]).await, notices(&once, &plain[i]).await);
    }
    let mails = |app: &TestApp| app.sandbox.mails().len();
    assert_eq!(mails(&app), mails(&once), "no mail twice");

    // A ping is no part of a booking, and nobody writes or hesitates here; a webhook of the stand-in arrives by itself;
    // disputes, reviews, suspensions, systems of others and what an operator ends have their own tests.
    let by_itself = [
        "webhook.fan_out.v1",
        "webhook.deliver.v1",
        "review.publish.v1",
        "dispute.end_phase.v1",
        "session.end_extensions.v1",
        "diagnostic.ping.v1",
        "chat.tell_unread.v1",
        "payment.sync_webhook.v1",
        "payment.close_refund.v1",
        "reservation.expire_request.v1",
        "reservation.expire_move.v1",
        "waitlist.offer_freed.v1",
        "reservation.warn_hold.v1",
        "reservation.cancel_ahead.v1",
        "reservation.cancel_for_suspended.v1",
        "auth.send_email_code.v1",
        "account.tell_former_email.v1",
        "account.erase.v1",
    ];
    let kinds = kinds_done(&app).await;
    for entry in registry() {
        assert!(
            kinds.contains(&entry.kind.to_owned()) || by_itself.contains(&entry.kind),
            "{} was not run twice here",
            entry.kind
        );
    }
    once.finish().await;
    app.finish().await;
}

async fn notices(app: &TestApp, booking: &Booking) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM notices WHERE reservation_id = ?")
        .bind(booking.id)
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database")
}

async fn kinds_done(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT DISTINCT kind FROM outbox WHERE state = 'done'")
        .fetch_all(app.core.db.pool())
        .await
        .expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn i15_a_request_expiry_and_a_webhook_survive_a_second_run() {
    let app = TestApp::start().await;
    let booking = app.booking_of(Kind::Approval).await;
    let deadline = booking.starts_at - TimeDelta::hours(1);
    app.advance_to(deadline);
    app.run_jobs_twice().await;
    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.claims(booking.id).await, 0);
    app.sandbox
        .forge_webhook(json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "orderId": "x" } }))
        .await;
    let ran = app.run_jobs_twice().await;
    assert!(ran.iter().any(|r| r.kind == "payment.sync_webhook.v1"));
    app.finish().await;
}

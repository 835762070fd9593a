//! Cancelling: tiers and their boundaries, both sides, provider faults.

use chrono::TimeDelta;
use konnect::job::{Job, RefundPayment};
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, Person, TestApp};
use serde_json::{Value, json};

async fn paid(app: &TestApp) -> Booking {
    app.paid_booking().await
}

async fn cancel(app: &TestApp, booking: &Booking, who: &Person) -> Value {
    let who = app.log_in(who).await;
    let view = who.client.get(&booking.path()).await.ok(200);
    let body = json!({ "reason": "cannot come", "expectedVersion": view["version"] });
    let done = who.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    let offered =
        view["actions"].as_array().expect("actions").iter().find(|a| a["action"] == "cancel").expect("it");
    assert_eq!(offered["refund"], done["refund"], "what was shown is what is given");
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_the_boundaries_of_the_tiers_belong_to_the_better_one() {
    let second = TimeDelta::seconds(1);
    let cases = [
        (TimeDelta::hours(24), 50_000),
        (TimeDelta::hours(24) - second, 25_000),
        (TimeDelta::hours(3), 25_000),
        (TimeDelta::hours(3) - second, 0),
    ];
    for (left, refund) in cases {
        let app = TestApp::start().await;
        let booking = paid(&app).await;
        app.advance_to(booking.starts_at - left);
        app.run_jobs().await;
        let view = cancel(&app, &booking, &booking.mentee).await;
        assert_eq!(view["refund"], refund);
        app.run_jobs().await;
        let kept = 50_000 - refund;
        let mentor = kept - kept * 15 / 100;
        assert_eq!(app.ledger(booking.id).await, [kept, 0, -mentor, mentor - kept], "I7");
        assert_eq!(app.claims(booking.id).await, 0);
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_a_mentor_who_cancels_gives_everything_back() {
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    app.advance_to(booking.starts_at - TimeDelta::hours(1));
    app.run_jobs().await;
    cancel(&app, &booking, &booking.mentor).await;
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    for person in [&booking.mentor, &booking.mentee] {
        assert!(app.events_of(person).await.contains(&"reservation.cancelled".to_owned()));
    }
    assert!(app.events_of(&booking.mentee).await.contains(&"payment.refunded".to_owned()));

    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/mentors/{}/strikes", booking.mentor.id);
    let strikes = admin.client.get(&path).await.ok(200);
    assert_eq!(strikes.as_array().map(Vec::len), Some(1));
    assert_eq!(strikes[0]["reservationId"], json!(booking.id));
    assert_eq!(strikes[0]["cause"], "cancelled");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_who_lets_nobody_down_gets_no_strike() {
    let app = TestApp::start().await;
    let unpaid = app.booking().await;
    app.cancel(&unpaid, &unpaid.mentor).await;
    let rival = app.mentee("rival").await;
    let paid = app.book(&unpaid.mentor, &rival, unpaid.offering, unpaid.starts_at).await;
    app.pay(&paid).await;
    app.cancel(&paid, &paid.mentee).await;
    app.run_jobs().await;
    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/mentors/{}/strikes", unpaid.mentor.id);
    assert_eq!(admin.client.get(&path).await.ok(200), json!([]), "nothing was paid, or the mentee cancelled");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_a_refund_that_the_provider_refuses_waits_for_a_person() {
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("EXCEED_MAX_REFUND_DUE")));
    cancel(&app, &booking, &booking.mentee).await;
    app.run_jobs().await;
    let mentee = app.log_in(&booking.mentee).await;
    let payment = mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200);
    assert_eq!(payment["refunds"][0]["state"], "manual_review");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "the money is still held");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_i09_money_for_a_dead_reservation_goes_back() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.core.clock.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);
    // The money is taken behind our back; the webhook tells.
    let request = konnect::client::toss::ConfirmRequest {
        payment_key: body["paymentKey"].as_str().expect("a key").into(),
        order_id: body["orderId"].as_str().expect("an id").into(),
        amount: konnect::money::Krw(booking.price),
    };
    app.services.toss.confirm(request, "behind-our-back").await.expect("the provider takes the money");
    app.sandbox.settle().await;
    app.run_jobs().await;

    assert_eq!(app.state(&booking).await, "expired");
    assert_eq!(app.jobs_of(RefundPayment::KIND).await.len(), 1);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0], "captured and given back");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_money_for_a_dead_reservation_with_a_free_slot_confirms_it() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.core.clock.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    let request = konnect::client::toss::ConfirmRequest {
        payment_key: body["paymentKey"].as_str().expect("a key").into(),
        order_id: body["orderId"].as_str().expect("an id").into(),
        amount: konnect::money::Krw(booking.price),
    };
    app.services.toss.confirm(request, "behind-our-back").await.expect("the provider takes the money");
    app.sandbox.settle().await;
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "confirmed");
    assert_eq!(app.claims(booking.id).await, 8);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_two_cancellations_at_once_give_back_once() {
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    let path = format!("{}/cancel", booking.path());
    let version = booking.mentee.client.get(&booking.path()).await.ok(200)["version"].clone();
    let body = json!({ "reason": "both at once", "expectedVersion": version });
    let (a, b) = tokio::join!(
        booking.mentee.client.post(&path, body.clone()),
        booking.mentor.client.post(&path, body.clone())
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_the_ledger_refuses_edits_and_lopsided_entries() {
    use konnect::ledger::{About, Account, Entry, Line};
    use konnect::money::Krw;
    let app = TestApp::start().await;
    let booking = paid(&app).await;
    for statement in [
        "UPDATE ledger_postings SET amount_krw = 1",
        "DELETE FROM ledger_postings",
        "UPDATE ledger_entries SET kind = 'x'",
        "DELETE FROM ledger_entries",
    ] {
        let refused = sqlx::query(statement).execute(app.core.db.pool()).await.expect_err("append-only");
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    let lopsided = Entry {
        key: "lopsided".into(),
        kind: "test",
        about: About::Reservation(booking.id),
        lines: vec![Line::new(Account::Provider, None, Krw(2)), Line::new(Account::Held, None, Krw(-1))],
    };
    let posted = konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::ledger::post(tx, &lopsided).await?)
    });
    assert!(posted.is_err());
    let capture = konnect::payment::capture_of(app.core.db.pool(), booking.id).await.expect("the database");
    let key = format!("capture:{}", capture.expect("it was paid").attempt_id);
    let twice = konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(konnect::ledger::post_capture(tx, booking.id, key.clone(), Krw(booking.price)).await?)
    });
    assert!(!twice.expect("the database"), "a key posts once");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;
}

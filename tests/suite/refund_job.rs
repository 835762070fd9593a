//! The refund job, failed at every step, refused in every way, and overtaken by others: one effect, and never a dead
//! job (S24, S25, S27, S28).

use std::time::Duration;

use chrono::TimeDelta;
use konnect::job::{Job, RefundPayment};
use konnect::payment::{self, RefundIntent};
use konnect::transact;
use konnect_jobs::Ended;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, TestApp};

/// Cancelled by the mentee, all of it to be given back, the job not run yet.
async fn cancelled(app: &TestApp) -> Booking {
    let booking = app.paid_booking().await;
    app.cancel(&booking, &booking.mentee).await;
    booking
}

/// One effect: everything went back once, by one cancel at the provider.
async fn given_back_once(app: &TestApp, booking: &Booking) {
    assert_eq!(app.refund_states(booking).await, ["done"]);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    let capture = payment::capture_of(app.core.db.pool(), booking.id).await.expect("the database");
    let found = app.sandbox.payment(&capture.expect("captured").payment_key).expect("it is known");
    assert_eq!((found.cancels.len(), found.balance_amount), (1, 0));
    assert_eq!(app.notices_of(&booking.mentee, "payment.refunded").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_a_refund_that_died_before_the_call_is_given_once() {
    let app = TestApp::start().await;
    let booking = cancelled(&app).await;
    // The intent is written, and the worker dies.
    let id = app.refunds(&booking).await[0].id;
    let intent = transact!(app.core.db, app.context(), anyhow::Error, tx => {
        Ok(payment::prepare_refund(tx, id).await?)
    });
    assert!(matches!(intent, Ok(RefundIntent::Cancel(_))));
    assert!(app.sandbox.calls_to(Endpoint::Cancel).is_empty());
    app.run_jobs_twice().await;
    given_back_once(&app, &booking).await;

    // The same when the call does not arrive.
    let app2 = TestApp::start().await;
    let booking = cancelled(&app2).await;
    app2.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::DropBefore));
    app2.run_jobs().await;
    assert_eq!(app2.refund_states(&booking).await, ["unknown"], "no answer is no failure");
    app2.advance(TimeDelta::seconds(3));
    app2.run_jobs().await;
    given_back_once(&app2, &booking).await;
    app2.finish().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_a_refund_whose_answer_was_lost_is_given_once() {
    let app = TestApp::start().await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    let booking = cancelled(&app).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::DropAfterCommit));
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "nothing is known yet");
    app.advance(TimeDelta::seconds(3));
    app.run_jobs_twice().await;
    given_back_once(&app, &booking).await;
    assert_eq!(app.sandbox.calls_to(Endpoint::Cancel).len(), 1, "it was looked up");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_a_refund_whose_worker_fell_silent_before_the_commit_is_given_once() {
    let app = TestApp::start().await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    let booking = cancelled(&app).await;
    let delivery = app.take_due_of(RefundPayment::KIND).await;
    let again = app.run_losing_its_lease(delivery, Endpoint::Cancel).await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0], "the first worker wrote nothing");
    assert_eq!(app.run_delivery(again).await, Ended::Done);
    app.run_jobs().await;
    given_back_once(&app, &booking).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_what_passes_is_tried_again_and_what_comes_later_is_waited_for() {
    let app = TestApp::start().await;
    let booking = cancelled(&app).await;
    app.sandbox.fault(Fault::times(Endpoint::Cancel, 2, Effect::decline("PROVIDER_ERROR")));
    app.sandbox.fault(Fault::times(Endpoint::Cancel, 3, Effect::decline("NOT_AVAILABLE_BANK")));
    for _ in 0..3 {
        app.run_jobs().await;
        app.advance(TimeDelta::seconds(10));
    }
    let attempts = app.jobs_of(RefundPayment::KIND).await[0].attempts;
    for _ in 0..2 {
        app.advance(TimeDelta::minutes(61));
        app.run_jobs().await;
    }
    assert_eq!(app.jobs_of(RefundPayment::KIND).await[0].attempts, attempts, "waiting is no attempt");
    assert_eq!(app.refund_states(&booking).await, ["unknown"]);
    app.advance(TimeDelta::minutes(61));
    app.run_jobs().await;
    given_back_once(&app, &booking).await;
    let calls = app.sandbox.calls_to(Endpoint::Cancel);
    let mut keys: Vec<_> = calls.iter().filter_map(|c| c.idempotency_key.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((calls.len(), keys.len()), (6, 6), "an error is bound to its key");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_what_was_asked_for_too_long_waits_for_a_person() {
    // Refused for good reasons of the day, for thirteen days.
    let app = TestApp::start().await;
    let booking = cancelled(&app).await;
    app.sandbox.fault(Fault::always(Endpoint::Cancel, Effect::decline("EXCEED_MAX_REFUND_AMOUNT")));
    for _ in 0..4 {
        app.run_jobs().await;
        assert_eq!(app.refund_states(&booking).await, ["unknown"]);
        app.advance(TimeDelta::days(3));
    }
    app.advance(TimeDelta::days(1));
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"], "long before a key dies");
    assert_eq!(app.ledger(booking.id).await, [50_000, -50_000, 0, 0]);
    app.finish().await;

    // Asked as often as the schedule says.
    let app = TestApp::start().await;
    let booking = cancelled(&app).await;
    app.sandbox.fault(Fault::always(Endpoint::Cancel, Effect::decline("UNAUTHORIZED_KEY")));
    for attempt in 1..=RefundPayment::RETRY.cap() {
        assert_eq!(app.jobs_of(RefundPayment::KIND).await.len(), 1, "attempt {attempt}");
        app.run_jobs().await;
        let wait = RefundPayment::RETRY.after(attempt).unwrap_or_default();
        app.advance(TimeDelta::from_std(wait).expect("short") * 2);
    }
    assert_eq!(app.sandbox.calls_to(Endpoint::Cancel).len(), RefundPayment::RETRY.cap() as usize);
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"], "nobody asks by itself any more");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_a_refund_that_somebody_else_gave_is_adopted_and_given_once() {
    let app = TestApp::start().await;
    let booking = cancelled(&app).await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    let key = app.sandbox.payments()[0].payment_key.clone();
    app.sandbox.cancel_in_console(&key, None, "by phone").expect("the console works");
    // ALREADY_CANCELED_PAYMENT proves nothing: the cancel is not ours.
    for _ in 0..3 {
        app.run_jobs().await;
        app.advance(TimeDelta::seconds(20));
    }
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    let refunds = app.refunds(&booking).await;
    let live: Vec<_> = refunds.iter().filter(|f| f.state.is_live()).collect();
    assert_eq!(live.len(), 1, "{refunds:?}");
    assert_eq!((live[0].state.name(), live[0].amount_krw.0), ("done", 50_000));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_what_is_left_after_somebody_gave_a_part_back_is_given_back() {
    let app = TestApp::start().await;
    let booking = cancelled(&app).await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    let key = app.sandbox.payments()[0].payment_key.clone();
    app.sandbox.cancel_in_console(&key, Some(20_000), "by phone").expect("the console works");
    for _ in 0..4 {
        app.run_jobs().await;
        app.advance(TimeDelta::seconds(20));
    }
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(app.balance_at_provider(&booking).await, 0);
    let mut amounts: Vec<_> = app.refunds(&booking).await.iter().map(|f| f.amount_krw.0).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [20_000, 30_000]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_two_refunds_given_at_the_same_moment_stay_within_what_is_left() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    app.refund(&admin, &booking, 15_000, "shared").await.ok(201);
    app.refund(&admin, &booking, 20_000, "shared").await.ok(201);
    let mut jobs = Vec::new();
    while let Some(due) = app.take_due().await {
        if app.job(due.job_id).await.kind == RefundPayment::KIND {
            jobs.push(due);
        } else {
            app.run_delivery(due).await;
        }
    }
    let [a, b] = jobs[..] else { panic!("two jobs") };
    app.sandbox.fault(Fault::times(Endpoint::Cancel, 2, Effect::Delay(Duration::from_millis(200))));
    tokio::join!(app.run_delivery(a), app.run_delivery(b));
    for _ in 0..4 {
        app.advance(TimeDelta::seconds(10));
        app.run_jobs().await;
    }
    assert_eq!(app.refund_states(&booking).await, ["done", "done"]);
    assert_eq!(app.balance_at_provider(&booking).await, 15_000);
    assert_eq!(app.ledger(booking.id).await, [15_000, 0, -12_750, -2_250]);
    let asked = app.sandbox.calls_to(Endpoint::Cancel);
    assert!(asked.iter().all(|c| c.body["refundableAmount"].is_i64()), "what we believe is left");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_a_refund_after_the_payout_is_netted_by_the_next_one() {
    use konnect::settlement;
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let earner = app.payee("payee", &[50_000]).await;
    let booking = &earner.bookings[0];
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.payout_state(&earner.mentor).await, "paid");

    app.refund(&admin, booking, 50_000, "shared").await.ok(201);
    app.run_jobs().await;
    let lines = settlement::lines_of_reservation(app.core.db.pool(), booking.id, earner.mentor.id)
        .await
        .expect("the database");
    let shown: Vec<_> = lines.iter().map(|line| (line.state.name(), line.net_krw.0)).collect();
    assert_eq!(shown, [("paid", 41_098), ("ready", -41_098)], "I11: what was paid stays as it is");
    assert_eq!(app.balance_at_provider(booking).await, 0);
    assert_eq!(app.refund_states(booking).await, ["done"]);
    app.finish().await;
}

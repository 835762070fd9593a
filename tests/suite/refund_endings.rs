//! Refunds that need people: a second pair of eyes, and what an operator does when the provider refuses (F5, F6).

use chrono::TimeDelta;
use konnect::ledger::Account;
use konnect_jobs::Ended;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Booking, Person, TestApp};
use serde_json::{Value, json};

fn id(refund: &Value) -> String {
    refund["id"].as_str().expect("an id").to_owned()
}

/// The balance of one account over everything.
async fn balance(app: &TestApp, account: Account) -> i64 {
    let all = konnect::ledger::balances(app.core.db.pool()).await.expect("the database");
    all.iter().find(|b| b.account == account).map_or(0, |b| b.amount_krw.0)
}

/// A booking that its mentee cancelled, whose refund the provider refuses with `code`, and the refund's id.
async fn refused(app: &TestApp, code: &str) -> (Booking, String) {
    let booking = app.paid_booking().await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline(code)));
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    let id = app.refunds(&booking).await[0].id.to_string();
    (booking, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_above_the_limit_another_administrator_must_agree() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.admin("ann").await, app.admin("bob").await);
    let booking = app.paid_booking_for(120_000).await;
    let refund = app.refund(&ann, &booking, 50_001, "shared").await.ok(201);
    assert_eq!(refund["state"], "awaiting_approval");
    assert!(refund["whatToDo"].is_string());
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [120_000, -120_000, 0, 0], "nothing is promised");
    let payment = booking.mentee.client.get(&format!("{}/payment", booking.path())).await.ok(200);
    assert_eq!(payment["refunds"], json!([]), "the payer sees no promise");

    let id = id(&refund);
    app.about_refund(&ann, &id, "approve", json!({})).await.problem(403, "refund.same_person");
    app.about_refund(&booking.mentor, &id, "approve", json!({})).await.problem(403, "auth.forbidden");
    assert_eq!(app.refund_states(&booking).await, ["awaiting_approval"]);
    let agreed = app.about_refund(&bob, &id, "approve", json!({})).await.ok(200);
    assert_eq!(
        (&agreed["state"], &agreed["requestedBy"], &agreed["decidedBy"]),
        (&json!("queued"), &json!(ann.id), &json!(bob.id))
    );
    app.about_refund(&bob, &id, "approve", json!({})).await.problem(409, "refund.not_allowed");
    app.about_refund(&bob, &id, "reject", json!({ "reason": "no" })).await.problem(409, "refund.not_allowed");
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [69_999, -69_999, 0, 0]);

    let detail = ann.client.get(&format!("/v1/admin/refunds/{id}")).await.ok(200);
    let history: Vec<_> =
        detail["history"].as_array().expect("lines").iter().map(|line| line["to"].clone()).collect();
    assert_eq!(history, ["awaiting_approval", "queued", "sent", "done"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_what_is_left_when_the_second_agrees_decides() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.admin("ann").await, app.admin("bob").await);
    let booking = app.paid_booking_for(120_000).await;
    app.complete(&booking).await;
    let first = app.refund(&ann, &booking, 70_000, "shared").await.ok(201);
    let second = app.refund(&ann, &booking, 60_000, "shared").await.ok(201);
    let (a, b) = tokio::join!(
        app.about_refund(&bob, first["id"].as_str().expect("an id"), "approve", json!({})),
        app.about_refund(&bob, second["id"].as_str().expect("an id"), "approve", json!({}))
    );
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422], "I7");
    let waiting = ann.client.get("/v1/admin/refunds?state=awaiting_approval").await;
    assert_eq!(waiting.status, 401, "the token is old by now");
    let ann = app.log_in(&ann).await;
    let waiting = ann.client.get("/v1/admin/refunds?state=awaiting_approval").await.ok(200);
    let left = id(&waiting["items"][0]);
    let rejected = app.about_refund(&bob, &left, "reject", json!({ "reason": "too much" })).await.ok(200);
    assert_eq!(rejected["state"], "rejected");
    app.run_jobs().await;
    let given: i64 = 120_000 - app.balance_at_provider(&booking).await;
    assert!(given == 70_000 || given == 60_000);
    let kept = 120_000 - given;
    assert_eq!(app.ledger(booking.id).await, [kept, 0, -(kept - kept * 15 / 100), -(kept * 15 / 100)]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_an_operator_is_told_what_to_do_and_has_the_provider_asked_again() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (booking, id) = refused(&app, "EXCEED_CANCEL_LIMIT").await;
    let listed = async |admin: &Person, language: &str| {
        let path = "/v1/admin/refunds?state=manual_review";
        let headers = [("accept-language", language)];
        let list = admin.client.send(reqwest::Method::GET, path, None, &headers).await.ok(200);
        assert_eq!(list["items"][0]["errorCode"], "EXCEED_CANCEL_LIMIT");
        list["items"][0]["whatToDo"].as_str().expect("guidance").to_owned()
    };
    assert!(listed(&admin, "en").await.contains("support"));
    assert!(listed(&admin, "ko").await.contains("결제사"));
    app.about_refund(&booking.mentee, &id, "retry", json!({})).await.problem(403, "auth.forbidden");

    let keys = |app: &TestApp| -> Vec<_> {
        app.sandbox.calls_to(Endpoint::Cancel).into_iter().map(|c| c.idempotency_key).collect()
    };
    app.about_refund(&admin, &id, "retry", json!({})).await.ok(200);
    app.about_refund(&admin, &id, "retry", json!({})).await.problem(409, "refund.not_allowed");
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["done"]);
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    let keys = keys(&app);
    assert!(keys.len() == 2 && keys[0] != keys[1], "the old key would repeat the refusal");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_money_given_back_by_hand_leaves_the_providers_account_as_it_is() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (booking, id) = refused(&app, "EXCEED_MAX_REFUND_DUE").await;
    let closed = app.about_refund(&admin, &id, "mark-done", json!({ "evidence": "transfer 4711" })).await;
    assert_eq!(closed.ok(200)["ending"], "by_hand");
    for (what, body) in [
        ("retry", json!({})),
        ("mark-done", json!({ "evidence": "again" })),
        ("give-up", json!({ "reason": "no" })),
    ] {
        app.about_refund(&admin, &id, what, body).await.problem(409, "refund.not_allowed");
    }
    app.run_jobs_twice().await;
    assert_eq!(app.refund_states(&booking).await, ["by_hand"]);
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, 0, 0]);
    assert_eq!(balance(&app, Account::PlatformBank).await, -50_000);
    assert_eq!(app.balance_at_provider(&booking).await, 50_000, "as the ledger says");
    assert_eq!(app.notices_of(&booking.mentee, "payment.refunded").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_money_that_somebody_gave_back_in_the_console_is_found_there() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (booking, id) = refused(&app, "REFUND_REJECTED").await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    let key = app.sandbox.payments()[0].payment_key.clone();
    app.sandbox.cancel_in_console(&key, None, "by phone").expect("the console works");
    app.about_refund(&admin, &id, "mark-done", json!({ "evidence": "in the console" })).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["done"]);
    assert!(app.refunds(&booking).await[0].transaction_key.is_some());
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    assert_eq!(balance(&app, Account::PlatformBank).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_what_is_given_up_is_the_mentors_or_the_platforms_again() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (booking, id) = refused(&app, "REFUND_REJECTED").await;
    app.about_refund(&admin, &id, "give-up", json!({ "reason": "agreed by phone" })).await.ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.refund_states(&booking).await, ["abandoned"]);
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.about_refund(&admin, &id, "retry", json!({})).await.problem(409, "refund.not_allowed");

    // The platform had added its own money for this one.
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("REFUND_REJECTED")));
    let refund = app.refund(&admin, &booking, 10_000, "platform").await.ok(201);
    app.run_jobs().await;
    assert_eq!(balance(&app, Account::Goodwill).await, 10_000);
    app.about_refund(&admin, refund["id"].as_str().expect("an id"), "give-up", json!({ "reason": "no" }))
        .await
        .ok(200);
    app.run_jobs().await;
    assert_eq!(balance(&app, Account::Goodwill).await, 0);
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_a_shared_refund_that_is_given_up_goes_back_to_the_mentor() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("NOT_ALLOWED_PARTIAL_REFUND")));
    let refund = app.refund(&admin, &booking, 20_000, "shared").await.ok(201);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, -20_000, -25_500, -4_500], "taken back, not given");
    app.about_refund(&admin, refund["id"].as_str().expect("an id"), "give-up", json!({ "reason": "no" }))
        .await
        .ok(200);
    app.run_jobs_twice().await;
    assert_eq!(app.ledger(booking.id).await, [50_000, 0, -42_500, -7_500]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_what_the_provider_did_after_all_is_not_given_up() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::DropAfterCommit));
    app.sandbox.fault(Fault::always(Endpoint::Get, Effect::Status(503)));
    app.cancel(&booking, &booking.mentee).await;
    for hours in [0, 1, 2, 3, 5, 6, 8, 9, 17, 18, 33, 34, 60, 61] {
        app.advance_to(konnect_tests::monday() + TimeDelta::hours(hours) + TimeDelta::seconds(1));
        for _ in 0..6 {
            app.advance(TimeDelta::minutes(6));
            app.run_jobs().await;
        }
    }
    assert_eq!(app.refund_states(&booking).await, ["manual_review"], "asked for too long");
    assert!(app.jobs_in("dead").await.is_empty(), "and its job is not dead");
    app.sandbox.clear_faults();
    let id = app.refunds(&booking).await[0].id.to_string();
    app.about_refund(&admin, &id, "give-up", json!({ "reason": "never heard of it" })).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["done"], "the money had gone");
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_money_that_bought_nothing_cannot_be_kept() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.booking().await;
    let body = app.checkout(&booking).await;
    app.core.clock.advance(TimeDelta::minutes(16));
    app.run_jobs().await;
    let rival = app.mentee("rival").await;
    app.reserve(&rival, booking.offering, booking.starts_at).await.ok(201);
    let request = konnect::client::toss::ConfirmRequest {
        payment_key: body["paymentKey"].as_str().expect("a key").into(),
        order_id: body["orderId"].as_str().expect("an id").into(),
        amount: konnect::money::Krw(booking.price),
    };
    app.services.toss.confirm(request, "behind-our-back").await.expect("the provider takes the money");
    app.sandbox.fault(Fault::once(Endpoint::Cancel, Effect::decline("NOT_CANCELABLE_PAYMENT")));
    app.sandbox.settle().await;
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    let id = app.refunds(&booking).await[0].id.to_string();
    let refused = app.about_refund(&admin, &id, "give-up", json!({ "reason": "finders keepers" })).await;
    refused.problem(409, "refund.owed");
    app.about_refund(&admin, &id, "retry", json!({})).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.ledger(booking.id).await, [0, 0, 0, 0]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_a_refund_is_ended_once_however_its_job_fails() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let (booking, id) = refused(&app, "EXCEED_MAX_REFUND_DUE").await;
    app.about_refund(&admin, &id, "mark-done", json!({ "evidence": "transfer 4711" })).await.ok(200);
    // Before the answer: the provider is away.
    app.sandbox.fault(Fault::once(Endpoint::Get, Effect::Status(503)));
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    // After the answer, before the commit: another worker has the job.
    app.advance(TimeDelta::seconds(3));
    let delivery = app.take_due().await.expect("it is tried again");
    let again = app.run_losing_its_lease(delivery, Endpoint::Get).await;
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    assert_eq!(app.run_delivery(again).await, Ended::Done);
    app.run_jobs_twice().await;
    assert_eq!(app.refund_states(&booking).await, ["by_hand"]);
    assert_eq!(balance(&app, Account::PlatformBank).await, -50_000);
    assert_eq!(app.notices_of(&booking.mentee, "payment.refunded").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i07_one_cancel_in_the_console_ends_one_of_two_refunds_alike() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    app.sandbox.fault(Fault::times(Endpoint::Cancel, 2, Effect::decline("EXCEED_MAX_REFUND_DUE")));
    for _ in 0..2 {
        app.refund(&admin, &booking, 10_000, "shared").await.ok(201);
    }
    app.run_jobs().await;
    let key = app.sandbox.payments()[0].payment_key.clone();
    app.sandbox.cancel_in_console(&key, Some(10_000), "by phone").expect("the console works");
    for refund in app.refunds(&booking).await {
        let said = json!({ "evidence": "given back" });
        app.about_refund(&admin, &refund.id.to_string(), "mark-done", said).await.ok(200);
    }
    let (first, second) = (app.take_due().await.expect("one"), app.take_due().await.expect("the other"));
    // Both workers read the provider before either writes.
    let (ended, other) = app.run_while(first, Endpoint::Get, async || app.run_delivery(second).await).await;
    assert_eq!(
        (ended, other),
        (Ended::Retried, Ended::Done),
        "the cancel is taken: who comes second looks again"
    );
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    let mut states = app.refund_states(&booking).await;
    states.sort_unstable();
    assert_eq!(states, ["by_hand", "done"]);
    assert_eq!(app.ledger(booking.id).await, [40_000, 0, -25_500, -4_500]);
    assert_eq!(balance(&app, Account::PlatformBank).await, -10_000);
    assert_eq!(app.balance_at_provider(&booking).await, 40_000, "as the ledger says");
    app.finish().await;
}

/// The answer to one refund is lost; meanwhile another of the same amount is said to be given back by hand.
#[tokio::test(flavor = "multi_thread")]
async fn i07_money_given_back_by_hand_is_not_the_cancel_of_another_refund() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let booking = app.paid_booking().await;
    app.complete(&booking).await;
    app.sandbox.set_webhook_url(None).expect("no webhooks");
    for fault in [Effect::decline("EXCEED_CANCEL_LIMIT"), Effect::DropAfterCommit] {
        app.sandbox.fault(Fault::once(Endpoint::Cancel, fault));
        app.refund(&admin, &booking, 10_000, "shared").await.ok(201);
        app.run_jobs().await;
    }
    assert_eq!(app.refund_states(&booking).await, ["manual_review", "unknown"]);
    let refused = app.refunds(&booking).await[0].id.to_string();
    app.about_refund(&admin, &refused, "mark-done", json!({ "evidence": "transfer 4711" })).await.ok(200);
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    assert_eq!(app.refund_states(&booking).await, ["by_hand", "done"]);
    assert_eq!(balance(&app, Account::PlatformBank).await, -10_000);
    assert_eq!(app.balance_at_provider(&booking).await, 40_000, "as the ledger says");
    app.finish().await;
}

/// A mentor who is an administrator, too, would keep what is not given back.
#[tokio::test(flavor = "multi_thread")]
async fn f06_an_administrator_ends_no_refund_of_a_booking_of_their_own() {
    let app = TestApp::start().await;
    let (booking, id) = refused(&app, "EXCEED_CANCEL_LIMIT").await;
    konnect::transact!(app.core.db, app.context(), anyhow::Error, tx => {
        konnect::user::make_admin(tx, booking.mentor.id).await?;
        Ok(konnect::user::make_admin(tx, booking.mentee.id).await?)
    })
    .expect("both are administrators, too");
    for own in [&booking.mentor, &booking.mentee] {
        for (what, body) in [
            ("give-up", json!({ "reason": "mine" })),
            ("mark-done", json!({ "evidence": "transfer 4711" })),
            ("retry", json!({})),
            ("reject", json!({ "reason": "mine" })),
        ] {
            app.about_refund(own, &id, what, body).await.problem(403, "dispute.own_case");
        }
    }
    assert_eq!(app.refund_states(&booking).await, ["manual_review"]);
    app.finish().await;
}

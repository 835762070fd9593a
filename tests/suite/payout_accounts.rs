//! Bank accounts: given by a fresh login, told to the provider once, frozen when changed, and what happens when the
//! bank or the provider does not take them.

use chrono::TimeDelta;
use konnect::job::{Job, RegisterSeller};
use konnect::payout;
use konnect_sandbox::{Effect, Endpoint, Fault, SellerStatus};
use konnect_tests::{Answer, Person, TestApp, account_body};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/v1/me/payout-account";

async fn put(person: &Person, body: Value) -> Answer {
    person.client.send(Method::PUT, PATH, Some(body), &[]).await
}

async fn shown(app: &TestApp, mentor: &Person) -> Value {
    app.log_in(mentor).await.client.get(PATH).await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mentor_gives_an_account_and_the_provider_approves_them() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mina").await;
    mentor.client.get(PATH).await.problem(404, "payout.account_not_found");
    let body = account_body(0);
    let given = put(&mentor, body.clone()).await.ok(200);
    assert_eq!((&given["state"], &given["obstacle"]), (&json!("registering"), &json!("account_registering")));
    assert_eq!(given["accountNumber"], "******6780", "never more than the last digits");
    assert_eq!(given["frozenUntil"], Value::Null, "the first one is not frozen");
    let sealed: (Vec<u8>, String) = sqlx::query_as("SELECT number_sealed, number_tail FROM payout_accounts")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert!(!sealed.0.windows(6).any(|part| part == b"110123"), "sealed");
    app.run_jobs_twice().await;

    let after = shown(&app, &mentor).await;
    assert_eq!((&after["state"], &after["obstacle"]), (&json!("registered"), &json!("approval_required")));
    let sellers = app.sandbox.sellers();
    assert_eq!(sellers.len(), 1);
    assert_eq!(sellers[0].account.account_number, "110123456780");
    let wiped: Option<Vec<u8>> = sqlx::query_scalar("SELECT number_sealed FROM payout_accounts")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(wiped, None, "the provider has it");
    app.approve(&mentor, SellerStatus::Approved).await;
    assert_eq!(shown(&app, &mentor).await["obstacle"], Value::Null);
    assert_eq!(app.notices_of(&mentor, "payout.seller_approved").await, 1);
    assert_eq!(app.notices_of(&mentor, "payout.account_registered").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_bad_input_is_refused_with_the_field_and_nothing_is_written() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mina").await;
    let with = |field: &str, value: Value| {
        let mut body = account_body(0);
        body[field] = value;
        body
    };
    put(&mentor, with("expectedVersion", json!(1))).await.problem(409, "payout.account_stale");
    let company =
        put(&mentor, with("businessType", json!("CORPORATE"))).await.problem(422, "payout.account_invalid");
    assert_eq!(company["field"], "representativeName");
    let long =
        put(&mentor, with("holderName", json!("가".repeat(31)))).await.problem(422, "payout.account_invalid");
    assert_eq!(long["field"], "holderName");
    for (field, value) in [
        ("accountNumber", json!("110-123")),
        ("accountNumber", json!("1".repeat(21))),
        ("bankCode", json!("KB")),
        ("phone", json!("010-1234-5678")),
        ("businessType", json!("PERSON")),
        ("owner", json!("somebody")),
    ] {
        put(&mentor, with(field, value)).await.problem(400, "request.invalid");
    }
    let mentee = app.mentee("mentee").await;
    put(&mentee, account_body(0)).await.problem(403, "auth.forbidden");
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM payout_accounts")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert_eq!(count, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_a_fresh_login_freezes_payouts_and_tells_the_old_contact() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000]).await;
    let old = app.log_in(&earner.mentor).await;
    app.advance(TimeDelta::seconds(601));
    put(&old, account_body(1)).await.problem(403, "auth.fresh_login_required");
    let fresh = app.log_in(&earner.mentor).await;
    app.advance(TimeDelta::seconds(600));
    let changed = put(&fresh, account_body(1)).await.ok(200);
    assert!(changed["frozenUntil"].is_string());
    app.run_jobs_twice().await;

    let mails = app.sandbox.mails_to("contact0@konnect.test");
    let warned: Vec<_> = mails.iter().filter(|mail| mail.subject.contains("다른 계좌")).collect();
    assert!(!warned.is_empty() && warned[0].text.contains("******6780"), "{mails:?}");
    let ids: std::collections::BTreeSet<_> = warned
        .iter()
        .filter_map(|mail| mail.raw.lines().find(|line| line.starts_with("Message-ID")))
        .collect();
    assert_eq!(ids.len(), 1, "a second run is the same mail");
    assert!(app.sandbox.mails_to("contact1@konnect.test").is_empty());
    assert_eq!(app.notices_of(&earner.mentor, "payout.account_changed").await, 2);
    assert_eq!(app.sandbox.sellers().len(), 1, "the payee stays");
    assert_eq!(app.sandbox.sellers()[0].account.account_number, "110123456781");

    app.run_batch().await;
    assert!(app.payouts_of(&earner.mentor).await.is_empty(), "frozen for a day");
    assert_eq!(shown(&app, &earner.mentor).await["obstacle"], "account_frozen");
    app.advance(TimeDelta::hours(24));
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_takes_back_what_was_not_sent_and_waits_for_what_was() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000]).await;
    app.open_batch().await;
    let batch = app.take_due().await.expect("the batch");
    app.executor.execute(batch).await.expect("the database");
    assert_eq!(app.payout_state(&earner.mentor).await, "queued");
    app.give_account(&earner.mentor, account_body(1)).await;
    assert_eq!(app.payout_state(&earner.mentor).await, "cancelled");
    assert_eq!(app.line_states_of(&earner.mentor).await, ["ready"]);
    assert!(app.sandbox.payouts().is_empty());

    app.advance(TimeDelta::hours(24));
    app.run_batch().await;
    assert_eq!(app.payout_state(&earner.mentor).await, "in_progress");
    app.give_account(&earner.mentor, account_body(2)).await;
    assert_eq!(app.sandbox.sellers()[0].account.account_number, "110123456781", "a transfer is under way");
    app.money_arrives(&earner.mentor).await;
    app.advance(TimeDelta::minutes(10));
    app.run_jobs().await;
    assert_eq!(app.sandbox.sellers()[0].account.account_number, "110123456782");
    assert_eq!(shown(&app, &earner.mentor).await["state"], "registered");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_an_account_that_the_bank_does_not_confirm_is_carried_over_and_told() {
    let app = TestApp::start().await;
    let earner = app.earner("mina", &[50_000]).await;
    app.run_batch().await;
    assert_eq!(app.notices_of(&earner.mentor, "payout.carried_over").await, 2, "of the week, and of today");
    app.sandbox.refuse_account("110123456780", "ACCOUNT_OWNER_CHECK_FAILED");
    app.give_account(&earner.mentor, account_body(0)).await;

    let after = shown(&app, &earner.mentor).await;
    assert_eq!(
        (&after["state"], &after["errorCode"]),
        (&json!("rejected"), &json!("ACCOUNT_OWNER_CHECK_FAILED"))
    );
    assert!(after["guidance"].as_str().is_some_and(|words| words.contains("another holder")), "{after:#}");
    let korean = app.log_in(&earner.mentor).await.client;
    let korean = korean.send(Method::GET, PATH, None, &[("accept-language", "ko")]).await.ok(200);
    assert!(korean["guidance"].as_str().is_some_and(|words| words.contains("예금주")));
    assert_eq!(app.notices_of(&earner.mentor, "payout.account_rejected").await, 1);
    app.run_batch().await;
    assert_eq!(app.line_states_of(&earner.mentor).await, ["ready"], "nothing is lost");

    app.give_account(&earner.mentor, account_body(1)).await;
    app.approve(&earner.mentor, SellerStatus::Approved).await;
    app.advance(TimeDelta::hours(24));
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    assert_eq!(app.owed(&earner.mentor).await, (0, 0));
    assert_eq!(app.sandbox.sellers().len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_a_check_that_is_asked_for_again_carries_over() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000]).await;
    app.approve(&earner.mentor, SellerStatus::KycRequired).await;
    assert_eq!(app.notices_of(&earner.mentor, "payout.kyc_required").await, 1);
    app.run_batch().await;
    assert!(app.payouts_of(&earner.mentor).await.is_empty());
    assert_eq!(shown(&app, &earner.mentor).await["obstacle"], "kyc_required");
    assert!(app.notices_of(&earner.mentor, "payout.carried_over").await > 0);
    app.approve(&earner.mentor, SellerStatus::Approved).await;
    app.run_batch().await;
    app.money_arrives(&earner.mentor).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_a_payee_that_was_blocked_without_our_knowing_fails_and_is_looked_into() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000]).await;
    app.sandbox.webhooks(konnect_sandbox::WebhookMode::None);
    let seller = app.seller_id(&earner.mentor).await;
    app.sandbox.set_seller_status(&seller, SellerStatus::KycRequired).expect("a payee");
    app.run_batch().await;
    let payout = app.payouts_of(&earner.mentor).await.remove(0);
    assert_eq!(
        (payout.state.name(), payout.error_code.as_deref()),
        ("failed", Some("FORBIDDEN_SELLER_PAYOUT"))
    );
    assert_eq!(app.sandbox.calls_to(Endpoint::PayoutList).len(), 1, "after a look");
    assert_eq!(app.owed(&earner.mentor).await, (41_098, 0));
    assert_eq!(app.line_states_of(&earner.mentor).await, ["ready"]);
    assert_eq!(shown(&app, &earner.mentor).await["obstacle"], "kyc_required", "the payee was read again");
    // The reconciler hears of the approval without a webhook.
    app.sandbox.set_seller_status(&seller, SellerStatus::Approved).expect("a payee");
    app.advance(TimeDelta::minutes(61));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(shown(&app, &earner.mentor).await["obstacle"], Value::Null);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_without_an_answer_makes_one_payee() {
    for effect in [Effect::DropBefore, Effect::DropAfterCommit, Effect::Status(504)] {
        let app = TestApp::start().await;
        let mentor = app.mentor("mina").await;
        app.sandbox.fault(Fault::once(Endpoint::Seller, effect.clone()).for_method("POST"));
        put(&mentor, account_body(0)).await.ok(200);
        app.run_jobs().await;
        assert_eq!(shown(&app, &mentor).await["state"], "registering", "{effect:?}");
        app.advance(TimeDelta::seconds(5));
        app.run_jobs_twice().await;
        assert_eq!(shown(&app, &mentor).await["state"], "registered");
        assert_eq!(app.sandbox.sellers().len(), 1);
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_was_found_gets_the_account_of_now() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mina").await;
    app.sandbox.fault(Fault::once(Endpoint::Seller, Effect::DropAfterCommit).for_method("POST"));
    put(&mentor, account_body(0)).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.sandbox.sellers()[0].account.account_number, "110123456780", "and we do not know");
    put(&mentor, account_body(1)).await.ok(200);
    app.advance(TimeDelta::seconds(5));
    app.run_jobs().await;
    assert_eq!(app.sandbox.sellers().len(), 1);
    assert_eq!(app.sandbox.sellers()[0].account.account_number, "110123456781");
    let standing = payout::standing(app.core.db.pool(), mentor.id).await.expect("the database").expect("one");
    assert_eq!((standing.account.version, standing.account.state.name()), (2, "registered"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reconciler_tells_the_provider_of_an_account_that_was_forgotten() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mina").await;
    put(&mentor, account_body(0)).await.ok(200);
    let job = &app.jobs_of(RegisterSeller::KIND).await[0];
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => { konnect::outbox::cancel(tx, job.id).await })
        .expect("the job is taken away");
    app.advance(TimeDelta::minutes(6));
    app.reconcile().await;
    app.run_jobs().await;
    assert_eq!(shown(&app, &mentor).await["state"], "registered");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_business_is_another_payee_and_nothing_is_withheld_from_it() {
    let app = TestApp::start().await;
    let mut earner = app.payee("mina", &[50_000]).await;
    let mut body = account_body(1);
    body["businessType"] = json!("INDIVIDUAL_BUSINESS");
    body["representativeName"] = json!("김민아");
    body["businessNumber"] = json!("1234567890");
    app.give_account(&earner.mentor, body).await;
    assert_eq!(app.sandbox.sellers().len(), 2, "the kind of business cannot be changed");
    app.approve(&earner.mentor, SellerStatus::Approved).await;
    app.earn_more(&mut earner, &[50_000]).await;
    app.run_batch().await;
    let payout = app.payouts_of(&earner.mentor).await.remove(0);
    assert_eq!(payout.amount_krw.0, 41_098 + 42_500, "3.3 % less of the first alone");
    app.money_arrives(&earner.mentor).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_the_account_that_was_given_last_is_the_one_that_is_paid() {
    let app = TestApp::start().await;
    let earner = app.payee("mina", &[50_000]).await;
    let mina = app.log_in(&earner.mentor).await;
    put(&mina, account_body(1)).await.ok(200);
    let second = app.take_due_of(RegisterSeller::KIND).await;
    // The provider is slow with the second account, and the mentor gives a third one meanwhile.
    app.run_while(second, Endpoint::Seller, async || {
        put(&mina, account_body(2)).await.ok(200);
        let third = app.take_due_of(RegisterSeller::KIND).await;
        app.run_delivery(third).await;
    })
    .await;
    app.advance(TimeDelta::minutes(1));
    app.run_jobs().await;
    assert_eq!(shown(&app, &earner.mentor).await["accountNumber"], "******6782");
    assert_eq!(app.sandbox.sellers()[0].account.account_number, "110123456782");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_a_business_that_the_provider_refuses_saves_no_tax() {
    let app = TestApp::start().await;
    let mut earner = app.payee("mina", &[50_000]).await;
    app.sandbox.refuse_account("110123456781", "INVALID_BUSINESS_NUMBER");
    let mut body = account_body(1);
    body["businessType"] = json!("INDIVIDUAL_BUSINESS");
    body["representativeName"] = json!("김민아");
    body["businessNumber"] = json!("0000000000");
    app.give_account(&earner.mentor, body).await;
    assert_eq!(shown(&app, &earner.mentor).await["state"], "rejected");
    app.earn_more(&mut earner, &[50_000]).await;
    assert_eq!(app.owed(&earner.mentor).await, (2 * 41_098, 0), "3.3 % less of both");
    app.finish().await;
}

//! Webhooks about payouts and payees: signed over their bytes and their time.

use chrono::TimeDelta;
use konnect_jobs::Executor;
use konnect_jobs::Services;
use konnect_sandbox::{Signature, SignatureKey};
use konnect_tests::{TestApp, worker_config};
use secrecy::SecretString;
use serde_json::{Value, json};

const NEW_KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn changed(event: &str) -> Value {
    json!({
        "eventType": event, "createdAt": "2026-03-02T09:00:00+09:00", "version": "2022-11-16",
        "eventId": "evt_1", "entityType": "payout",
        "entityBody": { "id": "FPA_a01kk0000000000000000000", "status": "COMPLETED" },
    })
}

/// Sends one and gives its outcome.
async fn outcome(app: &TestApp, event: &str, signature: Signature) -> String {
    assert_eq!(app.sandbox.forge_signed_webhook(changed(event), signature).await, Some(200));
    app.run_jobs().await;
    let outcomes = sqlx::query_scalar(
        "SELECT outcome FROM webhook_inbox ORDER BY received_at DESC, processed_at DESC LIMIT 1",
    );
    app.advance(TimeDelta::seconds(1));
    outcomes.fetch_one(app.core.db.pool()).await.expect("the database")
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_a_signature_is_believed_when_it_is_of_our_key_body_and_time() {
    let app = TestApp::start().await;
    for event in ["payout.changed", "seller.changed"] {
        assert_eq!(outcome(&app, event, Signature::Valid).await, "verified");
        for forged in [
            Signature::Missing,
            Signature::WrongKey,
            Signature::OtherBody,
            Signature::OtherTime,
            Signature::Malformed,
        ] {
            assert_eq!(outcome(&app, event, forged).await, "forged", "{forged:?}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_both_keys_are_good_while_they_rotate() {
    let mut app = TestApp::start().await;
    app.sandbox.rotate_security_key(NEW_KEY).expect("a key");
    // The provider signs with both; we know the old one alone, then both, then the new one alone.
    assert_eq!(outcome(&app, "payout.changed", Signature::Valid).await, "verified");
    for (key, old) in [(NEW_KEY, Some(konnect_tests::SECURITY_KEY)), (NEW_KEY, None)] {
        let mut config = worker_config(&app.sandbox);
        config.toss_security_key = Some(SecretString::from(key));
        config.toss_security_key_old = old.map(SecretString::from);
        app.services = Services::new(app.core.clone(), &config).expect("the clients");
        app.executor = Executor::new(app.services.clone(), "test-worker");
        assert_eq!(outcome(&app, "payout.changed", Signature::Valid).await, "verified");
    }
    app.advance(TimeDelta::days(8));
    assert_eq!(outcome(&app, "payout.changed", Signature::Valid).await, "verified", "by the new key alone");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_the_form_of_the_key_is_a_setting() {
    let mut app = TestApp::start().await;
    app.sandbox.signature_key(SignatureKey::Ascii);
    assert_eq!(outcome(&app, "payout.changed", Signature::Valid).await, "forged");
    let mut config = worker_config(&app.sandbox);
    config.toss_signature_key_form = "ascii".into();
    app.services = Services::new(app.core.clone(), &config).expect("the clients");
    app.executor = Executor::new(app.services.clone(), "test-worker");
    assert_eq!(outcome(&app, "payout.changed", Signature::Valid).await, "verified");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_a_signed_webhook_is_taken_up_to_five_days_late() {
    let mut app = TestApp::start().await;
    assert_eq!(outcome(&app, "payout.changed", Signature::OldTime).await, "verified", "a day is in time");
    let mut config = worker_config(&app.sandbox);
    config.toss_webhook_tolerance_seconds = 3_600;
    app.services = Services::new(app.core.clone(), &config).expect("the clients");
    app.executor = Executor::new(app.services.clone(), "test-worker");
    assert_eq!(outcome(&app, "payout.changed", Signature::OldTime).await, "out_of_time");

    config.toss_security_key = None;
    app.services = Services::new(app.core.clone(), &config).expect("the clients");
    app.executor = Executor::new(app.services.clone(), "test-worker");
    assert_eq!(outcome(&app, "payout.changed", Signature::Valid).await, "no_key", "nothing is believed");
    app.finish().await;
}

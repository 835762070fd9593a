use std::time::Duration;

use serde_json::json;

use super::{Client, send};
use crate::{Effect, Endpoint, Fault, Status};

fn status(c: &Client, key: &str) -> Option<Status> {
    c.sandbox.payment(key).map(|p| p.status)
}

#[tokio::test]
async fn dropped_before_means_no_answer_and_no_money() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropBefore));
    let request = c.confirm_with(&checkout).header("idempotency-key", "k");
    let error = request.send().await.expect_err("no answer");
    assert!(error.is_request() && !error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(status(&c, &checkout.payment_key), Some(Status::InProgress));
    let calls = c.sandbox.calls_to(Endpoint::Confirm);
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [None]);
    let again = send(c.confirm_with(&checkout).header("idempotency-key", "k")).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn dropped_after_commit_means_no_answer_but_money() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    // A connection that is in use already must not hide the cut behind a silent resend.
    assert_eq!(c.get("/sandbox/clock").await.status, 200);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::DropAfterCommit));
    assert!(c.confirm_with(&checkout).header("idempotency-key", "k").send().await.is_err());
    assert_eq!(c.sandbox.calls_to(Endpoint::Confirm).len(), 1);
    assert_eq!(status(&c, &checkout.payment_key), Some(Status::Done));
    let again = send(c.confirm_with(&checkout).header("idempotency-key", "k")).await;
    assert_eq!((again.status, &again.json["status"]), (200, &json!("DONE")));
    assert_eq!(c.sandbox.transactions().len(), 1);
}

#[tokio::test]
async fn a_client_that_gives_up_does_not_stop_the_provider() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Delay(Duration::from_millis(300))));
    let request = c.confirm_with(&checkout).timeout(Duration::from_millis(80));
    assert!(request.send().await.is_err_and(|error| error.is_timeout()));
    assert_eq!(status(&c, &checkout.payment_key), Some(Status::InProgress));
    // A second confirm without idempotency key, while the first one is running.
    c.confirm(&checkout).await.is(500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(status(&c, &checkout.payment_key), Some(Status::Done));
    assert_eq!(c.sandbox.calls_to(Endpoint::Confirm)[0].status, Some(200));
}

#[tokio::test]
async fn a_declined_card_ends_the_payment_and_a_provider_error_does_not() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("PROVIDER_ERROR")));
    c.confirm(&checkout).await.is(400, "PROVIDER_ERROR");
    assert_eq!(status(&c, &checkout.payment_key), Some(Status::InProgress));

    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_PAYMENT")));
    c.confirm(&checkout).await.is(403, "REJECT_CARD_PAYMENT");
    let payment = c.sandbox.payment(&checkout.payment_key).expect("known");
    assert_eq!(payment.status, Status::Aborted);
    assert_eq!(payment.failure.map(|f| f.code).as_deref(), Some("REJECT_CARD_PAYMENT"));
    c.confirm(&checkout).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
    assert!(c.sandbox.transactions().is_empty());
}

#[tokio::test]
async fn a_gateway_error_is_no_json_and_leaves_the_key_unused() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Status(502)));
    let ask = || send(c.confirm_with(&checkout).header("idempotency-key", "k"));
    let bad = ask().await;
    assert_eq!((bad.status, bad.json.is_null()), (502, true));
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn a_hanging_call_ends_without_an_answer() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    let hang = Effect::Hang(Duration::from_millis(50));
    c.sandbox.fault(Fault::once(Endpoint::Get, hang).for_order("order-000001"));
    let url = format!("{}/v1/payments/{}", c.sandbox.url(), checkout.payment_key);
    let hung = c.http.get(&url).basic_auth(super::KEY, Some("")).send().await;
    assert!(hung.is_err_and(|error| !error.is_timeout()));
    assert_eq!(c.get(&format!("/v1/payments/{}", checkout.payment_key)).await.status, 200);
}

#[tokio::test]
async fn faults_are_commanded_and_cleared_over_http() {
    let c = Client::start().await;
    let fault = json!({ "on": "cancel", "times": null, "effect": { "decline": "REFUND_REJECTED" } });
    assert_eq!(send(c.post("/sandbox/faults", &fault)).await.status, 200);
    let key = c.paid("order-000001", 1_000).await.payment_key;
    for _ in 0..3 {
        c.cancel(&key, json!({ "cancelReason": "r" })).await.is(400, "REFUND_REJECTED");
    }
    let cleared = c.http.delete(format!("{}/sandbox/faults", c.sandbox.url())).send().await;
    assert_eq!(cleared.map(|answer| answer.status().as_u16()).ok(), Some(204));
    assert_eq!(c.cancel(&key, json!({ "cancelReason": "r" })).await.status, 200);
    let bad = json!({ "on": "confirm", "effect": {} });
    assert_eq!(send(c.post("/sandbox/faults", &bad)).await.status, 400);
    let never = json!({ "on": "smtp", "effect": { "decline": "X" } });
    assert_eq!(send(c.post("/sandbox/faults", &never)).await.status, 400);
    let calls = c.get("/sandbox/calls").await.json;
    assert_eq!(calls[1]["endpoint"], "cancel");
    assert_eq!((&calls[1]["orderId"], &calls[1]["status"]), (&json!("order-000001"), &json!(400)));
    assert_eq!(calls[1]["body"]["cancelReason"], "r");
}

use std::time::Duration;

use serde_json::json;

use super::{Client, send};
use crate::{Effect, Endpoint, Fault};

#[tokio::test]
async fn the_same_key_gives_the_same_bytes_and_cancels_once() {
    let c = Client::start().await;
    let key = c.paid("order-000001", 10_000).await.payment_key;
    let path = format!("/v1/payments/{key}/cancel");
    let body = json!({ "cancelReason": "r", "cancelAmount": 1_000 });
    let ask = || send(c.post(&path, &body).header("idempotency-key", "k1"));
    let (first, second) = (ask().await, ask().await);
    assert_eq!((first.status, &first.text), (200, &second.text));
    assert_eq!(c.sandbox.payment(&key).map(|p| p.balance_amount), Some(9_000));
    let replays: Vec<_> = c.sandbox.calls_to(Endpoint::Cancel).iter().map(|call| call.replayed).collect();
    assert_eq!(replays, [false, true]);
}

#[tokio::test]
async fn errors_are_bound_to_the_key_and_the_body_is_not() {
    let c = Client::start().await;
    let (one, two) = (c.checkout("order-000001", 1_000), c.checkout("order-000002", 1_000));
    let wrong = json!({ "paymentKey": one.payment_key, "orderId": one.order_id, "amount": 1 });
    let ask = |body| send(c.post("/v1/payments/confirm", &body).header("idempotency-key", "k"));
    ask(wrong).await.is(400, "INVALID_REQUEST");
    let right = json!({ "paymentKey": one.payment_key, "orderId": one.order_id, "amount": 1_000 });
    ask(right).await.is(400, "INVALID_REQUEST");
    // Another order under a used key gets the first one's answer.
    let confirm = |checkout| send(c.confirm_with(checkout).header("idempotency-key", "k2"));
    let done = confirm(&one).await;
    assert_eq!(confirm(&two).await.text, done.text);
    // Another URL is another scope.
    let path = format!("/v1/payments/{}/cancel", one.payment_key);
    let other = send(c.post(&path, &json!({ "cancelReason": "r" })).header("idempotency-key", "k2")).await;
    assert_eq!(other.json["status"], "CANCELED");
}

#[tokio::test]
async fn a_running_call_refuses_its_key_and_a_long_key_is_invalid() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Delay(Duration::from_millis(300))));
    let ask = || send(c.confirm_with(&checkout).header("idempotency-key", "k"));
    let again = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ask().await
    };
    let (first, second) = tokio::join!(ask(), again);
    assert_eq!(first.status, 200);
    second.is(409, "IDEMPOTENT_REQUEST_PROCESSING");
    assert_eq!(ask().await.text, first.text);

    let long = |count: usize| send(c.confirm_with(&checkout).header("idempotency-key", "k".repeat(count)));
    long(301).await.is(400, "INVALID_IDEMPOTENCY_KEY");
    long(300).await.is(400, "ALREADY_PROCESSED_PAYMENT");
}

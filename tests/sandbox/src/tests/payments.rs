use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Client, KEY, send};
use crate::{Endpoint, Method, NewCheckout, Status};

#[tokio::test]
async fn a_confirm_takes_the_money_and_answers_the_whole_object() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 50_000);
    let before = c.get(&format!("/v1/payments/{}", checkout.payment_key)).await;
    assert_eq!(before.json["status"], "IN_PROGRESS");
    assert_eq!((&before.json["method"], &before.json["useEscrow"]), (&Value::Null, &Value::Null));

    let done = c.confirm(&checkout).await;
    assert_eq!(done.status, 200);
    let p = &done.json;
    assert_eq!(
        (&p["mId"], &p["version"], &p["type"], &p["status"], &p["method"]),
        (&json!("konnectdev"), &json!("2022-11-16"), &json!("NORMAL"), &json!("DONE"), &json!("카드"))
    );
    assert_eq!(
        (&p["totalAmount"], &p["balanceAmount"], &p["suppliedAmount"], &p["vat"]),
        (&json!(50_000), &json!(50_000), &json!(45_455), &json!(4_545))
    );
    assert!(p["approvedAt"].as_str().is_some_and(|at| at.ends_with("+09:00") && at.len() == 25), "{p}");
    assert_eq!(p["card"]["amount"], 50_000);
    assert!(p["receipt"]["url"].is_string() && p["lastTransactionKey"].is_string());
    assert_eq!(
        (&p["cancels"], &p["failure"], &p["virtualAccount"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );

    for path in [format!("/v1/payments/{}", checkout.payment_key), "/v1/payments/orders/order-000001".into()]
    {
        assert_eq!(c.get(&path).await.text, done.text);
    }
    c.get("/v1/payments/nothing").await.is(404, "NOT_FOUND_PAYMENT");
    c.get("/v1/payments/orders/nothing").await.is(404, "NOT_FOUND_PAYMENT");
}

#[tokio::test]
async fn it_stops_when_dropped_and_frees_its_ports_when_stopped() {
    let Client { sandbox, .. } = Client::start().await;
    let port = sandbox.url().strip_prefix("http://").expect("http").to_owned();
    sandbox.stop().await;
    let options = crate::SandboxOptions { bind: port.clone(), ..Default::default() };
    let again = crate::Sandbox::start(options).await.expect("the port is free");
    drop(again);
    for _ in 0..100 {
        if tokio::net::TcpStream::connect(&port).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still listens");
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized_and_takes_nothing() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    let url = format!("{}/v1/payments/confirm", c.sandbox.url());
    let body = json!({ "paymentKey": checkout.payment_key, "orderId": checkout.order_id, "amount": 1_000 });
    for request in [
        c.http.post(&url).json(&body),
        c.http.post(&url).json(&body).basic_auth("test_sk_other", Some("")),
        c.http.post(&url).json(&body).basic_auth(KEY, Some("password")),
        // base64 of the key without its colon
        c.http.post(&url).json(&body).header("authorization", "Basic dGVzdF9za19rb25uZWN0"),
    ] {
        send(request).await.is(401, "UNAUTHORIZED_KEY");
    }
    let payment = c.sandbox.payment(&checkout.payment_key).expect("known");
    assert_eq!(payment.status, Status::InProgress);
    assert_eq!(c.sandbox.calls_to(Endpoint::Confirm).len(), 4);
}

#[tokio::test]
async fn a_confirm_must_name_the_right_payment_order_and_amount_once() {
    let c = Client::start().await;
    let checkout = c.checkout("order-000001", 1_000);
    let ask = |key: &str, order: &str, amount: Value| {
        let body = json!({ "paymentKey": key, "orderId": order, "amount": amount });
        send(c.post("/v1/payments/confirm", &body))
    };
    let key = &*checkout.payment_key;
    ask("made-up", "order-000001", json!(1_000)).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
    ask(key, "order-000002", json!(1_000)).await.is(403, "FORBIDDEN_REQUEST");
    ask(key, "order-000001", json!(999)).await.is(400, "INVALID_REQUEST");
    ask(key, "order-000001", json!("1000")).await.is(400, "INVALID_REQUEST");
    assert_eq!(ask(key, "order-000001", json!(1_000)).await.status, 200);
    ask(key, "order-000001", json!(1_000)).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    let calls = c.sandbox.calls_to(Endpoint::Confirm);
    assert_eq!(calls.iter().filter(|call| call.status == Some(200)).count(), 1);
    assert_eq!(calls[4].order_id.as_deref(), Some("order-000001"));
}

#[tokio::test]
async fn an_order_is_paid_once_even_from_two_windows() {
    let c = Client::start().await;
    let (one, two) = (c.checkout("order-000001", 1_000), c.checkout("order-000001", 1_000));
    assert_eq!(c.confirm(&two).await.status, 200);
    c.confirm(&one).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    assert!(c.sandbox.checkout("order-000001", 1_000).is_err());
    assert_eq!(c.sandbox.payment_of_order("order-000001").map(|p| p.payment_key), Some(two.payment_key));
}

#[tokio::test]
async fn ten_minutes_after_authentication_the_payment_expires() {
    let c = Client::start().await;
    let now = c.sandbox.now();
    c.sandbox.freeze(now);
    let (late, timely) = (c.checkout("order-late", 1_000), c.checkout("order-timely", 1_000));
    c.sandbox.advance(TimeDelta::minutes(10));
    assert_eq!(c.confirm(&timely).await.status, 200);
    c.sandbox.advance(TimeDelta::seconds(1));
    c.confirm(&late).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
    let p = c.get("/v1/payments/orders/order-late").await.json;
    assert_eq!((&p["status"], &p["failure"]["code"]), (&json!("EXPIRED"), &json!("EXPIRED_PAYMENT")));
    assert_eq!((&p["method"], &p["lastTransactionKey"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_window_refuses_bad_orders_and_small_amounts() {
    let c = Client::start().await;
    let check = |body: Value| send(c.post("/sandbox/checkout", &body));
    assert_eq!(check(json!({ "orderId": "order_-9", "amount": 100 })).await.status, 200);
    check(json!({ "orderId": "short", "amount": 100 })).await.is(400, "INVALID_ORDER_ID");
    check(json!({ "orderId": "order=00001", "amount": 100 })).await.is(400, "INVALID_ORDER_ID");
    check(json!({ "orderId": "order-1", "amount": 99 })).await.is(400, "BELOW_MINIMUM_AMOUNT");
    check(json!({ "orderId": "order-1", "amount": 199, "method": "TRANSFER" }))
        .await
        .is(400, "BELOW_MINIMUM_AMOUNT");
    let transfer = NewCheckout { method: Method::Transfer, ..NewCheckout::new("order-1", 200) };
    let checkout = c.sandbox.checkout_with(transfer).expect("taken");
    let p = c.confirm(&checkout).await.json;
    assert_eq!((&p["method"], &p["card"]), (&json!("계좌이체"), &Value::Null));
}

#[tokio::test]
async fn a_test_code_forces_its_error_before_anything_else_is_looked_at() {
    let c = Client::start().await;
    let body = json!({ "paymentKey": "made-up", "orderId": "order-1", "amount": 1 });
    let forced =
        |code: &str| send(c.post("/v1/payments/confirm", &body).header("TossPayments-Test-Code", code));
    forced("REJECT_CARD_PAYMENT").await.is(403, "REJECT_CARD_PAYMENT");
    forced("FAILED_INTERNAL_SYSTEM_PROCESSING").await.is(500, "FAILED_INTERNAL_SYSTEM_PROCESSING");
    forced("NO_SUCH_CODE").await.is(400, "INVALID_TEST_CODE");
    let english = c.post("/v1/payments/confirm", &body).header("accept-language", "en-US");
    let english = send(english.header("TossPayments-Test-Code", "INVALID_STOPPED_CARD")).await;
    assert_eq!(english.json["message"], "The card is suspended.");
}

#[tokio::test]
async fn transactions_list_approvals_and_cancels() {
    let c = Client::start().await;
    let at = chrono::DateTime::parse_from_rfc3339("2026-11-23T23:59:30+09:00").expect("valid");
    c.sandbox.freeze(at.to_utc());
    let one = c.paid("order-000001", 1_000).await;
    c.sandbox.advance(TimeDelta::minutes(1));
    c.cancel(&one.payment_key, json!({ "cancelReason": "r", "cancelAmount": 400 })).await;
    let list = |query: &str| {
        let path = format!("/v1/transactions?{query}");
        async { c.get(&{ path }).await }
    };
    let both = list("startDate=2026-11-23&endDate=2026-11-24").await.json;
    assert_eq!((&both[0]["amount"], &both[1]["amount"]), (&json!(1_000), &json!(400)));
    assert_eq!((&both[0]["status"], &both[1]["status"]), (&json!("DONE"), &json!("PARTIAL_CANCELED")));
    let first = list("startDate=2026-11-23&endDate=2026-11-23").await.json;
    assert_eq!(first, json!([both[0]]));
    let key = both[0]["transactionKey"].as_str().expect("a key");
    let rest =
        list(&format!("startDate=2026-11-23&endDate=2026-11-24&limit=1&startingAfter={key}")).await.json;
    assert_eq!(rest, json!([both[1]]));
    for bad in ["", "startDate=x&endDate=y", "startDate=2026-11-23&endDate=2026-11-24&limit=5001"] {
        list(bad).await.is(400, "INVALID_REQUEST");
    }
}

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Client, Receiver, send};
use crate::{Checkout, Method, NewCheckout, Status, WebhookKinds};

impl Client {
    /// A virtual account that waits for its deposit.
    async fn account(&self, order: &str, amount: i64) -> (Checkout, Value) {
        let new = NewCheckout { method: Method::VirtualAccount, ..NewCheckout::new(order, amount) };
        let checkout = self.sandbox.checkout_with(new).expect("taken");
        let answer = self.confirm(&checkout).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (checkout, answer.json)
    }
}

fn refund_to(mut body: Value) -> Value {
    body["cancelReason"] = json!("r");
    body["refundReceiveAccount"] =
        json!({ "bank": "20", "accountNumber": "1002123456789", "holderName": "김환불" });
    body
}

#[tokio::test]
async fn a_confirm_issues_an_account_and_takes_no_money() {
    let c = Client::start().await;
    let (checkout, p) = c.account("order-000001", 50_000).await;
    assert_eq!((&p["status"], &p["method"]), (&json!("WAITING_FOR_DEPOSIT"), &json!("가상계좌")));
    assert_eq!((&p["approvedAt"], &p["card"]), (&Value::Null, &Value::Null));
    assert!(p["secret"].is_string() && p["lastTransactionKey"].is_string());
    let account = &p["virtualAccount"];
    assert!(account["accountNumber"].as_str().is_some_and(|number| number.starts_with('X')));
    assert_eq!((&account["accountType"], &account["expired"]), (&json!("일반"), &json!(false)));
    assert_eq!((&account["refundStatus"], &account["refundReceiveAccount"]), (&json!("NONE"), &Value::Null));
    assert!(c.sandbox.transactions().is_empty());
    assert_eq!(c.sandbox.ledger_total().captured, 0);
    c.confirm(&checkout).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    assert!(c.sandbox.checkout("order-000001", 1_000).is_err());
}

#[tokio::test]
async fn each_change_is_told_twice_and_the_callback_is_flat() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let (checkout, p) = c.account("order-000001", 50_000).await;
    c.sandbox.settle().await;
    let paid = c.sandbox.deposit(&checkout.payment_key).expect("waiting");
    c.sandbox.settle().await;
    assert_eq!((paid.status, paid.approved_at.is_some()), (Status::Done, true));
    let back = c.sandbox.reverse_deposit(&checkout.payment_key).expect("paid");
    c.sandbox.settle().await;
    assert_eq!((back.status, back.approved_at), (Status::WaitingForDeposit, None));
    let bodies = receiver.bodies();
    let (flat, full): (Vec<_>, Vec<_>) = bodies.iter().partition(|body| body["eventType"].is_null());
    let statuses = ["WAITING_FOR_DEPOSIT", "DONE", "WAITING_FOR_DEPOSIT"];
    assert_eq!(flat.iter().map(|body| body["status"].as_str().unwrap_or("")).collect::<Vec<_>>(), statuses);
    assert_eq!(full.iter().map(|b| b["data"]["status"].as_str().unwrap_or("")).collect::<Vec<_>>(), statuses);
    let fields: Vec<&String> = flat[1].as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["createdAt", "orderId", "secret", "status", "transactionKey"]);
    assert_eq!((&flat[1]["secret"], &flat[1]["orderId"]), (&p["secret"], &json!("order-000001")));
    assert_eq!(flat[1]["transactionKey"], json!(paid.last_transaction_key));
    // Both forms of the time occur.
    let offset = |body: &Value| body["createdAt"].as_str().is_some_and(|at| at.ends_with("+09:00"));
    assert_eq!(flat.iter().map(|body| offset(body)).collect::<Vec<_>>(), [false, true, false]);

    let rows = c.sandbox.transactions();
    assert_eq!(rows.iter().map(crate::Transaction::moved).collect::<Vec<_>>(), [50_000, -50_000]);
    assert_eq!(c.sandbox.balance().available, 0);
    assert_eq!((c.sandbox.ledger_total().reversed, c.sandbox.ledger_total().held()), (50_000, 0));
}

#[tokio::test]
async fn one_kind_of_webhook_can_be_registered_alone() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    c.sandbox.webhook_kinds(WebhookKinds { payment_status_changed: false, deposit_callback: true });
    c.account("order-000001", 1_000).await;
    c.paid("order-000002", 1_000).await;
    c.sandbox.settle().await;
    assert!(receiver.bodies().len() == 1 && receiver.bodies()[0]["eventType"].is_null());
    let kinds = json!({ "kinds": { "paymentStatusChanged": true, "depositCallback": false } });
    assert_eq!(send(c.post("/sandbox/webhooks", &kinds)).await.status, 204);
    c.account("order-000003", 1_000).await;
    c.sandbox.settle().await;
    assert_eq!(receiver.bodies().len(), 2);
    assert_eq!(receiver.bodies()[1]["eventType"], "PAYMENT_STATUS_CHANGED");
}

#[tokio::test]
async fn an_unpaid_account_is_cancelled_whole_and_without_another_account() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let key = c.account("order-000001", 10_000).await.0.payment_key;
    let partial = c.cancel(&key, json!({ "cancelReason": "r", "cancelAmount": 1_000 })).await;
    partial.is(403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT");
    c.cancel(&key, refund_to(json!({}))).await.is(400, "INVALID_REQUEST");
    let done = c.cancel(&key, json!({ "cancelReason": "r" })).await;
    assert_eq!((done.status, &done.json["status"]), (200, &json!("CANCELED")));
    assert_eq!(done.json["cancels"][0]["cancelAmount"], 10_000);
    assert!(c.sandbox.transactions().is_empty());
    assert!(c.sandbox.deposit(&key).is_err());
    c.sandbox.settle().await;
    assert_eq!(receiver.bodies().len(), 4);
}

#[tokio::test]
async fn a_paid_account_is_refunded_to_the_account_that_the_cancel_names() {
    let c = Client::start().await;
    let now = chrono::DateTime::parse_from_rfc3339("2026-11-20T10:00:00+09:00").expect("valid");
    c.sandbox.freeze(now.to_utc());
    let key = c.account("order-000001", 10_000).await.0.payment_key;
    c.sandbox.deposit(&key).expect("waiting");
    c.cancel(&key, json!({ "cancelReason": "r" })).await.is(400, "INVALID_REFUND_ACCOUNT_INFO");
    for (pointer, value, code) in [
        ("bank", json!("99"), "INVALID_BANK"),
        ("accountNumber", json!("123-456"), "INVALID_REFUND_ACCOUNT_NUMBER"),
        ("accountNumber", json!("1".repeat(21)), "INVALID_REFUND_ACCOUNT_NUMBER"),
        ("holderName", json!(""), "INVALID_REFUND_ACCOUNT_INFO"),
        ("holderName", Value::Null, "INVALID_REFUND_ACCOUNT_INFO"),
    ] {
        let mut body = refund_to(json!({}));
        body["refundReceiveAccount"][pointer] = value;
        c.cancel(&key, body).await.is(400, code);
    }
    let part = c.cancel(&key, refund_to(json!({ "cancelAmount": 4_000 }))).await.json;
    assert_eq!((&part["status"], &part["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(6_000)));
    let account = &part["virtualAccount"];
    assert_eq!(account["refundReceiveAccount"]["bankCode"], "20");
    assert_eq!(account["refundStatus"], "PENDING");
    // Friday, and two business days later.
    c.sandbox.advance(TimeDelta::days(4));
    let path = format!("/v1/payments/{key}");
    assert_eq!(c.get(&path).await.json["virtualAccount"]["refundStatus"], "COMPLETED");
    assert_eq!(c.sandbox.ledger_total().held(), 6_000);
    assert!(c.sandbox.reverse_deposit(&key).is_err());
    // A card takes no account.
    let card = c.paid("order-000002", 1_000).await.payment_key;
    c.cancel(&card, refund_to(json!({}))).await.is(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_due_date_that_passes_is_told_to_nobody() {
    let c = Client::start().await;
    c.sandbox.freeze(c.sandbox.now());
    let receiver = Receiver::start(&c).await;
    let new = NewCheckout {
        method: Method::VirtualAccount,
        due_hours: Some(24),
        ..NewCheckout::new("order-000001", 1_000)
    };
    let checkout = c.sandbox.checkout_with(new).expect("taken");
    c.confirm(&checkout).await;
    c.sandbox.settle().await;
    c.sandbox.advance(TimeDelta::hours(24));
    assert!(
        c.sandbox.payment(&checkout.payment_key).is_some_and(|p| !p.virtual_account.expect("one").expired)
    );
    c.sandbox.advance(TimeDelta::seconds(1));
    c.sandbox.settle().await;
    let p = c.get(&format!("/v1/payments/{}", checkout.payment_key)).await.json;
    assert_eq!(
        (&p["status"], &p["virtualAccount"]["expired"]),
        (&json!("WAITING_FOR_DEPOSIT"), &json!(true))
    );
    assert!(c.sandbox.deposit(&checkout.payment_key).is_err());
    assert_eq!(receiver.bodies().len(), 2);
    assert_eq!(c.cancel(&checkout.payment_key, json!({ "cancelReason": "r" })).await.status, 200);
}

#[tokio::test]
async fn deposits_are_commanded_over_http_and_by_button() {
    let c = Client::start().await;
    let key = c.account("order-000001", 1_000).await.0.payment_key;
    let ask = |body: Value| send(c.post("/sandbox/deposits", &body));
    assert_eq!(ask(json!({ "paymentKey": key })).await.json["status"], "DONE");
    assert_eq!(ask(json!({ "paymentKey": key })).await.status, 409);
    assert_eq!(
        ask(json!({ "paymentKey": key, "reverse": true })).await.json["status"],
        "WAITING_FOR_DEPOSIT"
    );
    let page = c.get("/").await.text;
    assert!(page.contains(r#"value="deposit""#) && page.contains(&key));
    let form = [("act", "deposit"), ("id", &*key)];
    let pressed = send(c.http.post(format!("{}/act", c.sandbox.url())).form(&form)).await;
    assert_eq!(pressed.status, 303);
    assert_eq!(c.sandbox.payment(&key).map(|p| p.status), Some(Status::Done));
    let again = send(c.http.post(format!("{}/act", c.sandbox.url())).form(&form)).await;
    assert_eq!(again.status, 409);
}

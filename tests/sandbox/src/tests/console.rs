use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Client, Receiver, send};
use crate::{Endpoint, Method, NewCheckout, SellerStatus, Status};

#[tokio::test]
async fn staff_cancel_in_the_console_and_a_webhook_tells_of_it() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let key = c.paid("order-000001", 10_000).await.payment_key;
    let part = c.sandbox.cancel_in_console(&key, Some(3_000), "전화 요청").expect("paid");
    assert_eq!((part.status, part.balance_amount), (Status::PartialCanceled, 7_000));
    c.sandbox.settle().await;
    let rest = c.sandbox.cancel_in_console(&key, None, "전화 요청").expect("paid");
    assert_eq!((rest.status, rest.balance_amount), (Status::PartialCanceled, 0));
    assert!(c.sandbox.cancel_in_console(&key, None, "again").is_err());
    assert!(c.sandbox.cancel_in_console("nothing", None, "r").is_err());
    c.sandbox.settle().await;
    assert_eq!(receiver.statuses(), ["DONE", "PARTIAL_CANCELED", "PARTIAL_CANCELED"]);
    assert!(c.sandbox.calls_to(Endpoint::Cancel).is_empty());
    assert_eq!((c.sandbox.ledger_total().captured, c.sandbox.ledger_total().cancelled), (10_000, 10_000));

    let other = c.paid("order-000002", 1_000).await.payment_key;
    let body = json!({ "paymentKey": other });
    assert_eq!(send(c.post("/sandbox/console/cancel", &body)).await.json["status"], "CANCELED");
    assert_eq!(send(c.post("/sandbox/console/cancel", &body)).await.status, 409);
}

#[tokio::test]
async fn the_console_asks_staff_for_the_account_of_a_refund() {
    let c = Client::start().await;
    let new = NewCheckout { method: Method::VirtualAccount, ..NewCheckout::new("order-000001", 1_000) };
    let checkout = c.sandbox.checkout_with(new).expect("taken");
    c.confirm(&checkout).await;
    c.sandbox.deposit(&checkout.payment_key).expect("waiting");
    let payment = c.sandbox.cancel_in_console(&checkout.payment_key, None, "r").expect("paid");
    let account = payment.virtual_account.expect("one");
    assert!(account.refund_receive_account.is_some() && account.refund_status == "PENDING");
}

#[tokio::test]
async fn an_open_window_expires_after_thirty_minutes() {
    let c = Client::start().await;
    c.sandbox.freeze(c.sandbox.now());
    let receiver = Receiver::start(&c).await;
    let left = c.sandbox.open_window("order-000001", 1_000).expect("a window");
    let used = c.sandbox.open_window("order-000002", 1_000).expect("a window");
    assert_eq!(c.sandbox.payment(&left.payment_key).map(|p| p.status), Some(Status::Ready));
    c.confirm(&left).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
    c.sandbox.advance(TimeDelta::minutes(29));
    let used = c.sandbox.authenticate_window(&used.payment_key).expect("still open");
    c.sandbox.advance(TimeDelta::minutes(1) + TimeDelta::seconds(1));
    assert!(c.sandbox.authenticate_window(&left.payment_key).is_err());
    c.sandbox.settle().await;
    assert_eq!(receiver.statuses(), ["EXPIRED"]);
    // Ten minutes from authentication.
    c.sandbox.advance(TimeDelta::minutes(8));
    assert_eq!(c.confirm(&used).await.status, 200);
    let body = json!({ "orderId": "order-000003", "amount": 1_000 });
    let opened = send(c.post("/sandbox/window", &body)).await.json;
    let key = opened["paymentKey"].as_str().expect("a key");
    assert_eq!(c.get(&format!("/v1/payments/{key}")).await.json["status"], "READY");
}

#[tokio::test]
async fn sellers_payouts_and_the_balance_are_commanded_over_http() {
    let c = Client::start().await;
    let ask = |path: &'static str, body: Value| send(c.post(path, &body));
    assert_eq!(
        ask("/sandbox/balance", json!({ "available": 5_000 })).await.json["balance"]["available"],
        5_000
    );
    let seller = c.seller("mentor-0001", SellerStatus::ApprovalRequired).await.id;
    let approved =
        ask("/sandbox/sellers/status", json!({ "seller": "mentor-0001", "status": "APPROVED" })).await;
    assert_eq!(approved.json["status"], "APPROVED");
    for reference in ["payout-1", "payout-2", "payout-3"] {
        let items = json!([super::payouts::express(reference, &seller, 1_000)]);
        assert_eq!(c.pay_out(items).await.status, 200);
    }
    let done = ask("/sandbox/payouts/complete", json!({ "payout": "payout-1" })).await;
    assert_eq!((done.status, &done.json["status"]), (200, &json!("COMPLETED")));
    let failed =
        ask("/sandbox/payouts/fail", json!({ "payout": "payout-2", "code": "NOT_MATCH_PAYEE_NAME" })).await;
    assert_eq!(failed.json["error"]["code"], "NOT_MATCH_PAYEE_NAME");
    assert_eq!(ask("/sandbox/payouts/complete", json!({ "payout": "payout-1" })).await.status, 409);
    assert_eq!(c.get("/sandbox/payouts").await.json.as_array().map(Vec::len), Some(3));
    assert_eq!(c.get("/sandbox/sellers").await.json[0]["refSellerId"], "mentor-0001");
    assert_eq!(c.get("/sandbox/balance").await.json["ledger"]["paidOut"], 1_000);
    let page = c.get("/").await.text;
    assert!(page.contains("payout-3") && page.contains(r#"value="complete""#));
    let settings = json!({ "autoComplete": true, "dedupeRefPayoutId": true, "settlementCycle": 2 });
    assert_eq!(ask("/sandbox/payouts/settings", settings).await.status, 204);
    assert_eq!(c.get("/sandbox/payouts").await.json[2]["status"], "COMPLETED");
}

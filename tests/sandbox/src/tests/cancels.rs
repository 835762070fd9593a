use serde_json::{Value, json};

use super::Client;
use crate::Status;

#[tokio::test]
async fn a_full_cancel_ends_in_canceled_and_only_once() {
    let c = Client::start().await;
    let key = c.paid("order-000001", 11_000).await.payment_key;
    let done = c.cancel(&key, json!({ "cancelReason": "고객 변심" })).await;
    assert_eq!((done.status, &done.json["status"]), (200, &json!("CANCELED")));
    assert_eq!((&done.json["balanceAmount"], &done.json["totalAmount"]), (&json!(0), &json!(11_000)));
    let cancel = &done.json["cancels"][0];
    assert_eq!((&cancel["cancelAmount"], &cancel["refundableAmount"]), (&json!(11_000), &json!(0)));
    assert_eq!(cancel["transactionKey"], done.json["lastTransactionKey"]);
    assert_eq!(cancel["cancelStatus"], "DONE");
    c.cancel(&key, json!({ "cancelReason": "again" })).await.is(400, "ALREADY_CANCELED_PAYMENT");
}

#[tokio::test]
async fn partial_cancels_stay_partial_even_when_nothing_is_left() {
    let c = Client::start().await;
    let key = c.paid("order-000001", 50_000).await.payment_key;
    let ask = |amount: Value| c.cancel(&key, json!({ "cancelReason": "r", "cancelAmount": amount }));
    let part = ask(json!(20_000)).await.json;
    assert_eq!((&part["status"], &part["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(30_000)));
    assert_eq!((&part["suppliedAmount"], &part["vat"]), (&json!(27_273), &json!(2_727)));
    ask(json!(30_001)).await.is(403, "NOT_CANCELABLE_AMOUNT");

    let rest = c.cancel(&key, json!({ "cancelReason": "the rest" })).await.json;
    assert_eq!((&rest["status"], &rest["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(0)));
    assert_eq!(rest["cancels"].as_array().map(Vec::len), Some(2));
    assert_ne!(rest["cancels"][0]["transactionKey"], rest["cancels"][1]["transactionKey"]);
    // Not ALREADY_CANCELED_PAYMENT: that is measured.
    ask(json!(1)).await.is(403, "NOT_CANCELABLE_AMOUNT");
    c.cancel(&key, json!({ "cancelReason": "r" })).await.is(403, "NOT_CANCELABLE_AMOUNT");
}

#[tokio::test]
async fn the_refundable_amount_is_an_optimistic_lock() {
    let c = Client::start().await;
    let key = c.paid("order-000001", 10_000).await.payment_key;
    let ask = |refundable: i64| {
        c.cancel(&key, json!({ "cancelReason": "r", "cancelAmount": 1_000, "refundableAmount": refundable }))
    };
    ask(9_000).await.is(400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
    assert_eq!(c.sandbox.payment(&key).map(|p| p.balance_amount), Some(10_000));
    assert_eq!(ask(10_000).await.status, 200);
    ask(10_000).await.is(400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
    assert_eq!(c.sandbox.payment(&key).map(|p| p.balance_amount), Some(9_000));
}

#[tokio::test]
async fn what_is_not_paid_or_not_asked_properly_is_not_cancelled() {
    let c = Client::start().await;
    let open = c.checkout("order-000001", 1_000).payment_key;
    c.cancel(&open, json!({ "cancelReason": "r" })).await.is(403, "NOT_CANCELABLE_PAYMENT");
    c.cancel("made-up", json!({ "cancelReason": "r" })).await.is(404, "NOT_FOUND_PAYMENT");
    let paid = c.paid("order-000002", 1_000).await.payment_key;
    for bad in [
        json!({}),
        json!({ "cancelReason": "" }),
        json!({ "cancelReason": "가".repeat(201) }),
        json!({ "cancelReason": "r", "cancelAmount": 0 }),
        json!({ "cancelReason": "r", "cancelAmount": -5 }),
        json!({ "cancelReason": "r", "cancelAmount": 1.5 }),
        json!({ "cancelReason": "r", "currency": "USD" }),
        json!({ "cancelReason": "r", "refundReceiveAccount": { "bank": "92" } }),
    ] {
        c.cancel(&paid, bad).await.is(400, "INVALID_REQUEST");
    }
    assert_eq!(c.sandbox.payment(&paid).map(|p| p.status), Some(Status::Done));
}

#[tokio::test]
async fn racing_cancels_never_give_back_more_than_was_paid() {
    let c = Client::start().await;
    let key = c.paid("order-000001", 10_000).await.payment_key;
    let ask = || c.cancel(&key, json!({ "cancelReason": "r", "cancelAmount": 3_000 }));
    let answers = futures_util::future::join_all((0..8).map(|_| ask())).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 3);
    let payment = c.sandbox.payment(&key).expect("known");
    assert_eq!(payment.balance_amount, 1_000);
    assert_eq!(payment.cancels.iter().map(|cancel| cancel.cancel_amount).sum::<i64>(), 9_000);
}

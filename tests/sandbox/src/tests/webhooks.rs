use chrono::TimeDelta;
use serde_json::json;

use super::{Client, Receiver};
use crate::{Effect, Endpoint, Fault, Status, WebhookMode};

#[tokio::test]
async fn every_final_status_is_told() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let key = c.paid("order-000001", 10_000).await.payment_key;
    c.sandbox.settle().await;
    c.cancel(&key, json!({ "cancelReason": "r", "cancelAmount": 1 })).await;
    c.sandbox.settle().await;
    let declined = c.checkout("order-000002", 1_000);
    c.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::decline("REJECT_CARD_COMPANY")));
    c.confirm(&declined).await.is(403, "REJECT_CARD_COMPANY");
    c.sandbox.settle().await;
    c.checkout("order-000003", 1_000);
    c.sandbox.advance(TimeDelta::minutes(11));
    c.sandbox.settle().await;
    assert_eq!(receiver.statuses(), ["DONE", "PARTIAL_CANCELED", "ABORTED", "EXPIRED"]);
    let got = receiver.got.lock().expect("not poisoned").clone();
    assert_eq!(got[0].2["eventType"], "PAYMENT_STATUS_CHANGED");
    assert_eq!(got[0].2["data"]["orderId"], "order-000001");
    assert_eq!(got[0].1, "0");
    let (_, sent_at) = receiver.last("tosspayments-webhook-transmission-time");
    assert!(sent_at.is_some_and(|at| at.ends_with("+09:00")));
    // Payments are told unsigned.
    assert_eq!(receiver.last("tosspayments-webhook-signature").1, None);
}

#[tokio::test]
async fn early_is_before_the_answer_twice_is_two_late_is_held_none_is_none() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    c.sandbox.webhooks(WebhookMode::Early);
    c.paid("order-early", 1_000).await;
    assert_eq!(receiver.statuses(), ["DONE"]);

    c.sandbox.webhooks(WebhookMode::Twice);
    c.paid("order-twice", 1_000).await;
    c.sandbox.settle().await;
    let got = receiver.got.lock().expect("not poisoned").clone();
    assert_eq!(got.len(), 3);
    assert_eq!(got[1].0, got[2].0);
    assert_ne!(got[0].0, got[1].0);

    c.sandbox.webhooks(WebhookMode::None);
    c.paid("order-none", 1_000).await;
    c.sandbox.webhooks(WebhookMode::Late);
    c.paid("order-late", 1_000).await;
    c.sandbox.settle().await;
    assert_eq!(receiver.statuses().len(), 3);
    assert_eq!(c.sandbox.release_webhooks().await, 1);
    let last = receiver.got.lock().expect("not poisoned").last().cloned().expect("delivered");
    assert_eq!(last.2["data"]["orderId"], "order-late");
    assert_eq!(c.sandbox.release_webhooks().await, 0);
}

#[tokio::test]
async fn an_unanswered_webhook_is_tried_again_by_the_clock() {
    let c = Client::start().await;
    c.sandbox.freeze(c.sandbox.now());
    let receiver = Receiver::start(&c).await;
    *receiver.answer.lock().expect("not poisoned") = Some(500);
    c.paid("order-000001", 1_000).await;
    c.sandbox.settle().await;
    c.sandbox.advance(TimeDelta::seconds(59));
    c.sandbox.settle().await;
    assert_eq!(receiver.statuses().len(), 1);
    c.sandbox.advance(TimeDelta::seconds(1));
    c.sandbox.settle().await;
    *receiver.answer.lock().expect("not poisoned") = Some(200);
    c.sandbox.advance(TimeDelta::minutes(4));
    c.sandbox.settle().await;
    c.sandbox.advance(TimeDelta::days(5));
    c.sandbox.settle().await;
    let got = receiver.got.lock().expect("not poisoned").clone();
    assert_eq!(got.iter().map(|hook| &*hook.1).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert!(got.iter().all(|hook| hook.0 == got[0].0));
    let answers: Vec<_> = c.sandbox.webhook_deliveries().iter().map(|d| d.status).collect();
    assert_eq!(answers, [Some(500), Some(500), Some(200)]);
}

#[tokio::test]
async fn a_forged_webhook_arrives_and_changes_nothing_here() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let checkout = c.checkout("order-000001", 1_000);
    let forged = c.sandbox.forge_status(&checkout.payment_key, &checkout.order_id, Status::Done, 1_000).await;
    assert_eq!((forged, receiver.statuses()), (Some(200), vec!["DONE".to_owned()]));
    assert_eq!(c.sandbox.payment(&checkout.payment_key).map(|p| p.status), Some(Status::InProgress));
    assert!(c.sandbox.set_webhook_url(Some("ftp://x/".into())).is_err());
}

use std::time::Duration;

use serde_json::json;

use super::payouts::express;
use super::{Client, KEY, secure, send};
use crate::{Effect, Endpoint, Fault};

#[tokio::test]
async fn a_key_replays_the_sealed_bytes_and_pays_once() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let body = json!([express("payout-1", &seller, 1_000)]);
    let ask = || send(c.sealed_with("/v2/payouts", &body).header("idempotency-key", "k"));
    let (first, second) = (ask().await, ask().await);
    assert_eq!((first.status, &first.text), (200, &second.text));
    assert_eq!(c.sandbox.payouts().len(), 1);
    let calls = c.sandbox.calls_to(Endpoint::Payout);
    assert_eq!(calls.iter().map(|call| call.replayed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(calls[0].body[0]["refPayoutId"], "payout-1");
    let long = send(c.sealed_with("/v2/payouts", &body).header("idempotency-key", "k".repeat(301))).await;
    secure::open(long).is_v2(400, "INVALID_IDEMPOTENCY_KEY");
}

#[tokio::test]
async fn a_refusal_is_bound_to_the_key_and_sealed() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let fault = Fault::once(Endpoint::Payout, Effect::decline("COMMON_ERROR")).for_payout("payout-2");
    c.sandbox.fault(fault);
    let ask = |reference: &'static str, key: &'static str| {
        let body = json!([express(reference, &seller, 1_000)]);
        let request = c.sealed_with("/v2/payouts", &body).header("idempotency-key", key);
        async { secure::open(send(request).await) }
    };
    assert_eq!(ask("payout-1", "k1").await.status, 200);
    ask("payout-2", "k2").await.is_v2(500, "COMMON_ERROR");
    ask("payout-2", "k2").await.is_v2(500, "COMMON_ERROR");
    assert_eq!(ask("payout-2", "k3").await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_leaves_a_payout_that_the_list_shows() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    c.sandbox.fault(Fault::once(Endpoint::Payout, Effect::DropBefore));
    c.sandbox.fault(Fault::once(Endpoint::Payout, Effect::DropAfterCommit));
    c.sandbox.fault(Fault::once(Endpoint::Payout, Effect::Hang(Duration::from_millis(20))));
    let ask = |key: &'static str| {
        let body = json!([express("payout-1", &seller, 1_000)]);
        c.sealed_with("/v2/payouts", &body).header("idempotency-key", key).send()
    };
    assert!(ask("k").await.is_err());
    assert!(c.sandbox.payouts().is_empty());
    assert!(ask("k").await.is_err());
    assert_eq!(c.sandbox.payouts().len(), 1);
    assert!(ask("k").await.is_err());
    // The same key finds the first answer.
    assert_eq!(ask("k").await.map(|answer| answer.status().as_u16()).ok(), Some(200));
    assert_eq!(c.get("/v2/payouts").await.json["entityBody"]["items"][0]["refPayoutId"], "payout-1");
    assert_eq!(c.sandbox.payouts().len(), 1);
}

#[tokio::test]
async fn a_running_request_refuses_its_key_and_a_gateway_speaks_html() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    c.sandbox.fault(Fault::once(Endpoint::Payout, Effect::Status(502)));
    c.sandbox.fault(Fault::once(Endpoint::Payout, Effect::Delay(Duration::from_millis(300))));
    let body = json!([express("payout-1", &seller, 1_000)]);
    let ask = || send(c.sealed_with("/v2/payouts", &body).header("idempotency-key", "k"));
    assert_eq!(ask().await.status, 502);
    let again = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ask().await
    };
    let (first, second) = tokio::join!(ask(), again);
    assert_eq!(first.status, 200);
    secure::open(second).is_v2(409, "IDEMPOTENT_REQUEST_PROCESSING");
}

#[tokio::test]
async fn every_new_call_can_fail_and_is_counted_apart() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    assert_eq!(c.pay_out(json!([express("payout-1", &seller, 1_000)])).await.status, 200);
    let id = c.sandbox.payouts()[0].id.clone();
    let reads = [
        (
            Endpoint::Settlements,
            "/v1/settlements?startDate=2026-11-01&endDate=2026-11-30&dateType=soldDate".into(),
        ),
        (Endpoint::Seller, format!("/v2/sellers/{seller}")),
        (Endpoint::PayoutGet, format!("/v2/payouts/{id}")),
        (Endpoint::PayoutList, "/v2/payouts".into()),
        (Endpoint::Balance, "/v2/balances".into()),
    ];
    for (endpoint, path) in reads {
        c.sandbox.clear_calls();
        c.sandbox.fault(Fault::once(endpoint, Effect::decline("FAILED_INTERNAL_SYSTEM_PROCESSING")));
        assert_eq!(c.get(&path).await.status, 500, "{endpoint:?}");
        assert_eq!(c.get(&path).await.status, 200, "{endpoint:?}");
        assert_eq!(c.sandbox.calls_to(endpoint).len(), 2);
    }
    // A fault for registrations alone lets a look at the seller pass.
    c.sandbox.fault(Fault::once(Endpoint::Seller, Effect::DropBefore).for_method("POST"));
    assert_eq!(c.get(&format!("/v2/sellers/{seller}")).await.status, 200);
    assert_eq!(c.sandbox.faults().len(), 1);
    // One for another payout too.
    c.sandbox.clear_faults();
    c.sandbox.fault(Fault::once(Endpoint::PayoutGet, Effect::DropBefore).for_payout("payout-2"));
    assert_eq!(c.get(&format!("/v2/payouts/{id}")).await.status, 200);
    let cancel = format!("{}/v2/payouts/{id}/cancel", c.sandbox.url());
    send(c.http.post(cancel).basic_auth(KEY, Some(""))).await.is_v2(403, "NOT_CANCELABLE_PAYOUT");
    assert_eq!(c.sandbox.calls_to(Endpoint::PayoutCancel).len(), 1);
    assert_eq!(c.sandbox.calls_to(Endpoint::Payout).len(), 0);
    let fault = json!({ "on": "payoutlist", "effect": { "status": 503 }, "match": { "refPayoutId": "x" } });
    assert_eq!(send(c.post("/sandbox/faults", &fault)).await.status, 200);
    c.get("/v2/nothing").await.is_v2(404, "INVALID_REQUEST");
}

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::{Answer, Client, Receiver};
use crate::{PayoutStatus, SellerStatus};

/// A payout of today.
pub(crate) fn express(reference: &str, seller: &str, amount: i64) -> Value {
    json!({
        "refPayoutId": reference,
        "destination": seller,
        "scheduleType": "EXPRESS",
        "amount": { "currency": "KRW", "value": amount },
        "transactionDescription": "멘토링정산",
    })
}

fn scheduled(reference: &str, seller: &str, date: &str) -> Value {
    let mut item = express(reference, seller, 1_000);
    item["scheduleType"] = json!("SCHEDULED");
    item["payoutDate"] = json!(date);
    item
}

impl Client {
    pub(crate) async fn pay_out(&self, items: Value) -> Answer {
        self.sealed("/v2/payouts", &items).await
    }

    /// A Monday morning in Korea, an approved seller, a million won to pay out. Returns the seller's id.
    pub(crate) async fn ready_to_pay(&self) -> String {
        let monday = DateTime::parse_from_rfc3339("2026-11-23T10:00:00+09:00").expect("valid");
        self.sandbox.freeze(monday.to_utc());
        self.sandbox.set_available_balance(1_000_000);
        self.seller("mentor-0001", SellerStatus::Approved).await.id
    }
}

#[tokio::test]
async fn an_express_payout_is_on_its_way_and_then_arrives() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let seller = c.ready_to_pay().await;
    c.sandbox.settle().await;
    let answer =
        c.pay_out(json!([express("payout-1", &seller, 300_000), express("payout-2", &seller, 1)])).await;
    assert_eq!((answer.status, &answer.json["entityType"]), (200, &json!("payout-list")), "{answer:?}");
    let item = &answer.json["entityBody"]["items"][0];
    assert_eq!((&item["status"], &item["payoutDate"]), (&json!("IN_PROGRESS"), &json!("2026-11-23")));
    assert_eq!((&item["amount"]["value"], &item["error"]), (&json!(300_000), &Value::Null));
    assert_eq!((c.sandbox.balance().available, c.sandbox.balance().reserved), (699_999, 300_001));

    let id = item["id"].as_str().expect("an id");
    assert!(id.starts_with("FPA_"));
    let got = c.get(&format!("/v2/payouts/{id}")).await;
    assert!(got.text.contains(r#""value":300000.0"#), "{}", got.text);
    c.get("/v2/payouts/FPA_none").await.is_v2(404, "PAYOUT_NOT_FOUND");
    c.sealed(&format!("/v2/payouts/{id}/cancel"), &json!({})).await.is_v2(403, "NOT_CANCELABLE_PAYOUT");

    c.sandbox.complete_payout("payout-1").expect("under way");
    assert!(c.sandbox.complete_payout("payout-1").is_err());
    c.sandbox.fail_payout("payout-2", "NOT_MATCH_PAYEE_NAME").expect("under way");
    c.sandbox.settle().await;
    let bodies = &receiver.bodies()[1..];
    assert_eq!(
        (&bodies[0]["eventType"], &bodies[0]["entityType"]),
        (&json!("payout.changed"), &json!("payout"))
    );
    assert_eq!(bodies[0]["entityBody"]["status"], "COMPLETED");
    assert_eq!(bodies[1]["entityBody"]["error"]["code"], "NOT_MATCH_PAYEE_NAME");
    assert_eq!((c.sandbox.balance().available, c.sandbox.balance().reserved), (700_000, 0));
    assert_eq!(c.sandbox.ledger_total().paid_out, 300_000);
}

#[tokio::test]
async fn a_scheduled_payout_waits_for_its_business_day_and_can_be_cancelled_before() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    c.sandbox.set_holidays(["2026-11-25".parse().expect("a date")]);
    for (date, code) in [
        ("2026-11-23", "INVALID_PAYABLE_DATE"),
        ("2027-11-24", "INVALID_PAYABLE_DATE"),
        ("2026-11-28", "NOT_ALLOWED_HOLIDAY"),
        ("2026-11-25", "NOT_ALLOWED_HOLIDAY"),
    ] {
        c.pay_out(json!([scheduled("payout-0", &seller, date)])).await.is_v2(400, code);
    }
    let both =
        json!([scheduled("payout-1", &seller, "2026-11-24"), scheduled("payout-2", &seller, "2026-11-26")]);
    let items = c.pay_out(both).await.json["entityBody"]["items"].clone();
    assert_eq!((&items[0]["status"], &items[1]["status"]), (&json!("REQUESTED"), &json!("REQUESTED")));
    assert!(c.sandbox.complete_payout("payout-1").is_err());
    c.sandbox.advance(TimeDelta::hours(14));
    let statuses: Vec<_> = c.sandbox.payouts().iter().map(|payout| payout.status).collect();
    assert_eq!(statuses, [PayoutStatus::InProgress, PayoutStatus::Requested]);
    // A cancel has no body and is not encrypted.
    let path = format!("/v2/payouts/{}/cancel", items[1]["id"].as_str().expect("an id"));
    let url = format!("{}{path}", c.sandbox.url());
    let cancelled = super::send(c.http.post(url).basic_auth(super::KEY, Some(""))).await;
    assert_eq!(cancelled.json["entityBody"]["status"], "CANCELED", "{cancelled:?}");
    assert_eq!(c.sandbox.balance().reserved, 1_000);
}

#[tokio::test]
async fn a_bad_item_refuses_the_whole_request() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let good = express("payout-1", &seller, 1_000);
    let change = |pointer: &str, value: Value| {
        let mut item = good.clone();
        *item.pointer_mut(pointer).expect("it is there") = value;
        json!([good, item])
    };
    for bad in [
        good.clone(),
        json!([]),
        json!(vec![good.clone(); 101]),
        change("/transactionDescription", json!("여덟글자는길다네")),
        change("/amount/value", json!(0)),
        change("/amount/value", json!(1_000.5)),
        change("/amount/value", json!(1_000_000_000)),
        change("/amount/currency", json!("USD")),
        change("/refPayoutId", json!("r".repeat(51))),
        change("/scheduleType", json!("SCHEDULED")),
        change("/scheduleType", json!("LATER")),
    ] {
        c.pay_out(bad).await.is_v2(400, "INVALID_REQUEST");
    }
    c.pay_out(change("/destination", json!("nobody"))).await.is_v2(404, "SELLER_NOT_FOUND");
    assert!(c.sandbox.payouts().is_empty());
}

#[tokio::test]
async fn nobody_is_paid_unapproved_or_from_an_empty_balance() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let many = json!([express("payout-1", &seller, 600_000), express("payout-2", &seller, 400_001)]);
    c.pay_out(many).await.is_v2(400, "NOT_ENOUGH_AMOUNT");
    for status in [SellerStatus::ApprovalRequired, SellerStatus::KycRequired] {
        c.sandbox.set_seller_status("mentor-0001", status).expect("known");
        let refused = c.pay_out(json!([express("payout-1", &seller, 1)])).await;
        refused.is_v2(403, "FORBIDDEN_SELLER_PAYOUT");
    }
    assert!(c.sandbox.payouts().is_empty());
}

#[tokio::test]
async fn ten_million_won_a_week_and_then_the_review() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let seller = c.ready_to_pay().await;
    c.sandbox.set_available_balance(100_000_000);
    c.sandbox.set_seller_status("mentor-0001", SellerStatus::PartiallyApproved).expect("known");
    assert_eq!(c.pay_out(json!([express("payout-1", &seller, 10_000_000)])).await.status, 200);
    // A failed one does not count.
    c.sandbox.fail_payout("payout-1", "ACCOUNT_OWNER_CHECK_FAILED").expect("under way");
    assert_eq!(c.pay_out(json!([express("payout-2", &seller, 9_999_999)])).await.status, 200);
    c.sandbox.advance(TimeDelta::days(7));
    let two = json!([express("payout-3", &seller, 9_999_999), express("payout-4", &seller, 1)]);
    assert_eq!(c.pay_out(two).await.status, 200);
    c.sandbox.settle().await;
    let before = receiver.bodies().len();
    c.pay_out(json!([express("payout-5", &seller, 1)])).await.is_v2(403, "FORBIDDEN_SELLER_PAYOUT");
    c.sandbox.settle().await;
    assert_eq!(c.sandbox.seller(&seller).map(|s| s.status), Some(SellerStatus::KycRequired));
    let told = receiver.bodies().split_off(before);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["entityBody"]["status"], "KYC_REQUIRED");
}

#[tokio::test]
async fn a_second_payout_under_one_reference_pays_twice_unless_refused() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let ask = || c.pay_out(json!([express("payout-1", &seller, 1_000)]));
    assert_eq!((ask().await.status, ask().await.status), (200, 200));
    assert_eq!(c.sandbox.payouts_of("payout-1").len(), 2);
    c.sandbox.dedupe_ref_payout_id(true);
    ask().await.is_v2(400, "DUPLICATED_REF_PAYOUT_ID");
    let same = json!([express("payout-2", &seller, 1), express("payout-2", &seller, 1)]);
    c.pay_out(same).await.is_v2(400, "DUPLICATED_REF_PAYOUT_ID");
    assert_eq!(c.sandbox.payouts().len(), 2);
}

#[tokio::test]
async fn express_hours_are_kept_when_commanded() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let ask = || c.pay_out(json!([express("payout-1", &seller, 1)]));
    c.sandbox.enforce_payout_hours(true);
    assert_eq!(ask().await.status, 200);
    c.sandbox.advance(TimeDelta::hours(5));
    ask().await.is_v2(400, "INVALID_PAYABLE_DATE");
    c.sandbox.advance(TimeDelta::hours(19) + TimeDelta::days(4));
    ask().await.is_v2(400, "NOT_ALLOWED_HOLIDAY");
    c.sandbox.enforce_payout_hours(false);
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn payouts_arrive_by_themselves_when_commanded() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let seller = c.ready_to_pay().await;
    c.sandbox.auto_complete_payouts(true);
    let answer = c.pay_out(json!([express("payout-1", &seller, 1_000)])).await;
    assert_eq!(answer.json["entityBody"]["items"][0]["status"], "IN_PROGRESS");
    c.sandbox.settle().await;
    assert_eq!(
        receiver.bodies().last().map(|body| body["entityBody"]["status"].clone()),
        Some(json!("COMPLETED"))
    );
    assert_eq!(c.sandbox.payouts()[0].status, PayoutStatus::Completed);
}

#[tokio::test]
async fn payouts_are_listed_by_pages_and_dates() {
    let c = Client::start().await;
    let seller = c.ready_to_pay().await;
    let items = json!([
        express("payout-1", &seller, 1),
        scheduled("payout-2", &seller, "2026-11-24"),
        scheduled("payout-3", &seller, "2026-11-26"),
    ]);
    assert_eq!(c.pay_out(items).await.status, 200);
    let list = |query: String| {
        let path = format!("/v2/payouts?{query}");
        async { c.get(&{ path }).await.json["entityBody"].clone() }
    };
    let references = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items").iter();
        items.map(|item| item["refPayoutId"].as_str().expect("text").to_owned()).collect()
    };
    let first = list("limit=2".into()).await;
    assert_eq!(
        (references(&first), &first["hasNext"]),
        (vec!["payout-1".into(), "payout-2".into()], &json!(true))
    );
    let cursor = first["lastCursor"].as_str().expect("a cursor");
    assert_eq!(references(&list(format!("limit=2&startingAfter={cursor}")).await), ["payout-3"]);
    let dated = list("payoutDateGte=2026-11-24&payoutDateLte=2026-11-25".into()).await;
    assert_eq!(references(&dated), ["payout-2"]);
    let none = list("payoutDateGte=2027-01-01".into()).await;
    assert_eq!((&none["items"], &none["lastCursor"]), (&json!([]), &Value::Null));
    c.get("/v2/payouts?payoutDateGte=tomorrow").await.is_v2(400, "INVALID_REQUEST");
}

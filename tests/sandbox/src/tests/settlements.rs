use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Client;
use crate::{LedgerTotals, Method, NewCheckout, SellerStatus};

impl Client {
    async fn settled(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/v1/settlements?{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json.as_array().cloned().expect("a list")
    }
}

fn friday(c: &Client) {
    let at = chrono::DateTime::parse_from_rfc3339("2026-11-20T10:00:00+09:00").expect("valid");
    c.sandbox.freeze(at.to_utc());
}

#[tokio::test]
async fn every_transaction_is_settled_less_its_fee_after_the_cycle() {
    let c = Client::start().await;
    friday(&c);
    let key = c.paid("order-000001", 50_000).await.payment_key;
    c.cancel(&key, json!({ "cancelReason": "r", "cancelAmount": 10_000 })).await;
    let new = NewCheckout { method: Method::VirtualAccount, ..NewCheckout::new("order-000002", 20_000) };
    let account = c.sandbox.checkout_with(new).expect("taken");
    c.confirm(&account).await;
    c.sandbox.deposit(&account.payment_key).expect("waiting");

    let rows = c.settled("startDate=2026-11-20&endDate=2026-11-20&dateType=soldDate").await;
    assert_eq!(rows.len(), 3);
    let sale = &rows[0];
    assert_eq!(
        (&sale["fee"], &sale["supplyAmount"], &sale["vat"]),
        (&json!(1_650), &json!(1_500), &json!(150))
    );
    assert_eq!(sale["fees"], json!([{ "type": "BASE", "fee": 1_650 }]));
    assert_eq!((&sale["payOutAmount"], &sale["method"]), (&json!(48_350), &json!("카드")));
    assert_eq!((&sale["soldDate"], &sale["paidOutDate"]), (&json!("2026-11-20"), &json!("2026-11-24")));
    assert!(sale["cancel"].is_null() && sale["card"].is_object());
    let cancel = &rows[1];
    assert_eq!((&cancel["amount"], &cancel["fee"]), (&json!(-10_000), &json!(-330)));
    assert_eq!(cancel["cancel"]["transactionKey"], cancel["transactionKey"]);
    assert_eq!((&rows[2]["fee"], &rows[2]["payOutAmount"]), (&json!(440), &json!(19_560)));

    let paid = |date: &'static str| c.settled_on(date);
    assert_eq!(paid("2026-11-24").await, 3);
    assert_eq!(paid("2026-11-20").await, 0);
    c.sandbox.set_settlement_cycle(Some(1));
    assert_eq!(paid("2026-11-23").await, 3);
    let page = c.settled("startDate=2026-11-20&endDate=2026-11-20&dateType=soldDate&page=2&size=2").await;
    assert_eq!(page, [rows_with_date(&rows[2], "2026-11-23")]);
}

fn rows_with_date(row: &Value, paid_out: &str) -> Value {
    let mut row = row.clone();
    row["paidOutDate"] = json!(paid_out);
    row
}

impl Client {
    async fn settled_on(&self, date: &str) -> usize {
        self.settled(&format!("startDate={date}&endDate={date}&dateType=paidOutDate")).await.len()
    }
}

#[tokio::test]
async fn a_wrong_query_is_refused() {
    let c = Client::start().await;
    for bad in [
        "startDate=2026-11-20&endDate=2026-11-20",
        "startDate=2026-11-20&endDate=2026-11-20&dateType=SOLD",
        "startDate=2026-11-20&endDate=2026-11-19&dateType=soldDate",
        "startDate=x&endDate=2026-11-19&dateType=soldDate",
        "startDate=2026-11-20&endDate=2026-11-20&dateType=soldDate&page=0",
        "startDate=2026-11-20&endDate=2026-11-20&dateType=soldDate&size=5001",
    ] {
        c.get(&format!("/v1/settlements?{bad}")).await.is(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn sales_can_be_paid_out_when_the_cycle_has_passed() {
    let c = Client::start().await;
    friday(&c);
    c.paid("order-000001", 10_000).await;
    assert_eq!((c.sandbox.balance().available, c.sandbox.balance().pending), (10_000, 0));
    c.sandbox.set_settlement_cycle(Some(2));
    assert_eq!((c.sandbox.balance().available, c.sandbox.balance().pending), (0, 10_000));
    let answer = c.get("/v2/balances").await;
    assert_eq!(answer.json["entityBody"]["pendingAmount"], json!({ "currency": "KRW", "value": 10_000 }));
    assert!(answer.text.contains(r#""value":0.0"#), "{}", answer.text);
    let seller = c.seller("mentor-0001", SellerStatus::Approved).await.id;
    let ask = || c.pay_out(json!([super::payouts::express("payout-1", &seller, 10_000)]));
    ask().await.is_v2(400, "NOT_ENOUGH_AMOUNT");
    c.sandbox.advance(TimeDelta::days(4));
    assert_eq!(ask().await.status, 200);
    c.sandbox.complete_payout("payout-1").expect("under way");
    // The sale is cancelled after its money was paid out.
    let key = c.sandbox.payments()[0].payment_key.clone();
    assert_eq!(c.cancel(&key, json!({ "cancelReason": "r" })).await.status, 200);
    c.sandbox.advance(TimeDelta::days(7));
    assert_eq!(c.sandbox.balance().available, -10_000);
    let totals =
        LedgerTotals { captured: 10_000, cancelled: 10_000, paid_out: 10_000, ..LedgerTotals::default() };
    assert_eq!((c.sandbox.ledger_total(), totals.held()), (totals, -10_000));
}

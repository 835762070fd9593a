use chrono::{NaiveDate, NaiveDateTime};

use super::*;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

fn midnight(of: u32) -> NaiveDateTime {
    day(of).and_hms_opt(0, 0, 0).unwrap()
}

fn row(key: &str, status: &str, amount: Value) -> Value {
    json!({
        "mId": "tosspayments", "transactionKey": key, "paymentKey": "pay_1", "orderId": "order-1", "method": "카드",
        "customerKey": "c", "useEscrow": false, "receiptUrl": "https://a.example/r", "status": status,
        "transactionAt": "2026-03-02T10:00:00+09:00", "currency": "KRW", "amount": amount
    })
}

fn settlement() -> Value {
    json!({
        "mId": "tosspayments", "paymentKey": "pay_1", "transactionKey": "t1", "orderId": "order-1",
        "currency": "KRW", "method": "카드", "amount": 30000, "interestFee": 0,
        "fees": [{"type": "BASE", "fee": 1000}, {"type": "ETC", "fee": 20.0}], "suppliedAmount": 927, "vat": 93,
        "payOutAmount": 28980, "approvedAt": "2026-03-02T10:00:00+09:00", "soldDate": "2026-03-02",
        "paidOutDate": "2026-03-05", "card": {"issuerCode": "71"}, "cancel": null
    })
}

/// A client of a server that gives every request the same answer.
fn answered(status: u16, body: &Value) -> (TossClient, stub::Seen) {
    let body = body.to_string();
    let (url, seen) = stub::http(move |_| (status, "", body.clone()));
    (TossClient::new(&url, SecretString::from("test_sk_abc")).unwrap(), seen)
}

#[tokio::test]
async fn transactions_are_listed_whatever_the_sign_of_a_cancel() {
    let rows = json!([
        row("t1", "DONE", json!(30000)),
        row("t2", "PARTIAL_CANCELED", json!(-10000)),
        row("t3", "CANCELED", json!(20000.0)),
        row("t4", "HALF_DONE", json!(5)),
    ]);
    let (toss, seen) = answered(200, &rows);
    let found = toss.transactions(midnight(2), midnight(3), None, 100).await.unwrap();
    let read: Vec<_> = found.iter().map(|t| (t.transaction_key.as_str(), t.is_cancel(), t.moved())).collect();
    assert_eq!(
        read,
        [
            ("t1", false, Krw(30_000)),
            ("t2", true, Krw(10_000)),
            ("t3", true, Krw(20_000)),
            ("t4", false, Krw(5))
        ]
    );
    assert_eq!(found[1].amount, -10_000);
    assert_eq!(found[0].transaction_at, parse_time("2026-03-02T10:00:00+09:00"));
    assert_eq!((found[0].m_id.as_deref(), found[0].currency.as_deref()), (Some("tosspayments"), Some("KRW")));
    assert_eq!(found[3].status, Status::Other("HALF_DONE".to_owned()));
    toss.transactions(midnight(2), midnight(3), Some("t4"), 5000).await.unwrap();
    let seen = seen.lock().unwrap();
    let path = "/v1/transactions?startDate=2026-03-02T00%3A00%3A00&endDate=2026-03-03T00%3A00%3A00";
    assert!(seen[0].starts_with(&format!("GET {path}&limit=100 HTTP/1.1\r\n")), "{}", seen[0]);
    assert!(seen[1].starts_with(&format!("GET {path}&limit=5000&startingAfter=t4 ")), "{}", seen[1]);
    assert!(seen[0].contains("authorization: Basic dGVzdF9za19hYmM6\r\n"));
}

#[tokio::test]
async fn settlements_are_listed_with_their_fees() {
    let mut back = settlement();
    back["cancel"] = json!({"transactionKey": "t2", "cancelAmount": 10000});
    back["amount"] = json!(-10000);
    let (toss, seen) = answered(200, &json!([settlement(), back]));
    let found = toss.settlements(day(2), day(8), DateType::Sold, 1, 100).await.unwrap();
    assert_eq!((found[0].amount, found[0].fee(), found[0].payout_amount), (30_000, 1_020, 28_980));
    assert_eq!((found[0].sold_date, found[0].paid_out_date), (day(2), day(5)));
    assert_eq!(found[0].fees[1].kind, "ETC");
    assert!(!found[0].is_cancel() && found[1].is_cancel() && found[1].amount == -10_000);
    toss.settlements(day(2), day(8), DateType::PaidOut, 2, 5000).await.unwrap();
    let seen = seen.lock().unwrap();
    let path = "/v1/settlements?startDate=2026-03-02&endDate=2026-03-08";
    assert!(seen[0].starts_with(&format!("GET {path}&dateType=soldDate&page=1&size=100 ")), "{}", seen[0]);
    assert!(
        seen[1].starts_with(&format!("GET {path}&dateType=paidOutDate&page=2&size=5000 ")),
        "{}",
        seen[1]
    );
}

#[tokio::test]
async fn a_list_with_a_broken_row_is_no_list() {
    for rows in [
        json!([row("t1", "DONE", json!(1)), row("t2", "DONE", json!(0.5))]),
        json!([row("t1", "DONE", json!(null))]),
        json!([{"transactionKey": "t1"}]),
        json!({"items": []}),
        json!(null),
    ] {
        let (toss, _) = answered(200, &rows);
        let error = toss.transactions(midnight(2), midnight(3), None, 100).await.unwrap_err();
        assert!(matches!(error, TossError::NoAnswer(_)), "{rows}: {error}");
    }
    let mut undated = settlement();
    undated["soldDate"] = json!(null);
    let (toss, _) = answered(200, &json!([undated]));
    let error = toss.settlements(day(2), day(8), DateType::Sold, 1, 100).await.unwrap_err();
    assert!(matches!(error, TossError::NoAnswer(_)), "{error}");
}

#[tokio::test]
async fn a_refused_list_is_read_again_unless_we_are_at_fault() {
    let refused = |code: &str| json!({"code": code, "message": "m"});
    let (toss, _) = answered(500, &refused("COMMON_ERROR"));
    let error = toss.transactions(midnight(2), midnight(3), None, 100).await.unwrap_err();
    assert_eq!(error.class(), Class::LookUp);
    for code in ["EXCEED_MAX_QUERY_LIMIT", "INVALID_REQUEST", "UNAUTHORIZED_KEY"] {
        let (toss, _) = answered(400, &refused(code));
        let error = toss.settlements(day(2), day(8), DateType::Sold, 1, 100).await.unwrap_err();
        assert_eq!((error.code(), error.class()), (Some(code), Class::Stop));
    }
}

#[tokio::test]
async fn lists_that_make_no_sense_are_not_asked_for() {
    let toss = TossClient::new("http://127.0.0.1:9", SecretString::from("test_sk_abc")).unwrap();
    for error in [
        toss.transactions(midnight(3), midnight(2), None, 100).await.unwrap_err(),
        toss.transactions(midnight(2), midnight(3), None, 0).await.unwrap_err(),
        toss.transactions(midnight(2), midnight(3), None, 5001).await.unwrap_err(),
        toss.transactions(midnight(2), midnight(3), Some("a b"), 100).await.unwrap_err(),
        toss.settlements(day(3), day(2), DateType::Sold, 1, 100).await.unwrap_err(),
        toss.settlements(day(2), day(3), DateType::Sold, 0, 100).await.unwrap_err(),
        toss.settlements(day(2), day(3), DateType::Sold, 1, 5001).await.unwrap_err(),
    ] {
        assert!(matches!(error, TossError::NotSent(_)), "{error}");
    }
}

/// A page of the provider's longest is larger than any single payment.
#[tokio::test]
async fn a_long_page_is_read_whole() {
    let rows: Vec<Value> = (0..5000).map(|n| row(&format!("{n:032}"), "DONE", json!(n))).collect();
    let (toss, _) = answered(200, &json!(rows));
    let found = toss.transactions(midnight(2), midnight(3), None, 5000).await.unwrap();
    assert_eq!(found.len(), 5000);
    assert_eq!(found[4999].amount, 4999);
}

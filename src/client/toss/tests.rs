use serde_json::{Value, json};

use super::*;
use crate::client::stub;
use crate::money::Krw;

mod errors;
mod lists;
mod payouts;
mod sellers;
mod signature;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, headers: Default::default(), body: body.as_bytes().to_vec() }
}

/// The shape of the provider's published example, version 2022-11-16.
fn full() -> Value {
    json!({
        "mId": "tosspayments", "lastTransactionKey": "9C62B18EEF0DE3EB7F4422EB6D14BC6E",
        "paymentKey": "5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1", "orderId": "a4CWyWY5m89PNh7xJwhk1",
        "orderName": "토스 티셔츠 외 2건", "taxExemptionAmount": 0, "status": "PARTIAL_CANCELED",
        "requestedAt": "2024-02-13T12:17:57+09:00", "approvedAt": "2024-02-13T12:18:14+09:00",
        "useEscrow": false, "cultureExpense": false,
        "card": {
            "issuerCode": "71", "acquirerCode": "71", "number": "12345678****000*",
            "installmentPlanMonths": 0, "isInterestFree": false, "interestPayer": null,
            "approveNo": "00000000", "useCardPoint": false, "cardType": "신용", "ownerType": "개인",
            "acquireStatus": "READY", "receiptUrl": "https://a.example/r", "amount": 1000
        },
        "virtualAccount": null, "transfer": null, "mobilePhone": null, "giftCertificate": null,
        "cashReceipt": null, "cashReceipts": null, "discount": null,
        "cancels": [{
            "transactionKey": "090A796806E726BBB929F4A2CA7DB9A7", "cancelReason": "테스트 결제 취소",
            "taxExemptionAmount": 0, "canceledAt": "2024-02-13T12:20:23+09:00", "cardDiscountAmount": 0,
            "transferDiscountAmount": 0, "easyPayDiscountAmount": 0, "receiptKey": null,
            "cancelStatus": "DONE", "cancelRequestId": null, "cancelAmount": 400, "taxFreeAmount": 0,
            "refundableAmount": 600
        }],
        "secret": "ps_secret_value", "type": "NORMAL",
        "easyPay": {"provider": "토스페이", "amount": 0, "discountAmount": 0},
        "country": "KR", "failure": null, "isPartialCancelable": true,
        "receipt": {"url": "https://dashboard.tosspayments.com/receipt"},
        "checkout": {"url": "https://api.tosspayments.com/v1/payments/x/checkout"},
        "currency": "KRW", "totalAmount": 1000, "balanceAmount": 600, "suppliedAmount": 909, "vat": 91,
        "taxFreeAmount": 0, "metadata": null, "method": "카드", "version": "2022-11-16"
    })
}

#[test]
fn a_full_payment_is_read() {
    let payment = Payment::from_json(full()).unwrap();
    assert_eq!(payment.status, Status::PartialCanceled);
    assert_eq!((payment.total_amount, payment.balance_amount), (Krw(1000), Krw(600)));
    assert_eq!(payment.approved_at.unwrap().to_rfc3339(), "2024-02-13T03:18:14+00:00");
    assert_eq!(payment.m_id.as_deref(), Some("tosspayments"));
    assert_eq!(payment.method.as_deref(), Some("카드"));
    assert_eq!(payment.card.as_ref().unwrap().issuer_code.as_deref(), Some("71"));
    assert_eq!(payment.easy_pay_provider.as_deref(), Some("토스페이"));
    assert_eq!(payment.receipt_url.as_deref(), Some("https://dashboard.tosspayments.com/receipt"));
    assert_eq!(payment.is_partial_cancelable, Some(true));
    assert_eq!(payment.cancels[0].cancel_amount, Krw(400));
    assert_eq!(payment.cancels[0].refundable_amount, Some(Krw(600)));
    assert_eq!(payment.cancels[0].transaction_key, "090A796806E726BBB929F4A2CA7DB9A7");
    assert_eq!(payment.cancels[0].cancel_status, CancelStatus::Done);
    assert!(payment.failure.is_none() && !payment.is_fully_refunded());
    let order = payment.order_id.clone();
    let key = payment.payment_key.clone();
    assert_eq!(payment.mismatch(&key, &order, Krw(1000), None), None);
    assert_eq!(payment.mismatch(&key, &order, Krw(999), None), Some("totalAmount"));
    assert_eq!(payment.mismatch(&key, "another", Krw(1000), None), Some("orderId"));
    assert_eq!(payment.mismatch(&key, &order, Krw(1000), Some("tosspayments")), None);
    assert_eq!(payment.mismatch(&key, &order, Krw(1000), Some("elsewhere")), Some("mId"));
}

#[test]
fn the_secret_stands_in_no_evidence_and_no_log() {
    let payment = Payment::from_json(full()).unwrap();
    assert_eq!(payment.secret.as_ref().unwrap().expose_secret(), "ps_secret_value");
    assert!(!payment.raw.to_string().contains("ps_secret_value"));
    assert!(!format!("{payment:?}").contains("ps_secret_value"));
    assert_eq!(payment.raw["orderName"], "토스 티셔츠 외 2건");
}

#[test]
fn a_virtual_account_is_read_and_not_shown() {
    let mut body = full();
    body["status"] = json!("WAITING_FOR_DEPOSIT");
    body["cancels"] = json!(null);
    body["approvedAt"] = json!(null);
    body["virtualAccount"] = json!({
        "accountType": "일반", "accountNumber": "X6505636518308", "bankCode": "20", "customerName": "박토스",
        "depositorName": "", "dueDate": "2024-02-20T21:05:09+09:00", "expired": false,
        "settlementStatus": "INCOMPLETED", "refundStatus": "NONE",
        "refundReceiveAccount": {"bankCode": "20", "accountNumber": "1002345678901", "holderName": "박토스"}
    });
    let payment = Payment::from_json(body.clone()).unwrap();
    let account = payment.virtual_account.as_ref().unwrap();
    assert_eq!(
        (account.account_number.as_str(), account.bank_code.as_deref()),
        ("X6505636518308", Some("20"))
    );
    assert_eq!(account.customer_name.as_deref(), Some("박토스"));
    assert_eq!(account.due_date.unwrap().to_rfc3339(), "2024-02-20T12:05:09+00:00");
    assert!(!account.expired && account.refund_status.as_deref() == Some("NONE"));
    let shown = format!("{account:?}");
    assert!(!shown.contains("X6505636518308") && !shown.contains("박토스"), "{shown}");
    assert!(!payment.raw.to_string().contains("1002345678901"));
    assert_eq!(payment.raw["virtualAccount"]["accountNumber"], "X6505636518308");

    body["virtualAccount"] =
        json!({"accountNumber": "1", "expired": true, "dueDate": "soon", "bankCode": 20});
    let account = Payment::from_json(body).unwrap().virtual_account.unwrap();
    assert!(account.expired && account.due_date.is_none() && account.bank_code.is_none());
}

#[test]
fn the_approval_has_a_transaction_until_something_is_given_back() {
    let mut body = full();
    assert_eq!(Payment::from_json(body.clone()).unwrap().approval_transaction_key(), None);
    body["cancels"] = json!(null);
    let payment = Payment::from_json(body.clone()).unwrap();
    assert_eq!(payment.approval_transaction_key(), Some("9C62B18EEF0DE3EB7F4422EB6D14BC6E"));
    body["approvedAt"] = json!(null);
    assert_eq!(Payment::from_json(body).unwrap().approval_transaction_key(), None);
}

#[test]
fn unknown_words_fields_and_forms_are_borne() {
    let mut body = full();
    body["status"] = json!("HALF_DONE");
    body["card"] = json!("no longer an object");
    body["cancels"][0]["cancelStatus"] = json!("REVERSED");
    body["approvedAt"] = json!("yesterday");
    body["brandNew"] = json!({"deep": [1, 2.5]});
    let payment = Payment::from_json(body).unwrap();
    assert_eq!(payment.status, Status::Other("HALF_DONE".to_owned()));
    assert_eq!(payment.cancels[0].cancel_status, CancelStatus::Other("REVERSED".to_owned()));
    assert!(payment.card.is_none() && payment.approved_at.is_none());
    assert_eq!(payment.raw["brandNew"]["deep"][1], 2.5);
}

#[test]
fn an_expired_payment_without_approval_is_read() {
    let body = json!({
        "paymentKey": "k", "orderId": "order-1", "status": "EXPIRED", "totalAmount": 1000, "balanceAmount": 1000,
        "method": null, "useEscrow": null, "lastTransactionKey": null, "cancels": null, "secret": null,
        "failure": {"code": "EXPIRED_PAYMENT", "message": "결제 시간이 만료되었습니다."}
    });
    let payment = Payment::from_json(body).unwrap();
    assert_eq!(payment.status, Status::Expired);
    assert_eq!(payment.failure.unwrap().code, "EXPIRED_PAYMENT");
}

#[test]
fn refunded_in_parts_is_refunded_whatever_the_status_says() {
    let mut body = full();
    body["balanceAmount"] = json!(0);
    assert!(Payment::from_json(body).unwrap().is_fully_refunded());
}

#[test]
fn an_amount_is_whole_won() {
    let with = |amount: Value| {
        let mut body = full();
        body["totalAmount"] = amount;
        Payment::from_json(body).map(|payment| payment.total_amount.0).ok()
    };
    assert_eq!(with(json!(5000)), Some(5000));
    assert_eq!(with(json!(5000.0)), Some(5000));
    for bad in [json!(5000.5), json!(-1), json!("5000"), json!(null), json!(1e300), json!(u64::MAX)] {
        assert_eq!(with(bad.clone()), None, "{bad}");
    }
}

#[test]
fn times_without_an_offset_are_korean() {
    let text = |t| parse_time(t).unwrap().to_rfc3339();
    assert_eq!(text("2022-01-01T00:00:00.000000"), "2021-12-31T15:00:00+00:00");
    assert_eq!(text("2022-01-01T00:00:00.123456789+09:00"), "2021-12-31T15:00:00.123456+00:00");
    assert!(parse_time("2022-01-01").is_none());
}

#[test]
fn an_answer_that_is_not_the_providers_leaves_the_outcome_unknown() {
    let mut fraction = full();
    fraction["balanceAmount"] = json!(0.5);
    for (status, body) in [
        (502, "<html><body>Bad Gateway</body></html>"),
        (403, "<html>blocked</html>"),
        (500, "{}"),
        (429, r#"{"message":"slow down"}"#),
        (400, r#"{"code":7}"#),
        (400, r#"["code"]"#),
        (200, ""),
        (200, r#"{"paymentKey":"k"}"#),
        (200, &fraction.to_string()),
        (302, "{}"),
        (204, "null"),
    ] {
        let error = judge(Call::Confirm, &answer(status, body)).unwrap_err();
        assert!(matches!(error, TossError::NoAnswer(_)), "{status} {body}: {error}");
        assert!(error.class() == Class::LookUp && error.keeps_key() && !error.is_declined());
    }
    assert!(judge(Call::Confirm, &answer(200, &full().to_string())).is_ok());
}

#[test]
fn a_key_is_a_secret_key_and_is_never_shown() {
    let client = |url: &str, key: &str| TossClient::new(url, SecretString::from(key));
    let toss = client("https://api.tosspayments.com", "test_sk_zXLkKEypNArWmo50nX3lmeaxYG5R").unwrap();
    assert_eq!(
        toss.authorization.to_str().unwrap(),
        "Basic dGVzdF9za196WExrS0V5cE5BcldtbzUwblgzbG1lYXhZRzVSOg=="
    );
    let shown = format!("{toss:?} {:?}", toss.authorization);
    assert!(!shown.contains("dGVzd") && !shown.contains("test_sk"), "{shown}");
    for bad in ["", "test_sk_", "test_ck_abc", "\u{feff}test_sk_abc", "test_sk_abc\n", "test_sk_a:b"] {
        let error = client("https://api.tosspayments.com", bad).unwrap_err().to_string();
        assert!(!error.contains("abc"), "{error}");
    }
    assert!(client("http://127.0.0.1:9", "test_gsk_abc").is_ok());
    assert!(client("http://api.tosspayments.com", "live_sk_abc").is_err());
}

#[test]
fn requests_have_the_providers_names() {
    let confirm =
        ConfirmRequest { payment_key: "k".to_owned(), order_id: "order-1".to_owned(), amount: Krw(30_000) };
    assert_eq!(
        serde_json::to_value(confirm).unwrap(),
        json!({"paymentKey": "k", "orderId": "order-1", "amount": 30000})
    );
    let mut cancel = CancelRequest {
        reason: "r".to_owned(),
        amount: None,
        refundable_amount: None,
        refund_receive_account: None,
    };
    assert_eq!(serde_json::to_value(&cancel).unwrap(), json!({"cancelReason": "r"}));
    cancel.amount = Some(Krw(1));
    cancel.refundable_amount = Some(Krw(2));
    assert_eq!(
        serde_json::to_value(&cancel).unwrap(),
        json!({"cancelReason": "r", "cancelAmount": 1, "refundableAmount": 2})
    );
    cancel.refund_receive_account = Some(account("1002345678901"));
    assert_eq!(
        serde_json::to_value(&cancel).unwrap()["refundReceiveAccount"],
        json!({"bank": "20", "accountNumber": "1002345678901", "holderName": "김토스"})
    );
    let shown = format!("{cancel:?}");
    assert!(!shown.contains("1002345678901") && !shown.contains("김토스"), "{shown}");
}

fn account(number: &str) -> ReceiveAccount {
    ReceiveAccount {
        bank: "20".to_owned(),
        account_number: number.to_owned(),
        holder_name: "김토스".to_owned(),
    }
}

#[test]
fn a_refund_account_is_checked_before_it_is_sent() {
    assert!(account("1").is_whole() && account("12345678901234567890").is_whole());
    for bad in ["", "123456789012345678901", "1002-345", "１２３"] {
        assert!(!account(bad).is_whole(), "{bad}");
    }
    assert!(!ReceiveAccount { holder_name: " ".to_owned(), ..account("1") }.is_whole());
    assert!(!ReceiveAccount { holder_name: "가".repeat(61), ..account("1") }.is_whole());
    assert!(!ReceiveAccount { bank: String::new(), ..account("1") }.is_whole());
}

#[test]
fn ids_are_checked_at_the_door() {
    assert!(is_payment_key("tviva20240213121757MvuS8") && is_payment_key("a/b"));
    assert!(!is_payment_key("") && !is_payment_key("..") && !is_payment_key("a b") && !is_payment_key("한"));
    assert!(!is_payment_key(&"a".repeat(201)));
    assert!(
        is_order_id("order-1") && !is_order_id("ab/../c") && !is_order_id("short") && !is_order_id("a=bcdef")
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    // Nothing listens there: a call that left would end as NoAnswer.
    let toss = TossClient::new("http://127.0.0.1:9", SecretString::from("test_sk_abc")).unwrap();
    let confirm = |order: &str, amount| ConfirmRequest {
        payment_key: "key".to_owned(),
        order_id: order.to_owned(),
        amount: Krw(amount),
    };
    let cancel = CancelRequest {
        reason: String::new(),
        amount: None,
        refundable_amount: None,
        refund_receive_account: None,
    };
    let lost = CancelRequest {
        reason: "r".to_owned(),
        refund_receive_account: Some(account("no digits")),
        ..cancel.clone()
    };
    for error in [
        toss.confirm(confirm("no", 1000), "k").await.unwrap_err(),
        toss.confirm(confirm("order-1", 0), "k").await.unwrap_err(),
        toss.confirm(confirm("order-1", 1000), "").await.unwrap_err(),
        toss.confirm(confirm("order-1", 1000), "a\r\nb").await.unwrap_err(),
        toss.payment("..").await.unwrap_err(),
        toss.cancel("key", cancel, "k").await.unwrap_err(),
        toss.cancel("key", lost, "k").await.unwrap_err(),
    ] {
        assert!(matches!(error, TossError::NotSent(_)), "{error}");
    }
    let unreachable = toss.confirm(confirm("order-1", 1000), "k").await.unwrap_err();
    assert!(matches!(&unreachable, TossError::NoAnswer(text) if !text.contains("http://")), "{unreachable}");
}

#[tokio::test]
async fn calls_go_where_the_provider_expects_them() {
    let (url, seen) = stub::http(|request| {
        if request.starts_with("GET /v1/payments/orders/unknown-order ") {
            let body = r#"{"code":"NOT_FOUND_PAYMENT","message":"존재하지 않는 결제 정보 입니다."}"#;
            return (404, "", body.to_owned());
        }
        (200, "x-tosspayments-trace-id: t1\r\n", full().to_string())
    });
    let toss = TossClient::new(&url, SecretString::from("test_sk_abc")).unwrap();
    let confirm =
        ConfirmRequest { payment_key: "k/1".to_owned(), order_id: "order-1".to_owned(), amount: Krw(1000) };
    let cancel = CancelRequest {
        reason: "취소".to_owned(),
        amount: Some(Krw(400)),
        refundable_amount: None,
        refund_receive_account: None,
    };
    toss.confirm(confirm, "attempt-1").await.unwrap();
    toss.cancel("k/1", cancel, "refund-1").await.unwrap();
    assert!(toss.payment("k/1").await.unwrap().is_some());
    assert!(toss.payment_by_order("order-1").await.unwrap().is_some());
    assert!(toss.payment_by_order("unknown-order").await.unwrap().is_none());
    let seen = seen.lock().unwrap();
    for (request, line) in seen.iter().zip([
        "POST /v1/payments/confirm HTTP/1.1\r\n",
        "POST /v1/payments/k%2F1/cancel HTTP/1.1\r\n",
        "GET /v1/payments/k%2F1 HTTP/1.1\r\n",
        "GET /v1/payments/orders/order-1 HTTP/1.1\r\n",
    ]) {
        assert!(request.starts_with(line), "{request}");
        assert!(request.contains("authorization: Basic dGVzdF9za19hYmM6\r\n"), "{request}");
    }
    assert!(
        seen[0].contains("idempotency-key: attempt-1\r\n")
            && seen[1].contains("idempotency-key: refund-1\r\n")
    );
    assert!(
        seen[0].contains("content-type: application/json\r\n") && seen[0].contains("user-agent: konnect/")
    );
    assert!(seen[1].ends_with(r#"{"cancelReason":"취소","cancelAmount":400}"#), "{}", seen[1]);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_cut_answer_is_unknown() {
    let (url, seen) = stub::http(|_| (307, "location: /elsewhere\r\n", "{}".to_owned()));
    let toss = TossClient::new(&url, SecretString::from("test_sk_abc")).unwrap();
    assert!(matches!(toss.payment("key").await, Err(TossError::NoAnswer(_))));
    assert_eq!(seen.lock().unwrap().len(), 1);

    let address = stub::listen(|mut stream| {
        use std::io::{Read, Write};
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"paymentKey\":");
    });
    let toss = TossClient::new(&format!("http://{address}"), SecretString::from("test_sk_abc")).unwrap();
    assert!(matches!(toss.payment("key").await, Err(TossError::NoAnswer(_))));
}

use chrono::NaiveDate;

use super::*;
use crate::clock::Clock;

pub(super) fn key() -> SecurityKey {
    SecurityKey::parse(&SecretString::from("0123456789abcdef".repeat(4))).unwrap()
}

pub(super) fn client(url: &str) -> PayoutClient {
    let toss = TossClient::new(url, SecretString::from("test_sk_abc")).unwrap();
    PayoutClient::new(toss, key(), Clock::frozen(parse_time("2026-03-02T09:00:00+09:00").unwrap()))
}

/// A client of a server that gives every request the same answer.
pub(super) fn answered(status: u16, body: String) -> (PayoutClient, stub::Seen) {
    let (url, seen) = stub::http(move |_| (status, "", body.clone()));
    (client(&url), seen)
}

pub(super) fn seal(body: &Value) -> String {
    let iat = parse_time("2026-03-02T00:00:00+09:00").unwrap();
    jwe::encrypt(&key(), body.to_string().as_bytes(), iat, "nonce")
}

pub(super) fn envelope(kind: &str, body: Value) -> Value {
    json!({"version": "2022-11-16", "traceId": "trace", "entityType": kind, "entityBody": body, "error": null})
}

pub(super) fn refused(code: &str) -> Value {
    json!({
        "version": "2022-11-16", "traceId": "trace", "entityType": null, "entityBody": null,
        "error": {"code": code, "message": "설명"}
    })
}

fn payout(own: &str, amount: Value) -> Value {
    json!({
        "id": format!("FPA_{own}"), "refPayoutId": own, "destination": "seller_a01", "scheduleType": "EXPRESS",
        "payoutDate": "2026-03-02", "amount": {"currency": "KRW", "value": amount},
        "transactionDescription": "정산", "requestedAt": "2026-03-02T09:00:01+09:00", "status": "IN_PROGRESS",
        "error": null, "metadata": {}, "brandNew": [1]
    })
}

fn item(own: &str, amount: i64) -> PayoutItem {
    PayoutItem {
        ref_payout_id: own.to_owned(),
        destination: "seller_a01".to_owned(),
        schedule: Schedule::Express,
        amount: Krw(amount),
        description: "정산".to_owned(),
    }
}

/// The body of a request as the provider decrypts it.
pub(super) fn sent(request: &str) -> Value {
    let token = request.split("\r\n\r\n").nth(1).unwrap();
    serde_json::from_slice(&jwe::decrypt(&key(), token).unwrap()).unwrap()
}

#[tokio::test]
async fn payouts_are_asked_for_in_secret() {
    let items = json!({"items": [payout("payout-2", json!(5000.0)), payout("payout-1", json!(7000))]});
    let (payouts, seen) = answered(200, seal(&envelope("payout", items)));
    let asked = [item("payout-1", 7000), item("payout-2", 5000)];
    let found = payouts.request_payouts(&asked, "batch-1").await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].id.as_str(), found[0].amount), ("FPA_payout-2", Krw(5000)));
    assert_eq!(found[1].status, PayoutStatus::InProgress);
    assert_eq!(found[1].payout_date, NaiveDate::from_ymd_opt(2026, 3, 2));
    assert_eq!(found[1].requested_at, parse_time("2026-03-02T09:00:01+09:00"));
    assert_eq!(found[1].raw["brandNew"][0], 1);

    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("POST /v2/payouts HTTP/1.1\r\n"), "{}", seen[0]);
    for header in [
        "authorization: Basic dGVzdF9za19hYmM6\r\n",
        "idempotency-key: batch-1\r\n",
        "tosspayments-api-security-mode: ENCRYPTION\r\n",
        "content-type: text/plain\r\n",
    ] {
        assert!(seen[0].contains(header), "{header} in {}", seen[0]);
    }
    assert_eq!(
        sent(&seen[0]),
        json!([
            {
                "refPayoutId": "payout-1", "destination": "seller_a01", "scheduleType": "EXPRESS",
                "amount": {"currency": "KRW", "value": 7000}, "transactionDescription": "정산"
            },
            {
                "refPayoutId": "payout-2", "destination": "seller_a01", "scheduleType": "EXPRESS",
                "amount": {"currency": "KRW", "value": 5000}, "transactionDescription": "정산"
            }
        ])
    );
}

#[tokio::test]
async fn an_answer_about_other_payouts_leaves_the_outcome_unknown() {
    let asked = [item("payout-1", 7000)];
    let mut elsewhere = payout("payout-1", json!(7000));
    elsewhere["destination"] = json!("seller_b02");
    for items in [
        json!([]),
        json!([payout("payout-2", json!(7000))]),
        json!([payout("payout-1", json!(7001))]),
        json!([payout("payout-1", json!(7000)), payout("payout-2", json!(7000))]),
        json!([elsewhere]),
        json!([payout("payout-1", json!(7000.5))]),
        json!([payout("payout-1", json!("7000"))]),
        json!({}),
    ] {
        let (payouts, _) = answered(200, seal(&envelope("payout", json!({"items": items.clone()}))));
        let error = payouts.request_payouts(&asked, "batch-1").await.unwrap_err();
        assert!(matches!(error, TossError::NoAnswer(_)) && error.keeps_key(), "{items}: {error}");
    }
}

#[tokio::test]
async fn errors_come_in_secret_or_in_the_clear() {
    for body in [refused("NOT_ENOUGH_AMOUNT").to_string(), seal(&refused("NOT_ENOUGH_AMOUNT"))] {
        let (payouts, _) = answered(400, body);
        let error = payouts.request_payouts(&[item("payout-1", 7000)], "batch-1").await.unwrap_err();
        assert_eq!(error.code(), Some("NOT_ENOUGH_AMOUNT"));
        assert_eq!(error.class(), Class::Later);
    }
    // A merchant without the contract.
    let (payouts, _) = answered(403, refused("FORBIDDEN_REQUEST").to_string());
    assert_eq!(payouts.balance().await.unwrap_err().class(), Class::Stop);
}

#[tokio::test]
async fn what_is_not_the_providers_answer_leaves_the_outcome_unknown() {
    let other = SecurityKey::parse(&SecretString::from("f".repeat(64))).unwrap();
    let good = envelope("payout", json!({"items": [payout("payout-1", json!(7000))]}));
    let foreign =
        jwe::encrypt(&other, good.to_string().as_bytes(), parse_time("2026-03-02T00:00:00Z").unwrap(), "n");
    for (status, body) in [
        (200, foreign),
        (200, String::new()),
        (200, refused("NOT_ENOUGH_AMOUNT").to_string()),
        (200, envelope("payout", Value::Null).to_string()),
        (200, "eyJ.not.a.token.".to_owned()),
        (502, "<html>Bad Gateway</html>".to_owned()),
        (429, "{}".to_owned()),
        (302, good.to_string()),
    ] {
        let (payouts, _) = answered(status, body.clone());
        let error = payouts.request_payouts(&[item("payout-1", 7000)], "batch-1").await.unwrap_err();
        assert!(matches!(error, TossError::NoAnswer(_)) && error.keeps_key(), "{status} {body}: {error}");
    }
    // The same in the clear is an answer.
    let (payouts, _) = answered(200, good.to_string());
    assert_eq!(payouts.request_payouts(&[item("payout-1", 7000)], "batch-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn payouts_that_cannot_be_sent_are_not_sent() {
    // Nothing listens there: a call that left would end as NoAnswer.
    let payouts = client("http://127.0.0.1:9");
    let with = |change: fn(&mut PayoutItem)| {
        let mut item = item("payout-1", 7000);
        change(&mut item);
        vec![item]
    };
    for items in [
        vec![],
        vec![item("payout-1", 7000); 2],
        (0..101).map(|n| item(&format!("payout-{n}"), 1)).collect(),
        with(|item| item.ref_payout_id = "a/../b".to_owned()),
        with(|item| item.ref_payout_id = "short".to_owned()),
        with(|item| item.destination = String::new()),
        with(|item| item.amount = Krw(0)),
        with(|item| item.amount = Krw(-5)),
        with(|item| item.description = "여덟글자가넘는다".to_owned()),
        with(|item| item.description = String::new()),
    ] {
        let error = payouts.request_payouts(&items, "k").await.unwrap_err();
        assert!(matches!(error, TossError::NotSent(_)), "{items:?}: {error}");
    }
    let key = payouts.request_payouts(&[item("payout-1", 7000)], "").await.unwrap_err();
    assert!(matches!(key, TossError::NotSent(_)), "{key}");
    let left =
        payouts.request_payouts(&with(|item| item.description = "일곱글자까지만".to_owned()), "k").await;
    assert!(matches!(left, Err(TossError::NoAnswer(_))));
}

#[tokio::test]
async fn a_payout_is_scheduled_read_and_taken_back() {
    let (url, seen) = stub::http(|request| {
        let body = match request.split(' ').nth(1).unwrap() {
            "/v2/payouts" => seal(&envelope("payout", json!({"items": [payout("payout-1", json!(7000))]}))),
            "/v2/payouts/FPA_payout-1" => envelope("payout", payout("payout-1", json!(7000))).to_string(),
            "/v2/payouts/FPA_payout-1/cancel" => {
                let mut gone = payout("payout-1", json!(7000));
                gone["status"] = json!("CANCELED");
                envelope("payout", gone).to_string()
            }
            _ => return (404, "", refused("PAYOUT_NOT_FOUND").to_string()),
        };
        (200, "content-type: application/json\r\n", body)
    });
    let payouts = client(&url);
    let day = NaiveDate::from_ymd_opt(2026, 3, 5).unwrap();
    let scheduled = PayoutItem { schedule: Schedule::On(day), ..item("payout-1", 7000) };
    payouts.request_payouts(&[scheduled], "k").await.unwrap();
    let found = payouts.payout("FPA_payout-1").await.unwrap().unwrap();
    assert!(item("payout-1", 7000).is(&found) && !item("payout-1", 6999).is(&found));
    assert!(payouts.payout("FPA_unknown").await.unwrap().is_none());
    let gone = payouts.cancel_payout("FPA_payout-1", "cancel-1").await.unwrap();
    assert_eq!(gone.status, PayoutStatus::Canceled);
    assert!(matches!(payouts.payout("..").await, Err(TossError::NotSent(_))));

    let seen = seen.lock().unwrap();
    assert_eq!(sent(&seen[0])[0]["scheduleType"], "SCHEDULED");
    assert_eq!(sent(&seen[0])[0]["payoutDate"], "2026-03-05");
    assert!(!seen[1].contains("security-mode"), "{}", seen[1]);
    let cancel = &seen[3];
    assert!(cancel.starts_with("POST /v2/payouts/FPA_payout-1/cancel "), "{cancel}");
    assert!(cancel.contains("idempotency-key: cancel-1\r\n") && cancel.ends_with("\r\n\r\n"), "{cancel}");
    assert!(!cancel.contains("security-mode"), "{cancel}");
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let (url, seen) = stub::http(|request| {
        let last = request.contains("startingAfter=FPA_payout-1");
        let own = if last { "payout-2" } else { "payout-1" };
        let page = json!({
            "hasNext": !last, "lastCursor": format!("FPA_{own}"), "items": [payout(own, json!(7000))]
        });
        (200, "", envelope("payout-list", page).to_string())
    });
    let payouts = client(&url);
    let day = NaiveDate::from_ymd_opt(2026, 3, 2);
    let first = PayoutFilter { date_gte: day, date_lte: day, starting_after: None, limit: 50 };
    let page = payouts.payouts(&first).await.unwrap();
    assert!(page.has_next && page.items[0].ref_payout_id == "payout-1");
    let next = PayoutFilter { starting_after: page.last_cursor, ..first.clone() };
    let page = payouts.payouts(&next).await.unwrap();
    assert!(!page.has_next && page.items[0].ref_payout_id == "payout-2");
    for limit in [0, 10_001] {
        let error = payouts.payouts(&PayoutFilter { limit, ..first.clone() }).await.unwrap_err();
        assert!(matches!(error, TossError::NotSent(_)), "{limit}");
    }
    let seen = seen.lock().unwrap();
    assert!(
        seen[0].starts_with("GET /v2/payouts?payoutDateGte=2026-03-02&payoutDateLte=2026-03-02&limit=50 "),
        "{}",
        seen[0]
    );
    assert!(seen[1].contains("&limit=50&startingAfter=FPA_payout-1 "), "{}", seen[1]);
}

#[tokio::test]
async fn a_page_with_a_hole_is_no_page() {
    let whole = json!({"hasNext": false, "lastCursor": null, "items": [payout("payout-1", json!(7000))]});
    let mut pages = vec![whole.clone(), whole.clone(), whole.clone()];
    pages[0]["items"][0]["amount"] = json!({"currency": "USD", "value": 7000});
    pages[1]["hasNext"] = json!(true);
    pages[2]["hasNext"] = json!(null);
    for page in pages {
        let (payouts, _) = answered(200, envelope("payout-list", page.clone()).to_string());
        let filter = PayoutFilter { limit: 10, ..PayoutFilter::default() };
        let error = payouts.payouts(&filter).await.unwrap_err();
        assert!(matches!(error, TossError::NoAnswer(_)), "{page}: {error}");
    }
}

#[tokio::test]
async fn a_balance_is_read_with_its_sign() {
    let won = |value: Value| json!({"currency": "KRW", "value": value});
    let body = json!({"pendingAmount": won(json!(120_000)), "availableAmount": won(json!(50_000.0))});
    let (payouts, seen) = answered(200, envelope("balance", body).to_string());
    let balance = payouts.balance().await.unwrap();
    assert_eq!(balance, Balance { pending: Some(Krw(120_000)), available: Krw(50_000) });
    assert!(seen.lock().unwrap()[0].starts_with("GET /v2/balances HTTP/1.1\r\n"));
    let (payouts, _) =
        answered(200, envelope("balance", json!({"availableAmount": won(json!(-7))})).to_string());
    assert_eq!(payouts.balance().await.unwrap(), Balance { pending: None, available: Krw(-7) });
    let (payouts, _) =
        answered(200, envelope("balance", json!({"availableAmount": won(json!(0.5))})).to_string());
    assert!(matches!(payouts.balance().await, Err(TossError::NoAnswer(_))));
}

#[test]
fn states_that_we_do_not_know_are_kept() {
    let mut body = payout("payout-1", json!(7000));
    body["status"] = json!("REJECTED");
    body["requestedAt"] = json!(7);
    body["error"] = json!({"code": "ACCOUNT_CLOSED", "message": "m"});
    let found = Payout::from_json(body).unwrap();
    assert_eq!(found.status, PayoutStatus::Other("REJECTED".to_owned()));
    assert_eq!(found.error.unwrap().code, "ACCOUNT_CLOSED");
    assert!(found.requested_at.is_none());
    for missing in ["id", "refPayoutId", "destination", "amount", "status"] {
        let mut body = payout("payout-1", json!(7000));
        body.as_object_mut().unwrap().remove(missing);
        assert!(Payout::from_json(body).is_err(), "{missing}");
    }
}

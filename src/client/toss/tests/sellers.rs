use super::payouts::{answered, client, envelope, refused, seal, sent};
use super::*;

fn seller() -> Value {
    json!({
        "id": "seller_a01", "refSellerId": "mentor-1", "businessType": "INDIVIDUAL",
        "individual": {"name": "김멘토", "email": "mentor@konnect.test", "phone": "01012345678"}, "company": null,
        "status": "APPROVAL_REQUIRED",
        "account": {"bankCode": "088", "accountNumber": "110****678", "holderName": "김멘토"}, "metadata": null
    })
}

fn account() -> Account {
    Account {
        bank_code: "088".to_owned(),
        account_number: "110222333678".to_owned(),
        holder_name: "김멘토".to_owned(),
    }
}

fn person() -> Person {
    Person {
        name: "김멘토".to_owned(),
        email: "mentor@konnect.test".to_owned(),
        phone: "01012345678".to_owned(),
    }
}

fn company() -> Company {
    Company {
        name: "콘넥트".to_owned(),
        representative_name: "김대표".to_owned(),
        business_registration_number: "1234567890".to_owned(),
        email: "ceo@konnect.test".to_owned(),
        phone: "0212345678".to_owned(),
    }
}

fn new_seller(business: Business) -> NewSeller {
    NewSeller { ref_seller_id: "mentor-1".to_owned(), business, account: account() }
}

#[tokio::test]
async fn sellers_are_registered_changed_and_read() {
    let (url, seen) = stub::http(|request| {
        let body = envelope("seller", seller());
        match request.split("HTTP/1.1").next().unwrap().trim() {
            "GET /v2/sellers/seller_a01" => (200, "", body.to_string()),
            "GET /v2/sellers?limit=10&startingAfter=seller_a00" => {
                let page = json!({"hasNext": false, "lastCursor": "seller_a01", "items": [seller()]});
                (200, "", envelope("seller-list", page).to_string())
            }
            head if head.starts_with("GET ") => (404, "", refused("NOT_FOUND_SELLER").to_string()),
            _ => (200, "", seal(&body)),
        }
    });
    let payouts = client(&url);
    let found = payouts.register_seller(&new_seller(Business::Individual(person())), "s-1").await.unwrap();
    assert_eq!((found.id.as_str(), found.ref_seller_id.as_str()), ("seller_a01", "mentor-1"));
    assert!(found.status == SellerStatus::ApprovalRequired && !found.status.can_be_paid());
    assert_eq!(found.business_type.as_deref(), Some("INDIVIDUAL"));
    assert_eq!(found.account.unwrap().bank_code, "088");
    let trader = new_seller(Business::IndividualBusiness(company()));
    payouts.register_seller(&trader, "s-2").await.unwrap();
    let update = SellerUpdate { account: Some(account()), ..SellerUpdate::default() };
    payouts.update_seller("seller_a01", &update, "s-3").await.unwrap();
    assert!(payouts.seller("seller_a01").await.unwrap().is_some());
    assert!(payouts.seller("seller_zz").await.unwrap().is_none());
    let page = payouts.sellers(Some("seller_a00"), 10).await.unwrap();
    assert!(!page.has_next && page.items.len() == 1);

    let seen = seen.lock().unwrap();
    let bank = json!({"bankCode": "088", "accountNumber": "110222333678", "holderName": "김멘토"});
    assert!(
        seen[0].starts_with("POST /v2/sellers HTTP/1.1\r\n") && seen[0].contains("idempotency-key: s-1\r\n")
    );
    assert_eq!(
        sent(&seen[0]),
        json!({
            "refSellerId": "mentor-1", "businessType": "INDIVIDUAL", "account": bank.clone(),
            "individual": {"name": "김멘토", "email": "mentor@konnect.test", "phone": "01012345678"}
        })
    );
    assert_eq!(sent(&seen[1])["businessType"], "INDIVIDUAL_BUSINESS");
    assert_eq!(
        sent(&seen[1])["company"],
        json!({
            "name": "콘넥트", "representativeName": "김대표", "businessRegistrationNumber": "1234567890",
            "email": "ceo@konnect.test", "phone": "0212345678"
        })
    );
    assert!(seen[2].starts_with("POST /v2/sellers/seller_a01 HTTP/1.1\r\n"), "{}", seen[2]);
    // What does not change is not named: null would delete it.
    assert_eq!(sent(&seen[2]), json!({"account": bank}));
}

#[tokio::test]
async fn sellers_that_cannot_be_sent_are_not_sent() {
    let payouts = client("http://127.0.0.1:9");
    let individual = |change: fn(&mut Person)| {
        let mut who = person();
        change(&mut who);
        new_seller(Business::Individual(who))
    };
    let at = |change: fn(&mut Account)| {
        let mut seller = new_seller(Business::Corporate(company()));
        change(&mut seller.account);
        seller
    };
    let number = Company { business_registration_number: "123-45-6789".to_owned(), ..company() };
    for seller in [
        NewSeller { ref_seller_id: "m".to_owned(), ..individual(|_| ()) },
        individual(|who| who.name = " ".to_owned()),
        individual(|who| who.email = "nowhere".to_owned()),
        individual(|who| who.phone = "010-1234-5678".to_owned()),
        new_seller(Business::Corporate(number)),
        at(|account| account.account_number = "110-222".to_owned()),
        at(|account| account.bank_code = String::new()),
        at(|account| account.holder_name = "가".repeat(31)),
        at(|account| account.holder_name = "a".repeat(61)),
    ] {
        let error = payouts.register_seller(&seller, "k").await.unwrap_err();
        assert!(matches!(error, TossError::NotSent(_)), "{error}");
    }
    let nothing = payouts.update_seller("seller_a01", &SellerUpdate::default(), "k").await;
    assert!(matches!(nothing, Err(TossError::NotSent(_))));
    assert!(matches!(payouts.sellers(None, 101).await, Err(TossError::NotSent(_))));
    let left = payouts.register_seller(&at(|account| account.holder_name = "가".repeat(30)), "k").await;
    assert!(matches!(left, Err(TossError::NoAnswer(_))));
}

#[test]
fn nothing_about_people_is_shown() {
    let asked = new_seller(Business::Individual(person()));
    let update = SellerUpdate { person: Some(person()), company: Some(company()), account: Some(account()) };
    let read = Seller::from_json(seller()).unwrap();
    let shown = format!("{asked:?} {update:?} {read:?} {:?}", client("http://127.0.0.1:9"));
    for secret in ["김멘토", "김대표", "mentor@", "ceo@", "01012345678", "110", "dGVzd", "cdef"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_payee_that_is_not_the_holder_is_refused() {
    let (payouts, _) = answered(400, json!({"code": "NOT_MATCH_PAYEE_NAME", "message": "m"}).to_string());
    let seller = new_seller(Business::Individual(person()));
    assert_eq!(payouts.register_seller(&seller, "k").await.unwrap_err().class(), Class::Contact);
}

#[test]
fn states_that_we_do_not_know_are_kept() {
    let mut body = seller();
    body["status"] = json!("SUSPENDED");
    body["account"] = json!("hidden");
    let found = Seller::from_json(body).unwrap();
    assert!(found.account.is_none() && !found.status.can_be_paid());
    assert_eq!(found.status.as_str(), "SUSPENDED");
    for status in ["PARTIALLY_APPROVED", "APPROVED"] {
        let mut body = seller();
        body["status"] = json!(status);
        assert!(Seller::from_json(body).unwrap().status.can_be_paid(), "{status}");
    }
}

use serde_json::{Value, json};

use super::{Client, KEY, Receiver, send};
use crate::{Seller, SellerStatus};

/// A person who is to be paid.
pub(crate) fn person(reference: &str) -> Value {
    json!({
        "refSellerId": reference,
        "businessType": "INDIVIDUAL",
        "individual": { "name": "김멘토", "email": "mentor@konnect.test", "phone": "01012345678" },
        "account": { "bankCode": "88", "accountNumber": "110123456789", "holderName": "김멘토" },
        "metadata": { "mentor": "1" },
    })
}

fn company(reference: &str, business: &str) -> Value {
    json!({
        "refSellerId": reference,
        "businessType": business,
        "company": {
            "name": "멘토링", "representativeName": "김대표", "businessRegistrationNumber": "1234567890",
            "email": "ceo@konnect.test", "phone": "0212345678",
        },
        "account": { "bankCode": "092", "accountNumber": "1000123456", "holderName": "멘토링" },
    })
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    *body.pointer_mut(pointer).expect("it is there") = value;
    body
}

impl Client {
    /// A seller of that status.
    pub(crate) async fn seller(&self, reference: &str, status: SellerStatus) -> Seller {
        let answer = self.sealed("/v2/sellers", &person(reference)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.sandbox.set_seller_status(reference, status).expect("registered")
    }
}

#[tokio::test]
async fn a_person_waits_for_the_check_and_a_company_can_be_paid_at_once() {
    let c = Client::start().await;
    let answer = c.sealed("/v2/sellers", &person("mentor-0001")).await;
    assert_eq!((answer.status, &answer.json["entityType"]), (200, &json!("seller")), "{answer:?}");
    assert!(answer.json["traceId"].is_string() && answer.json["error"].is_null());
    let seller = &answer.json["entityBody"];
    assert_eq!((&seller["status"], &seller["company"]), (&json!("APPROVAL_REQUIRED"), &Value::Null));
    assert_eq!(seller["account"]["accountNumber"], "110123456789");
    let id = seller["id"].as_str().expect("an id");
    assert!(id.starts_with("seller_") && id.len() <= 35);
    assert_eq!(c.get(&format!("/v2/sellers/{id}")).await.json["entityBody"], *seller);

    for (business, status) in
        [("INDIVIDUAL_BUSINESS", "APPROVAL_REQUIRED"), ("CORPORATE", "PARTIALLY_APPROVED")]
    {
        let answer =
            c.sealed("/v2/sellers", &company(&format!("company-{}", business.len()), business)).await;
        assert_eq!(answer.json["entityBody"]["status"], status, "{answer:?}");
    }
    c.get("/v2/sellers/nobody").await.is_v2(404, "SELLER_NOT_FOUND");
}

#[tokio::test]
async fn what_is_missing_or_too_long_is_refused() {
    let c = Client::start().await;
    let good = person("mentor-0001");
    for bad in [
        json!([]),
        with(good.clone(), "/refSellerId", json!("short")),
        with(good.clone(), "/refSellerId", json!("a-reference-of-more-than-20")),
        with(good.clone(), "/businessType", json!("CORPORATE")),
        with(good.clone(), "/individual", Value::Null),
        with(good.clone(), "/individual/email", json!("nobody")),
        with(good.clone(), "/individual/phone", json!("010-1234-5678")),
        with(good.clone(), "/account/bankCode", json!("99")),
        with(good.clone(), "/account/accountNumber", json!("1".repeat(21))),
        with(good.clone(), "/account/holderName", json!("가".repeat(31))),
        with(good.clone(), "/metadata", json!({ "k": "v".repeat(501) })),
        with(
            company("company-01", "CORPORATE"),
            "/company/businessRegistrationNumber",
            json!("123-45-67890"),
        ),
    ] {
        c.sealed("/v2/sellers", &bad).await.is_v2(400, "INVALID_REQUEST");
    }
    assert!(c.sandbox.sellers().is_empty());
    c.sandbox.check_seller_references(false);
    assert_eq!(c.sealed("/v2/sellers", &person("a-reference-of-more-than-20")).await.status, 200);
}

#[tokio::test]
async fn a_reference_is_never_usable_again_and_a_bank_may_say_no() {
    let c = Client::start().await;
    c.sandbox.refuse_account("110123456789", "NOT_MATCH_PAYEE_NAME");
    c.sealed("/v2/sellers", &person("mentor-0001")).await.is_v2(400, "NOT_MATCH_PAYEE_NAME");
    c.sandbox.accept_accounts();
    // The refused registration has not used the reference up.
    let seller = c.seller("mentor-0001", SellerStatus::Approved).await;
    c.sealed("/v2/sellers", &person("mentor-0001")).await.is_v2(400, "DUPLICATED_REF_SELLER_ID");
    let url = format!("{}/v2/sellers/{}", c.sandbox.url(), seller.id);
    let deleted = send(c.http.delete(&url).basic_auth(KEY, Some(""))).await;
    assert_eq!((deleted.status, &deleted.json["entityType"]), (200, &json!("deleted-entity")));
    assert_eq!(deleted.json["entityBody"]["id"], json!(seller.id));
    send(c.http.delete(&url).basic_auth(KEY, Some(""))).await.is_v2(404, "SELLER_NOT_FOUND");
    c.sealed("/v2/sellers", &person("mentor-0001")).await.is_v2(400, "DUPLICATED_REF_SELLER_ID");
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_null_deletes() {
    let c = Client::start().await;
    let seller = c.seller("mentor-0001", SellerStatus::Approved).await;
    let path = format!("/v2/sellers/{}", seller.id);
    let patch = json!({ "account": { "accountNumber": "220987654321" }, "metadata": null });
    let changed = c.sealed(&path, &patch).await.json["entityBody"].clone();
    assert_eq!(changed["account"]["accountNumber"], "220987654321");
    assert_eq!(changed["account"]["holderName"], "김멘토");
    assert_eq!((&changed["metadata"], &changed["status"]), (&Value::Null, &json!("APPROVED")));
    for bad in [
        json!({ "refSellerId": "mentor-0002" }),
        json!({ "account": null }),
        json!({ "individual": { "email": null } }),
        json!([1]),
    ] {
        c.sealed(&path, &bad).await.is_v2(400, "INVALID_REQUEST");
    }
    c.sandbox.refuse_account("330", "ACCOUNT_OWNER_CHECK_FAILED");
    let refused = c.sealed(&path, &json!({ "account": { "accountNumber": "330" } })).await;
    refused.is_v2(400, "ACCOUNT_OWNER_CHECK_FAILED");
    assert_eq!(
        c.sandbox.seller("mentor-0001").map(|s| s.account.account_number),
        Some("220987654321".into())
    );
}

#[tokio::test]
async fn sellers_are_listed_by_pages() {
    let c = Client::start().await;
    for number in 1..=3 {
        c.seller(&format!("mentor-000{number}"), SellerStatus::Approved).await;
    }
    let first = c.get("/v2/sellers?limit=2").await.json;
    assert_eq!(
        (&first["entityType"], &first["entityBody"]["hasNext"]),
        (&json!("seller-list"), &json!(true))
    );
    let cursor = first["entityBody"]["lastCursor"].as_str().expect("a cursor");
    let rest = c.get(&format!("/v2/sellers?limit=2&startingAfter={cursor}")).await.json["entityBody"].clone();
    assert_eq!((&rest["hasNext"], &rest["items"][0]["refSellerId"]), (&json!(false), &json!("mentor-0003")));
    for bad in ["limit=0", "limit=10001", "limit=x", "startingAfter=nobody"] {
        c.get(&format!("/v2/sellers?{bad}")).await.is_v2(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn a_decision_is_told_with_stars_in_the_account_but_not_the_first_status() {
    let c = Client::start().await;
    let receiver = Receiver::start(&c).await;
    let decisions = [
        SellerStatus::ApprovalRequired,
        SellerStatus::PartiallyApproved,
        SellerStatus::KycRequired,
        SellerStatus::Approved,
    ];
    c.seller("mentor-0001", decisions[0]).await;
    for status in &decisions[1..] {
        c.sandbox.set_seller_status("mentor-0001", *status).expect("known");
        c.sandbox.settle().await;
    }
    let bodies = receiver.bodies();
    let told: Vec<_> = bodies.iter().map(|body| body["entityBody"]["status"].clone()).collect();
    assert_eq!(told, ["PARTIALLY_APPROVED", "KYC_REQUIRED", "APPROVED"]);
    assert_eq!(
        (&bodies[0]["eventType"], &bodies[0]["entityType"]),
        (&json!("seller.changed"), &json!("seller"))
    );
    assert_eq!(bodies[0]["entityBody"]["account"]["accountNumber"], "********6789");
    assert!(bodies.iter().all(|body| body["eventId"].is_string()));
    assert!(c.sandbox.set_seller_status("nobody", SellerStatus::Approved).is_err());
}

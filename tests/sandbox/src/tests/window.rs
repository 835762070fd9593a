use super::{Client, send};
use crate::{Checkout, Status};

fn address(c: &Client, success: &str) -> String {
    let mut url = reqwest::Url::parse(&format!("{}/checkout", c.sandbox.url())).expect("a URL");
    url.query_pairs_mut().extend_pairs([
        ("orderId", "order-000001"),
        ("amount", "50000"),
        ("orderName", "<script>alert(1)</script>"),
        ("successUrl", success),
        ("failUrl", "https://konnect.test/fail?x=1"),
    ]);
    url.to_string()
}

async fn press(c: &Client, button: &str) -> reqwest::Url {
    let url = address(c, "https://konnect.test/done?x=1");
    let answer = c.http.post(url).form(&[("action", button)]).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 303);
    reqwest::Url::parse(answer.headers()["location"].to_str().expect("ASCII")).expect("a URL")
}

fn parameter(url: &reqwest::Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn the_page_escapes_what_it_shows_and_redirects_only_to_http() {
    let c = Client::start().await;
    let page = send(c.http.get(address(&c, "https://konnect.test/done"))).await;
    assert!(page.status == 200 && page.text.contains("50,000원"));
    assert!(page.text.contains("&lt;script&gt;") && !page.text.contains("<script"));
    for bad in ["javascript:alert(1)", "data:text/html,x", "/relative"] {
        assert_eq!(send(c.http.get(address(&c, bad))).await.status, 400);
        let posted = c.http.post(address(&c, bad)).form(&[("action", "pay")]);
        assert_eq!(send(posted).await.status, 400);
    }
    assert!(c.sandbox.payments().is_empty());
    assert_eq!(c.get("/").await.status, 200);
}

#[tokio::test]
async fn paying_redirects_with_what_the_confirm_needs() {
    let c = Client::start().await;
    let to = press(&c, "pay").await;
    assert!(to.as_str().starts_with("https://konnect.test/done?x=1&paymentKey="));
    let checkout = Checkout {
        payment_key: parameter(&to, "paymentKey").expect("carried"),
        order_id: parameter(&to, "orderId").expect("carried"),
        amount: parameter(&to, "amount").and_then(|a| a.parse().ok()).expect("carried"),
    };
    assert_eq!(c.confirm(&checkout).await.json["totalAmount"], 50_000);
}

#[tokio::test]
async fn a_card_over_its_limit_is_refused_at_the_confirm() {
    let c = Client::start().await;
    let to = press(&c, "over-limit").await;
    let key = parameter(&to, "paymentKey").expect("carried");
    let checkout = Checkout { payment_key: key.clone(), order_id: "order-000001".into(), amount: 50_000 };
    c.confirm(&checkout).await.is(403, "REJECT_CARD_PAYMENT");
    assert_eq!(c.sandbox.payment(&key).map(|p| p.status), Some(Status::Aborted));
}

#[tokio::test]
async fn declined_and_cancelled_windows_redirect_to_the_fail_url() {
    let c = Client::start().await;
    let declined = press(&c, "decline").await;
    assert_eq!(declined.path(), "/fail");
    assert_eq!(parameter(&declined, "code").as_deref(), Some("REJECT_CARD_COMPANY"));
    assert_eq!(parameter(&declined, "orderId").as_deref(), Some("order-000001"));
    let cancelled = press(&c, "cancel").await;
    assert_eq!(parameter(&cancelled, "code").as_deref(), Some("PAY_PROCESS_CANCELED"));
    assert_eq!(parameter(&cancelled, "orderId"), None);
}

//! What administrators may say of endpoints, and what they may not.

use konnect_tests::{TestApp, told};
use reqwest::Method;
use serde_json::{Value, json};

const ENDPOINTS: &str = "/v1/admin/webhook-endpoints";

#[tokio::test(flavor = "multi_thread")]
async fn x1_addresses_inside_are_refused() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await.client;
    for url in [
        "http://hooks.partner.example/",
        "https://10.0.0.1/",
        "https://192.168.0.1:8443/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0xa000001/",
        "https://user:password@hooks.partner.example/",
        "https://hooks.partner.example/#part",
        "ftp://hooks.partner.example/",
        "hooks.partner.example",
        " https://hooks.partner.example/",
        "javascript:alert(1)",
    ] {
        let refused = admin.post(ENDPOINTS, json!({ "url": url })).await;
        let problem = refused.problem(422, "webhook.address_refused");
        assert_eq!(problem["field"], "url", "{url}");
    }
    assert_eq!(admin.get(ENDPOINTS).await.ok(200), json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_an_address_that_came_to_lead_inside_is_not_called() {
    let app = TestApp::start().await;
    let partner = app.partner(&[]).await;
    // As an address that was let in under other rules would stand there.
    sqlx::query("UPDATE webhook_endpoints SET url = 'https://10.0.0.1/'")
        .execute(app.core.db.pool())
        .await
        .expect("the database");
    partner.admin.post(&format!("{}/test", partner.path()), json!({})).await.ok(201);
    app.run_jobs().await;
    let delivery = app.deliveries(&partner).await.remove(0);
    assert_eq!(delivery.state.name(), "pending");
    assert!(delivery.error.is_some_and(|why| why.contains("private")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_what_makes_no_sense_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let partner = app.partner(&["payment.*"]).await;
    let (admin, path) = (&partner.admin, partner.path());
    let url = partner.receiver.url();
    for (body, code) in [
        (json!({ "url": url, "types": ["payments.*"] }), "webhook.type_unknown"),
        (json!({ "url": url, "types": ["webhook.test"] }), "webhook.type_unknown"),
        (json!({ "url": url, "types": ["*"] }), "webhook.type_unknown"),
    ] {
        admin.post(ENDPOINTS, body).await.problem(422, code);
    }
    for body in [
        json!({}),
        json!({ "url": "" }),
        json!({ "url": 7 }),
        json!({ "url": url, "secret": "whsec_mine" }),
        json!({ "url": url, "types": "payment.*" }),
        json!({ "url": url, "types": vec!["payment.captured"; 51] }),
        json!({ "url": url, "description": "x".repeat(201) }),
        json!({ "url": format!("https://a.example/{}", "x".repeat(500)) }),
    ] {
        admin.post(ENDPOINTS, body).await.problem(400, "request.invalid");
    }
    let change = async |body: Value| admin.send(Method::PATCH, &path, Some(body), &[]).await;
    change(json!({ "expectedVersion": 7, "types": [] })).await.problem(409, "webhook.endpoint_stale");
    change(json!({ "types": [] })).await.problem(400, "request.invalid");
    change(json!({ "expectedVersion": 1, "url": "https://10.0.0.1" }))
        .await
        .problem(422, "webhook.address_refused");
    // Short enough as it is written, too long as it is stored.
    let wide = format!("https://a.example/{}", "가".repeat(150));
    admin.post(ENDPOINTS, json!({ "url": wide })).await.problem(422, "webhook.address_refused");
    change(json!({ "expectedVersion": 1, "url": wide })).await.problem(422, "webhook.address_refused");
    let rotate = format!("{path}/rotate-secret");
    admin.post(&rotate, json!({ "overlapHours": 169 })).await.problem(400, "request.invalid");
    admin.post(&format!("{path}/enable"), json!({})).await.problem(409, "webhook.wrong_state");
    admin.post(&format!("{path}/disable"), json!({})).await.problem(400, "request.invalid");
    admin
        .post(&format!("{path}/replay"), json!({ "since": "yesterday" }))
        .await
        .problem(400, "request.invalid");
    let endpoint = partner.endpoint().await;
    assert_eq!((&endpoint["version"], &endpoint["types"]), (&json!(1), &json!(["payment.*"])));
    assert!(endpoint.get("secret").is_none(), "it is shown once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x2_a_change_is_a_version_with_a_line_in_the_history() {
    let app = TestApp::start().await;
    let partner = app.partner(&["payment.*"]).await;
    let (admin, path) = (&partner.admin, partner.path());
    let body = json!({ "expectedVersion": 1, "types": ["reservation.reserved"], "description": "멘토 정산" });
    let changed = admin.send(Method::PATCH, &path, Some(body.clone()), &[]).await.ok(200);
    assert_eq!((&changed["version"], &changed["description"]), (&json!(2), &json!("멘토 정산")));
    assert_eq!(changed["url"], partner.receiver.url(), "what is left out stays");
    admin.send(Method::PATCH, &path, Some(body), &[]).await.problem(409, "webhook.endpoint_stale");
    admin.post(&format!("{path}/rotate-secret"), json!({ "overlapHours": 0 })).await.ok(200);
    admin.post(&format!("{path}/disable"), json!({ "reason": "moving" })).await.ok(200);
    admin.post(&format!("{path}/enable"), json!({})).await.ok(200);
    app.booking().await;
    app.run_jobs().await;
    let heard = partner.receiver.take();
    assert_eq!(heard.len(), 1);
    assert_eq!(told(&heard[0])["type"], "reservation.reserved");
    assert_eq!(heard[0].header("webhook-signature").split(' ').count(), 1, "the old secret ended at once");
    let lines: Vec<(i64, String, Option<String>)> =
        sqlx::query_as("SELECT version, cause, reason FROM webhook_endpoint_history ORDER BY version")
            .fetch_all(app.core.db.pool())
            .await
            .expect("the database");
    let causes: Vec<_> = lines.iter().map(|(_, cause, _)| cause.as_str()).collect();
    assert_eq!(causes, ["created", "changed", "secret_rotated", "disabled", "enabled"]);
    assert_eq!(lines[3].2.as_deref(), Some("moving"));
    // Of the secret the database knows nothing but its seal.
    let sealed: Vec<u8> = sqlx::query_scalar("SELECT secret_sealed FROM webhook_endpoints")
        .fetch_one(app.core.db.pool())
        .await
        .expect("the database");
    assert!(!String::from_utf8_lossy(&sealed).contains("whsec_"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_there_are_as_many_endpoints_as_there_may_be() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await.client;
    for number in 0..konnect::partner::MOST_ENDPOINTS {
        let url = format!("https://hooks-{number}.partner.example/");
        admin.post(ENDPOINTS, json!({ "url": url })).await.ok(201);
    }
    let one_more = json!({ "url": "https://one-more.partner.example/" });
    admin.post(ENDPOINTS, one_more).await.problem(409, "webhook.endpoint_limit");
    app.finish().await;
}

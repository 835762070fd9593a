//! The face of the API: its document, its pages for operators, CORS, and what problems look like.

use std::path::Path;

use konnect_tests::{Answer, TestApp, monday};
use reqwest::Method;
use serde_json::{Value, json};

const ORIGIN: &str = "http://localhost:3000";

#[test]
fn the_committed_document_is_the_generated_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the repository");
    let committed = std::fs::read_to_string(root.join("docs/openapi.json")).expect("docs/openapi.json");
    let generated = konnect::api::openapi();
    let (old, new) = (committed.trim_end(), generated.trim_end());
    let first = old.lines().zip(new.lines()).position(|(old, new)| old != new);
    let line = first.unwrap_or_else(|| old.lines().count().min(new.lines().count()));
    assert!(
        old == new,
        "docs/openapi.json is not what the code says, first in line {}:\n- {}\n+ {}\n\
         When the change is meant: cargo run -q -p konnect-bin --bin admin openapi > docs/openapi.json",
        line + 1,
        old.lines().nth(line).unwrap_or_default(),
        new.lines().nth(line).unwrap_or_default(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_its_pages_are_served() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let mut served = client.get("/openapi.json").await.ok(200);
    let mut committed: Value = serde_json::from_str(&konnect::api::openapi()).expect("JSON");
    assert_eq!(served["servers"][0]["url"], json!(app.api_config.public_url));
    served["servers"].take();
    committed["servers"].take();
    assert_eq!(served, committed);
    let page = client.get("/docs").await;
    assert_eq!(page.status, 200);
    let content_type = page.headers["content-type"].to_str().expect("text");
    assert!(content_type.starts_with("text/html"), "{content_type}");
    assert!(page.body.as_str().is_some_and(|html| html.contains("swagger")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_that_it_lives_what_it_needs_and_what_it_counts() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    assert_eq!(client.get("/healthz").await.ok(200), "ok\n");
    let ready = client.get("/readyz").await.ok(200);
    assert_eq!(ready["status"], "ok");
    assert!(ready["version"].is_string());
    assert_eq!(ready["tzdb"], konnect::availability::ZONE_DATA, "Q11: what the api links is what all link");
    let dependencies = ready["dependencies"].as_array().expect("dependencies");
    let named: Vec<_> = dependencies.iter().map(|d| (d["name"].as_str().unwrap_or(""), &d["ok"])).collect();
    assert_eq!(named, ["mysql", "redis", "mongodb"].map(|name| (name, &json!(true))));

    assert!(ready["clock"]["skewMs"].is_i64(), "S66: {ready}");

    client.get("/v1/nothing").await.problem(404, "route.not_found");
    let id = konnect::id::OfferingId::generate().to_string();
    client.get(&format!("/v1/offerings/{id}")).await.problem(404, "offering.not_found");
    let numbers = client.get("/metrics").await;
    let text = numbers.body.as_str().expect("text");
    assert!(text.contains("konnect_problems_total{code=\"route.not_found\"}"), "{text}");
    assert!(!text.contains(&id), "labels are few: {text}");
    assert!(numbers.headers["content-type"].to_str().expect("text").starts_with("text/plain"));

    // Without the database it is not ready, and requests are told so; nothing crashes.
    app.core.db.pool().close().await;
    let down = client.get("/readyz").await.ok(503);
    assert_eq!((&down["status"], &down["dependencies"][0]["ok"]), (&json!("down"), &json!(false)));
    client.get("/v1/offerings").await.problem(503, "service.unavailable");
    app.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_listed_origins_may_read_answers() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let ask = async |method: Method, path: &str, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization, idempotency-key, content-type"),
        ];
        client.send(method, path, None, &headers).await
    };
    let allowed = |answer: &Answer| {
        answer.headers.get("access-control-allow-origin").and_then(|v| v.to_str().ok()).map(str::to_owned)
    };
    let preflight = ask(Method::OPTIONS, "/v1/reservations", ORIGIN).await;
    assert_eq!((preflight.status.as_u16(), allowed(&preflight).as_deref()), (204, Some(ORIGIN)));
    let headers = preflight.headers["access-control-allow-headers"].to_str().expect("text");
    for name in ["authorization", "idempotency-key", "content-type", "prefer"] {
        assert!(headers.contains(name), "{name}");
    }
    assert!(preflight.headers["access-control-allow-methods"].to_str().expect("text").contains("PATCH"));
    for (path, status) in [("/v1/offerings", 200), ("/v1/reservations", 401), ("/v1/nothing", 404)] {
        let answer = ask(Method::GET, path, ORIGIN).await;
        assert_eq!((answer.status.as_u16(), allowed(&answer).as_deref()), (status, Some(ORIGIN)), "{path}");
        assert!(answer.headers.get_all("vary").iter().any(|v| v == "origin"));
        for origin in ["https://evil.example", "http://localhost:3001", "null"] {
            let answer = ask(Method::GET, path, origin).await;
            assert_eq!((answer.status.as_u16(), allowed(&answer)), (status, None), "{origin}");
        }
    }
    let refused = ask(Method::OPTIONS, "/v1/reservations", "https://evil.example").await;
    assert!(allowed(&refused).is_none() && !refused.headers.contains_key("access-control-allow-methods"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_have_one_shape_in_both_languages() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    let slot = |hours: i64| json!({ "offeringId": offering, "startsAt": monday() + chrono::TimeDelta::hours(hours) });
    app.book(&mentor, &app.mentee("rival").await, offering, monday() + chrono::TimeDelta::hours(26)).await;
    let hours = json!({ "expectedVersion": 1, "timeZone": "Seoul", "windows": [] });
    let cases: [(&str, &konnect_tests::Client, Method, &str, Option<Value>); 8] = [
        ("auth_required", &app.anonymous(), Method::GET, "/v1/me", None),
        ("auth_forbidden", &mentee.client, Method::GET, "/v1/admin/audit", None),
        ("route_not_found", &mentee.client, Method::GET, "/v1/nothing", None),
        ("slot_taken", &mentee.client, Method::POST, "/v1/reservations", Some(slot(26))),
        ("slot_outside_hours", &mentee.client, Method::POST, "/v1/reservations", Some(slot(34))),
        ("request_invalid", &mentee.client, Method::POST, "/v1/reservations", Some(json!({ "coupon": 1 }))),
        ("schedule_invalid", &mentor.client, Method::PUT, "/v1/me/schedule", Some(hours)),
        ("idempotency_key_required", &mentee.client, Method::POST, "/v1/reservations", Some(slot(28))),
    ];
    for (name, client, method, path, body) in cases {
        let mut both = serde_json::Map::new();
        for language in ["ko", "en"] {
            let key = konnect::id::secret();
            let mut headers = vec![("accept-language", language), ("idempotency-key", key.as_str())];
            if name == "idempotency_key_required" {
                headers.pop();
            }
            let answer = client.send(method.clone(), path, body.clone(), &headers).await;
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            assert_eq!(answer.headers["x-request-id"], answer.body["requestId"].as_str().expect("an id"));
            both.insert(language.to_owned(), answer.body);
        }
        insta::assert_json_snapshot!(format!("problem_{name}"), both, { ".*.requestId" => "[request id]" });
    }
    app.finish().await;
}

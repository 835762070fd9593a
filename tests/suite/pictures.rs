//! Pictures of people.

use chrono::TimeDelta;
use konnect_tests::{Answer, Person, TestApp};
use reqwest::Method;
use serde_json::Value;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0aIDATx\x9cc\0\x01\0\0\x05\0\x01\x0d\x0a\x2d\xb4\0\0\0\0IEND\xaeB`\x82";

async fn set(app: &TestApp, who: &Person, media_type: &str, bytes: &[u8]) -> Answer {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let sent = http
        .put(format!("{}/v1/me/picture", app.base))
        .bearer_auth(who.client.token().expect("a token"))
        .header("content-type", media_type)
        .body(bytes.to_vec())
        .send();
    let response = sent.await.expect("the API answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.json().await.expect("JSON") }
}

/// Status, headers and bytes.
async fn get(app: &TestApp, path: &str) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let response = http.get(format!("{}{path}", app.base)).send().await.expect("the API answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("bytes").to_vec())
}

fn path(profile: &Value) -> String {
    profile["picture"].as_str().expect("a picture").to_owned()
}

fn files(app: &TestApp) -> usize {
    let kept = app.config.files.files_dir.join("kept");
    let folders = std::fs::read_dir(kept).into_iter().flatten();
    folders
        .map(|folder| std::fs::read_dir(folder.expect("a folder").path()).into_iter().flatten().count())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_shown_to_everybody_until_another_takes_its_place() {
    let app = TestApp::start().await;
    let me = app.mentee("me").await;
    assert_eq!(me.client.get("/v1/me").await.ok(200).get("picture"), None);
    let first = path(&set(&app, &me, "image/png", PNG).await.ok(200));
    let (status, headers, bytes) = get(&app, &first).await;
    assert_eq!((status, bytes.as_slice()), (200, PNG));
    for (name, value) in [("content-type", "image/png"), ("x-content-type-options", "nosniff")] {
        assert_eq!(headers[name], value);
    }
    assert!(headers["content-security-policy"].to_str().expect("text").contains("sandbox"));
    let second = set(&app, &me, "image/png", PNG).await.ok(200);
    assert_ne!(path(&second), first);
    assert_eq!(get(&app, &first).await.0, 404);
    assert_eq!(me.client.get("/v1/me").await.ok(200), second);
    let none = me.client.send(Method::DELETE, "/v1/me/picture", None, &[]).await.ok(200);
    assert_eq!(none.get("picture"), None);
    me.client.send(Method::DELETE, "/v1/me/picture", None, &[]).await.ok(200);
    assert_eq!(get(&app, &path(&second)).await.0, 404);

    assert_eq!(files(&app), 2);
    app.reconcile_those(|kind| kind == "account.keep.v1").await;
    app.run_jobs_twice().await;
    assert_eq!(files(&app), 0, "files that nobody shows are removed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_refused_and_an_account_that_is_erased_has_none() {
    let app = TestApp::start().await;
    let me = app.mentee("me").await;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".as_slice();
    let polyglot = [PNG, b"<script>alert(1)</script>"].concat();
    for (media_type, bytes) in [
        ("image/png", svg),
        ("image/svg+xml", svg),
        ("image/png", polyglot.as_slice()),
        ("image/jpeg", PNG),
        ("text/plain", b"words"),
        ("image/png", b""),
        ("image/gif", b"GIF89a"),
    ] {
        set(&app, &me, media_type, bytes).await.problem(415, "user.picture_type");
    }
    let large = vec![0; 2 * 1024 * 1024 + 1];
    set(&app, &me, "image/png", &large).await.problem(413, "user.picture_too_large");
    let shown = path(&set(&app, &me, "image/png", PNG).await.ok(200));

    me.client.post("/v1/me/deletion", serde_json::json!({})).await.ok(200);
    app.run_jobs().await;
    assert_eq!(get(&app, &shown).await.0, 200, "its owner may come back");
    app.advance(TimeDelta::days(14));
    app.run_jobs().await;
    assert_eq!(get(&app, &shown).await.0, 404);
    app.reconcile_those(|kind| kind == "account.keep.v1").await;
    app.run_jobs().await;
    assert_eq!(files(&app), 0);
    app.finish().await;
}

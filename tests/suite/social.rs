//! Signing in by Google, Kakao and Naver.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect_tests::{Answer, Client, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";
const OTHER: &str = "ten other letters";

fn google(app: &TestApp, subject: &str, email: &str) -> Value {
    let claims = json!({ "sub": subject, "email": email, "email_verified": true, "name": "김민지" });
    json!({ "idToken": app.sandbox.id_token("google", claims) })
}

fn kakao(app: &TestApp, subject: &str, email: &str) -> Value {
    json!({ "idToken": app.sandbox.id_token("kakao", json!({ "sub": subject, "email": email, "nickname": "민지" })) })
}

fn naver(app: &TestApp, subject: &str, email: &str) -> Value {
    json!({ "accessToken": app.sandbox.naver_token(json!({ "id": subject, "email": email, "name": "민지" })) })
}

async fn come(app: &TestApp, provider: &str, proof: Value) -> Answer {
    let mut body = json!({ "locale": "ko", "timeZone": "Asia/Seoul" });
    for (name, value) in proof.as_object().expect("fields") {
        body[name] = value.clone();
    }
    app.anonymous().post(&format!("/v1/auth/social/{provider}"), body).await
}

fn with_code(mut proof: Value, code: &str) -> Value {
    proof["emailCode"] = json!(code);
    proof
}

async fn register(app: &TestApp, email: &str) -> Value {
    let body = json!({
        "email": email, "password": PASSWORD, "name": "N", "locale": "ko", "timeZone": "Asia/Seoul",
    });
    app.anonymous().post("/v1/auth/register", body).await.ok(201)
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post("/v1/auth/login", json!({ "email": email, "password": password })).await
}

async fn code(app: &TestApp, email: &str, purpose: &str) -> String {
    app.anonymous().post("/v1/auth/email-codes", json!({ "email": email, "purpose": purpose })).await.ok(202);
    app.mailed_code(email).await
}

fn client(app: &TestApp, tokens: &Value) -> Client {
    Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_by_google_has_an_account_from_then_on() {
    let app = TestApp::start().await;
    let first = come(&app, "google", google(&app, "g-1", "Min.Ji@gmail.com")).await.ok(200);
    let user = &first["user"];
    assert_eq!((&user["email"], &user["emailVerified"]), (&json!("min.ji@gmail.com"), &json!(true)));
    assert_eq!((&user["name"], &user["timeZone"]), (&json!("김민지"), &json!("Asia/Seoul")));
    // The address may change at the provider; the subject does not.
    let again = come(&app, "google", google(&app, "g-1", "other@gmail.com")).await.ok(200);
    assert_eq!(again["user"]["id"], user["id"]);
    let ways = client(&app, &again).get("/v1/me/identities").await.ok(200);
    assert_eq!((&ways[0]["provider"], &ways[0]["email"]), (&json!("google"), &json!("other@gmail.com")));
    log_in(&app, "min.ji@gmail.com", PASSWORD).await.problem(401, "auth.invalid_credentials");
    log_in(&app, "min.ji@gmail.com", "").await.problem(401, "auth.invalid_credentials");

    let theirs = json!({ "sub": "g-1", "aud": "somebody else's", "email": "min.ji@gmail.com", "email_verified": true });
    let theirs = json!({ "idToken": app.sandbox.id_token("google", theirs) });
    come(&app, "google", theirs).await.problem(401, "auth.identity_invalid");
    let of_kakao = kakao(&app, "g-1", "min.ji@gmail.com");
    come(&app, "google", of_kakao).await.problem(401, "auth.identity_invalid");
    come(&app, "google", json!({})).await.problem(401, "auth.identity_invalid");
    come(&app, "apple", json!({})).await.problem(400, "request.invalid");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s55_a_provider_that_does_not_vouch_for_the_mailbox_opens_nothing() {
    let app = TestApp::start().await;
    let victim = register(&app, "victim@konnect.test").await;
    let verify = code(&app, "victim@konnect.test", "verify").await;
    let tokens = log_in(&app, "victim@konnect.test", PASSWORD).await.ok(200);
    client(&app, &tokens).post("/v1/me/email/verification", json!({ "code": verify })).await.ok(200);

    let unvouched = json!({ "sub": "g-9", "email": "victim@konnect.test", "email_verified": false });
    let unvouched = json!({ "idToken": app.sandbox.id_token("google", unvouched) });
    // Google's word about a mailbox that it does not keep is as good as none.
    let foreign = google(&app, "g-9", "victim@konnect.test");
    let cases = [
        ("google", unvouched),
        ("google", foreign),
        ("kakao", kakao(&app, "k-9", "victim@konnect.test")),
        ("naver", naver(&app, "n-9", "victim@konnect.test")),
    ];
    for (provider, proof) in cases {
        let refused = come(&app, provider, proof.clone()).await.problem(422, "auth.email_code_required");
        assert_eq!(refused["context"]["email"], "victim@konnect.test", "{provider}");
        let guessed = come(&app, provider, with_code(proof, "000000")).await;
        assert_eq!(guessed.problem(422, "auth.email_code_invalid")["field"], "emailCode");
    }
    assert_eq!(client(&app, &tokens).get("/v1/me/identities").await.ok(200), json!([]));

    // Whoever reads the mailbox is its owner.
    let proven = code(&app, "victim@konnect.test", "register").await;
    let own = with_code(kakao(&app, "k-1", "victim@konnect.test"), &proven);
    assert_eq!(come(&app, "kakao", own).await.ok(200)["user"]["id"], victim["id"]);
    app.run_jobs().await;
    assert_eq!(
        client(&app, &tokens).get("/v1/me/notices").await.ok(200)["items"][0]["kind"],
        "security.identity_linked"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s55_an_account_that_waits_for_the_owner_of_its_address_is_not_inherited() {
    let app = TestApp::start().await;
    // Somebody registers the victim's address, leaves a device and another way in, and waits.
    let squatted = register(&app, "victim@gmail.com").await;
    let squatter = client(&app, &log_in(&app, "victim@gmail.com", PASSWORD).await.ok(200));
    squatter.post("/v1/me/devices", json!({ "token": "fcm:squatter", "platform": "web" })).await.ok(204);
    squatter.post("/v1/me/identities/naver", naver(&app, "n-squatter", "me@naver.com")).await.ok(204);

    let refused = come(&app, "google", google(&app, "g-victim", "victim@gmail.com")).await;
    refused.problem(409, "user.identity_not_linked");
    squatter.get("/v1/me").await.ok(200);

    let proof = code(&app, "victim@gmail.com", "reset").await;
    let body = json!({ "email": "victim@gmail.com", "code": proof, "newPassword": OTHER });
    app.anonymous().post("/v1/auth/password-reset", body).await.ok(204);

    squatter.get("/v1/me").await.problem(401, "auth.session_revoked");
    log_in(&app, "victim@gmail.com", PASSWORD).await.problem(401, "auth.invalid_credentials");
    let back = naver(&app, "n-squatter", "me@naver.com");
    come(&app, "naver", back).await.problem(422, "auth.email_code_required");
    let devices: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM device_tokens")
        .fetch_one(app.core.db.pool())
        .await
        .expect("a number");
    assert_eq!(devices, 0);
    let victim = come(&app, "google", google(&app, "g-victim", "victim@gmail.com")).await.ok(200);
    assert_eq!(victim["user"]["id"], squatted["id"]);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_by_naver_proves_the_mailbox_once() {
    let app = TestApp::start().await;
    let proof = naver(&app, "n-1", "Minji@naver.com");
    come(&app, "naver", proof.clone()).await.problem(422, "auth.email_code_required");
    let digits = code(&app, "minji@naver.com", "register").await;
    let named = {
        let mut body = with_code(proof.clone(), &digits);
        body["name"] = json!("Minji K.");
        body
    };
    let joined = come(&app, "naver", named).await.ok(200);
    assert_eq!(
        (&joined["user"]["name"], &joined["user"]["emailVerified"]),
        (&json!("Minji K."), &json!(true))
    );
    assert_eq!(come(&app, "naver", proof).await.ok(200)["user"]["id"], joined["user"]["id"]);
    come(&app, "naver", json!({ "accessToken": "nobody's" })).await.problem(401, "auth.identity_invalid");
    let mute = json!({ "accessToken": app.sandbox.naver_token(json!({ "id": "n-2" })) });
    come(&app, "naver", mute).await.problem(422, "user.identity_without_email");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_in_are_added_and_removed_by_who_has_just_logged_in() {
    let app = TestApp::start().await;
    let tokens = come(&app, "google", google(&app, "g-1", "owner@gmail.com")).await.ok(200);
    let owner = client(&app, &tokens);
    let other = client(&app, &come(&app, "google", google(&app, "g-2", "other@gmail.com")).await.ok(200));
    let link = async |who: &Client, provider: &str, proof: Value| {
        who.post(&format!("/v1/me/identities/{provider}"), proof).await
    };
    let unlink = async |who: &Client, provider: &str| {
        who.send(Method::DELETE, &format!("/v1/me/identities/{provider}"), None, &[]).await
    };
    unlink(&owner, "google").await.problem(409, "user.last_way_in");
    unlink(&owner, "kakao").await.problem(404, "user.identity_not_found");
    link(&owner, "kakao", kakao(&app, "k-1", "owner@kakao.com")).await.ok(204);
    link(&owner, "kakao", kakao(&app, "k-1", "owner@kakao.com")).await.ok(204);
    link(&owner, "kakao", kakao(&app, "k-2", "owner@kakao.com")).await.problem(409, "user.identity_taken");
    link(&other, "kakao", kakao(&app, "k-1", "owner@kakao.com")).await.problem(409, "user.identity_taken");
    assert_eq!(
        come(&app, "kakao", kakao(&app, "k-1", "owner@kakao.com")).await.ok(200)["user"]["id"],
        tokens["user"]["id"]
    );
    unlink(&owner, "google").await.ok(204);
    unlink(&owner, "kakao").await.problem(409, "user.last_way_in");

    app.advance(TimeDelta::seconds(601));
    let late = naver(&app, "n-1", "owner@naver.com");
    link(&owner, "naver", late).await.problem(403, "auth.fresh_login_required");
    unlink(&owner, "kakao").await.problem(403, "auth.fresh_login_required");
    app.run_jobs().await;
    assert_eq!(app.sandbox.mails_to("owner@gmail.com").len(), 2, "of each change, once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_provider_change_and_providers_go_away() {
    let app = TestApp::start().await;
    app.sandbox.identity_down(true);
    come(&app, "google", google(&app, "g-1", "a@gmail.com")).await.problem(503, "auth.provider_unavailable");
    let away = naver(&app, "n-1", "a@naver.com");
    come(&app, "naver", away).await.problem(503, "auth.provider_unavailable");
    app.sandbox.identity_down(false);
    app.advance(TimeDelta::minutes(1));
    come(&app, "google", google(&app, "g-1", "a@gmail.com")).await.ok(200);
    assert_eq!(app.sandbox.identity_fetches(), 1);
    app.sandbox.rotate_identity_key();
    let signed_anew = google(&app, "g-1", "a@gmail.com");
    come(&app, "google", signed_anew.clone()).await.problem(401, "auth.identity_invalid");
    app.advance(TimeDelta::minutes(1));
    let all = join_all((0..5).map(|_| come(&app, "google", signed_anew.clone()))).await;
    assert!(all.iter().all(|answer| answer.status == 200), "{all:#?}");
    assert_eq!(app.sandbox.identity_fetches(), 2, "one at a time");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_twice_at_once_has_one_account() {
    let app = TestApp::start().await;
    let proof = google(&app, "g-1", "twice@gmail.com");
    let answers = join_all((0..6).map(|_| come(&app, "google", proof.clone()))).await;
    let ids: Vec<_> = answers.into_iter().map(|answer| answer.ok(200)["user"]["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    app.run_jobs().await;
    app.finish().await;
}

//! Exchanging tokens of issuers that the operator trusts: `corp`, which vouches for mailboxes, and `school`, which does not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use konnect::config::TrustedIssuers;
use konnect_sandbox::IDENTITY_AUDIENCE;
use konnect_tests::{Answer, Client, TestApp, totp};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";

/// A token of an issuer for a person whose mailbox it has seen.
fn token(app: &TestApp, issuer: &str, subject: &str, email: &str) -> String {
    let claims = json!({ "sub": subject, "email": email, "email_verified": true, "name": "Min" });
    app.sandbox.id_token(issuer, claims)
}

async fn come(app: &TestApp, issuer: &str, token: &str) -> Answer {
    come_at(&app.anonymous(), issuer, json!({ "token": token })).await
}

async fn come_at(door: &Client, issuer: &str, proof: Value) -> Answer {
    let mut body = json!({ "locale": "ko", "timeZone": "Asia/Seoul" });
    for (name, value) in proof.as_object().expect("fields") {
        body[name] = value.clone();
    }
    door.post(&format!("/v1/auth/issuers/{issuer}"), body).await
}

fn client(app: &TestApp, tokens: &Value) -> Client {
    Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned))
}

async fn register(app: &TestApp, email: &str) -> Value {
    let body = json!({
        "email": email, "password": PASSWORD, "name": "N", "locale": "ko", "timeZone": "Asia/Seoul",
    });
    app.anonymous().post("/v1/auth/register", body).await.ok(201)
}

/// A token with another header and, unless it is taken over, another signature.
fn forged(token: &str, header: impl FnOnce(&mut Value), signature: Option<&str>) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let mut head: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).expect("base64")).expect("a header");
    header(&mut head);
    format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(head.to_string()), parts[1], signature.unwrap_or(parts[2]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_exchanged_for_a_session_like_every_other() {
    let app = TestApp::start().await;
    let first = come(&app, "corp", &token(&app, "corp", "c-1", "Min@corp.example")).await.ok(200);
    let user = &first["user"];
    assert_eq!((&user["email"], &user["emailVerified"]), (&json!("min@corp.example"), &json!(true)));
    // The address may change at the issuer; the subject does not.
    let again = come(&app, "corp", &token(&app, "corp", "c-1", "kim@corp.example")).await.ok(200);
    assert_eq!(again["user"]["id"], user["id"]);
    let (here, there) = (client(&app, &again), client(&app, &first));
    let ways = here.get("/v1/me/identities").await.ok(200);
    assert_eq!(ways.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&ways[0]["provider"], &ways[0]["issuer"], &ways[0]["email"]),
        (&json!("issuer"), &json!("corp"), &json!("kim@corp.example"))
    );
    // The token itself opens nothing.
    let raw = Client::new(&app.base, Some(token(&app, "corp", "c-1", "min@corp.example")));
    raw.get("/v1/me").await.problem(401, "auth.token_invalid");

    let logins = here.get("/v1/me/sessions").await.ok(200);
    assert_eq!(logins.as_array().map(Vec::len), Some(2), "{logins}");
    let refresh = async |tokens: &Value| {
        app.anonymous().post("/v1/auth/refresh", json!({ "refreshToken": tokens["refreshToken"] })).await
    };
    refresh(&first).await.ok(200);
    refresh(&first).await.problem(401, "auth.refresh_reused");
    there.get("/v1/me").await.problem(401, "auth.session_revoked");
    here.get("/v1/me").await.ok(200);

    let admin = app.admin("admin").await;
    let path = format!("/v1/admin/users/{}/suspend", user["id"].as_str().expect("an id"));
    admin.client.post(&path, json!({ "reason": "misuse" })).await.ok(200);
    here.get("/v1/me").await.problem(401, "auth.session_revoked");
    come(&app, "corp", &token(&app, "corp", "c-1", "kim@corp.example")).await.problem(403, "auth.suspended");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_second_factor_is_asked_for_it_whatever_an_issuer_says() {
    let app = TestApp::start().await;
    let proof = token(&app, "corp", "c-1", "min@corp.example");
    let owner = client(&app, &come(&app, "corp", &proof).await.ok(200));
    let enrolment = owner.post("/v1/me/second-factor", json!({})).await.ok(201);
    let secret = enrolment["secret"].as_str().expect("a secret");
    let code = json!({ "code": totp(secret, app.now()) });
    owner.post("/v1/me/second-factor/confirmation", code).await.ok(200);
    app.advance(TimeDelta::seconds(30));
    let asked = come(&app, "corp", &proof).await.problem(401, "auth.second_factor_required");
    let answer = json!({ "challenge": asked["context"]["challenge"], "code": totp(secret, app.now()) });
    let tokens = app.anonymous().post("/v1/auth/second-factor", answer).await.ok(200);
    client(&app, &tokens).get("/v1/me").await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s55_an_issuer_opens_the_account_of_an_address_only_by_a_proven_mailbox() {
    let app = TestApp::start().await;
    let victim = register(&app, "victim@corp.example").await;
    let vouched = token(&app, "corp", "c-9", "victim@corp.example");
    come(&app, "corp", &vouched).await.problem(409, "user.identity_not_linked");
    sqlx::query("UPDATE users SET email_verified_at = created_at")
        .execute(app.core.db.pool())
        .await
        .expect("the mailbox is proven");

    // Its word about mailboxes does not count, though the token says that it has seen it.
    let unvouched = token(&app, "school", "s-9", "victim@corp.example");
    let refused = come(&app, "school", &unvouched).await.problem(422, "auth.email_code_required");
    assert_eq!(refused["context"]["email"], "victim@corp.example");
    let unseen = json!({ "sub": "c-9", "email": "victim@corp.example", "email_verified": false });
    let unseen = app.sandbox.id_token("corp", unseen);
    come(&app, "corp", &unseen).await.problem(422, "auth.email_code_required");
    let nobody = app.sandbox.id_token("corp", json!({ "sub": "c-8" }));
    come(&app, "corp", &nobody).await.problem(422, "user.identity_without_email");

    assert_eq!(come(&app, "corp", &vouched).await.ok(200)["user"]["id"], victim["id"]);
    let ask = json!({ "email": "victim@corp.example", "purpose": "register" });
    app.anonymous().post("/v1/auth/email-codes", ask).await.ok(202);
    let code = app.mailed_code("victim@corp.example").await;
    let proven = json!({ "token": unvouched, "emailCode": code });
    let tokens = come_at(&app.anonymous(), "school", proven).await.ok(200);
    assert_eq!(tokens["user"]["id"], victim["id"]);
    app.run_jobs().await;
    let told = client(&app, &tokens).get("/v1/me/notices").await.ok(200);
    let linked: Vec<_> = told["items"]
        .as_array()
        .expect("notices")
        .iter()
        .filter(|n| n["kind"] == "security.identity_linked")
        .collect();
    assert_eq!(linked.len(), 2, "{told}");
    assert!(linked[0]["body"].as_str().is_some_and(|body| body.contains("school")), "{told}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_good_token_of_that_issuer_for_us_is_exchanged() {
    let app = TestApp::start().await;
    let good = token(&app, "corp", "c-1", "min@corp.example");
    let now = app.now().timestamp();
    let with = |claims: Value| {
        let mut all = json!({ "sub": "c-1", "email": "min@corp.example", "email_verified": true });
        all.as_object_mut().expect("claims").extend(claims.as_object().expect("claims").clone());
        app.sandbox.id_token("corp", all)
    };
    let corp = format!("{}/oidc/corp", app.sandbox.url());
    let kid_of_corp = |token: &str| {
        let head = good.split('.').next().expect("a header");
        let head: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).expect("base64")).expect("JSON");
        forged(token, |header| header["kid"] = head["kid"].clone(), None)
    };
    let as_corp =
        app.sandbox.id_token("school", json!({ "sub": "c-1", "iss": corp, "email": "min@corp.example" }));
    let public_as_secret = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &json!({ "iss": corp, "sub": "c-1", "aud": IDENTITY_AUDIENCE, "iat": now, "exp": now + 3_600 }),
        &jsonwebtoken::EncodingKey::from_secret(corp.as_bytes()),
    )
    .expect("a token");
    for (what, token) in [
        ("for somebody else", with(json!({ "aud": "theirs" }))),
        ("for others too", with(json!({ "aud": [IDENTITY_AUDIENCE, "theirs"] }))),
        ("of another issuer", with(json!({ "iss": "https://id.corp.example" }))),
        ("expired", with(json!({ "exp": now - 61 }))),
        ("of tomorrow", with(json!({ "iat": now + 61 }))),
        ("not good yet", with(json!({ "nbf": now + 61 }))),
        ("without an end", with(json!({ "exp": null }))),
        ("of nobody", with(json!({ "sub": "" }))),
        ("unsigned", forged(&good, |header| header["alg"] = json!("none"), Some(""))),
        (
            "unsigned, with the signature of another",
            forged(&good, |header| header["alg"] = json!("none"), None),
        ),
        ("HS256", public_as_secret.clone()),
        ("HS256 by name", forged(&good, |header| header["alg"] = json!("HS256"), None)),
        (
            "without a kid",
            forged(
                &good,
                |header| {
                    header.as_object_mut().expect("a header").remove("kid");
                },
                None,
            ),
        ),
        ("a kid of nobody's", forged(&good, |header| header["kid"] = json!("nobody's"), None)),
        ("by another issuer's key", as_corp.clone()),
        ("by another issuer's key, with our kid", kid_of_corp(&as_corp)),
        ("the token of another trusted issuer", token(&app, "school", "c-1", "min@corp.example")),
        ("no token", "a.b.c".to_owned()),
    ] {
        let refused = come(&app, "corp", &token).await;
        assert_eq!(refused.status, 401, "{what}");
        refused.problem(401, "auth.identity_invalid");
    }
    come(&app, "nobody", &good).await.problem(404, "auth.provider_off");
    come(&app, "google", &good).await.problem(404, "auth.provider_off");
    let bound = json!({ "token": with(json!({ "nonce": "n" })), "nonce": "m" });
    come_at(&app.anonymous(), "corp", bound).await.problem(401, "auth.identity_invalid");
    let users: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users")
        .fetch_one(app.core.db.pool())
        .await
        .expect("a number");
    assert_eq!(users, 0);
    come(&app, "corp", &good).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_issuer_change_and_an_issuer_goes_away() {
    let app = TestApp::start().await;
    app.sandbox.identity_down(true);
    let good = token(&app, "corp", "c-1", "min@corp.example");
    come(&app, "corp", &good).await.problem(503, "auth.provider_unavailable");
    app.sandbox.identity_down(false);
    app.advance(TimeDelta::minutes(1));
    come(&app, "corp", &good).await.ok(200);
    app.sandbox.rotate_identity_key();
    let anew = token(&app, "corp", "c-1", "min@corp.example");
    come(&app, "corp", &anew).await.problem(401, "auth.identity_invalid");
    app.advance(TimeDelta::minutes(1));
    come(&app, "corp", &anew).await.ok(200);
    come(&app, "corp", &good).await.ok(200);
    assert_eq!(app.sandbox.identity_fetches(), 2);
    // Away, it is believed by the keys that are known.
    app.sandbox.identity_down(true);
    app.advance(TimeDelta::hours(2));
    come(&app, "corp", &token(&app, "corp", "c-1", "min@corp.example")).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_linked_and_unlinked_by_who_has_just_logged_in() {
    let app = TestApp::start().await;
    let tokens = come(&app, "corp", &token(&app, "corp", "c-1", "owner@corp.example")).await.ok(200);
    let owner = client(&app, &tokens);
    let other =
        client(&app, &come(&app, "corp", &token(&app, "corp", "c-2", "other@corp.example")).await.ok(200));
    let link = async |who: &Client, subject: &str| {
        let proof = json!({ "token": token(&app, "school", subject, "x@school.example") });
        who.post("/v1/me/identities/issuers/school", proof).await
    };
    let unlink = async |who: &Client, name: &str| {
        who.send(Method::DELETE, &format!("/v1/me/identities/issuers/{name}"), None, &[]).await
    };
    unlink(&owner, "corp").await.problem(409, "user.last_way_in");
    unlink(&owner, "school").await.problem(404, "user.identity_not_found");
    link(&owner, "s-1").await.ok(204);
    link(&owner, "s-1").await.ok(204);
    link(&owner, "s-2").await.problem(409, "user.identity_taken");
    link(&other, "s-1").await.problem(409, "user.identity_taken");
    // An identity leads to its account whether or not the issuer vouches for the mailbox.
    let school = token(&app, "school", "s-1", "x@school.example");
    assert_eq!(come(&app, "school", &school).await.ok(200)["user"]["id"], tokens["user"]["id"]);
    unlink(&owner, "corp").await.ok(204);
    unlink(&owner, "school").await.problem(409, "user.last_way_in");
    app.advance(TimeDelta::seconds(601));
    link(&owner, "s-1").await.problem(403, "auth.fresh_login_required");
    unlink(&owner, "school").await.problem(403, "auth.fresh_login_required");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_issuer_under_an_old_name_inherits_nobody() {
    let app = TestApp::start().await;
    let min = come(&app, "corp", &token(&app, "corp", "c-1", "min@corp.example")).await.ok(200);
    let base = app
        .second_api_with(|config| {
            // The operator gives the name to somebody else.
            let TrustedIssuers(issuers) = &mut config.identity.trusted_issuers;
            issuers[0].url = issuers[1].url.replace("school", "newcorp");
        })
        .await;
    let door = Client::new(&base, None);
    let claims = json!({ "sub": "c-1", "email": "thief@corp.example", "email_verified": true });
    let theirs =
        come_at(&door, "corp", json!({ "token": app.sandbox.id_token("newcorp", claims) })).await.ok(200);
    assert_ne!(theirs["user"]["id"], min["user"]["id"]);
    let before = json!({ "token": token(&app, "corp", "c-1", "min@corp.example") });
    come_at(&door, "corp", before).await.problem(401, "auth.identity_invalid");
    app.run_jobs().await;
    app.finish().await;
}

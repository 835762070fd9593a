//! The second factor of an account.

use chrono::TimeDelta;
use konnect_tests::{Answer, Client, TestApp, account_body, totp};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";
const EMAIL: &str = "owner@konnect.test";

async fn log_in(app: &TestApp) -> Answer {
    app.anonymous().post("/v1/auth/login", json!({ "email": EMAIL, "password": PASSWORD })).await
}

async fn challenge(app: &TestApp) -> Value {
    log_in(app).await.problem(401, "auth.second_factor_required")["context"]["challenge"].clone()
}

async fn answer(app: &TestApp, challenge: &Value, code: &str) -> Answer {
    app.anonymous().post("/v1/auth/second-factor", json!({ "challenge": challenge, "code": code })).await
}

fn client(app: &TestApp, tokens: &Value) -> Client {
    Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned))
}

/// Enrols whoever is logged in; the secret and the recovery codes. The next code is good.
async fn enrol(app: &TestApp, who: &Client) -> (String, Vec<String>) {
    let enrolment = who.post("/v1/me/second-factor", json!({})).await.ok(201);
    let secret = enrolment["secret"].as_str().expect("a secret").to_owned();
    assert!(enrolment["uri"].as_str().expect("a URI").contains(&format!("secret={secret}&issuer=Konnect")));
    let code = totp(&secret, app.now());
    let codes = who.post("/v1/me/second-factor/confirmation", json!({ "code": code })).await.ok(200);
    let codes = codes["recoveryCodes"].as_array().expect("codes").iter();
    app.advance(TimeDelta::seconds(30));
    (secret, codes.map(|code| code.as_str().expect("text").to_owned()).collect())
}

/// Somebody with a password and a second factor.
async fn guarded(app: &TestApp) -> (Client, String, Vec<String>) {
    let body =
        json!({ "email": EMAIL, "password": PASSWORD, "name": "N", "locale": "ko", "timeZone": "UTC" });
    app.anonymous().post("/v1/auth/register", body).await.ok(201);
    let owner = client(app, &log_in(app).await.ok(200));
    let (secret, codes) = enrol(app, &owner).await;
    (owner, secret, codes)
}

/// Six digits that are no code of these minutes.
fn wrong(app: &TestApp, secret: &str) -> String {
    let near: Vec<_> = (-3..=3).map(|n| totp(secret, app.now() + TimeDelta::seconds(30 * n))).collect();
    (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).expect("one of a million")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_guards_an_account_once_it_is_confirmed() {
    let app = TestApp::start().await;
    let body =
        json!({ "email": EMAIL, "password": PASSWORD, "name": "N", "locale": "ko", "timeZone": "UTC" });
    app.anonymous().post("/v1/auth/register", body).await.ok(201);
    let owner = client(&app, &log_in(&app).await.ok(200));
    let confirm =
        async |code: &str| owner.post("/v1/me/second-factor/confirmation", json!({ "code": code })).await;
    confirm("123456").await.problem(409, "auth.second_factor_missing");
    let first = owner.post("/v1/me/second-factor", json!({})).await.ok(201);
    let second = owner.post("/v1/me/second-factor", json!({})).await.ok(201);
    let secret = second["secret"].as_str().expect("a secret");
    assert_ne!(first["secret"], second["secret"]);
    log_in(&app).await.ok(200);
    confirm(&wrong(&app, secret)).await.problem(403, "auth.second_factor_wrong");
    let code = totp(secret, app.now());
    assert_eq!(confirm(&code).await.ok(200)["recoveryCodes"].as_array().map(Vec::len), Some(10));
    owner.post("/v1/me/second-factor", json!({})).await.problem(409, "auth.second_factor_exists");

    let asked = challenge(&app).await;
    answer(&app, &asked, &code).await.problem(403, "auth.second_factor_wrong");
    app.advance(TimeDelta::seconds(30));
    let tokens = answer(&app, &asked, &totp(secret, app.now())).await.ok(200);
    client(&app, &tokens).get("/v1/me").await.ok(200);
    let again = totp(secret, app.now() + TimeDelta::seconds(30));
    answer(&app, &asked, &again).await.problem(401, "auth.challenge_invalid");
    let shown = owner.get("/v1/me/second-factor").await.ok(200);
    assert_eq!((&shown["enabled"], &shown["recoveryCodesLeft"]), (&json!(true), &json!(10)));
    app.run_jobs_twice().await;
    let kinds = owner.get("/v1/me/notices").await.ok(200);
    assert_eq!(kinds["items"][0]["kind"], "security.factor_on");
    let rows: Vec<Vec<u8>> = sqlx::query_scalar("SELECT secret FROM second_factors")
        .fetch_all(app.core.db.pool())
        .await
        .expect("rows");
    assert!(!String::from_utf8_lossy(&rows[0]).contains(secret), "sealed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_a_challenge_for_five_guesses_and_minutes() {
    let app = TestApp::start().await;
    let (owner, secret, _) = guarded(&app).await;
    let (one, two) = (challenge(&app).await, challenge(&app).await);
    let code = totp(&secret, app.now());
    answer(&app, &one, &code).await.ok(200);
    answer(&app, &two, &code).await.problem(403, "auth.second_factor_wrong");
    app.advance(TimeDelta::seconds(30));
    for _ in 0..4 {
        answer(&app, &two, &wrong(&app, &secret)).await.problem(403, "auth.second_factor_wrong");
    }
    answer(&app, &two, &totp(&secret, app.now())).await.problem(401, "auth.challenge_invalid");
    let late = challenge(&app).await;
    app.advance(TimeDelta::minutes(5));
    answer(&app, &late, &totp(&secret, app.now())).await.problem(401, "auth.challenge_invalid");
    answer(&app, &json!("nobody's"), "123456").await.problem(401, "auth.challenge_invalid");
    // A thief with the password cannot begin again and again.
    let mut refused = false;
    for _ in 0..12 {
        let check = owner.post("/v1/me/second-factor/check", json!({ "code": wrong(&app, &secret) })).await;
        refused |= check.status == 429;
    }
    assert!(refused);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_codes_are_good_once_and_are_renewed() {
    let app = TestApp::start().await;
    let (owner, secret, codes) = guarded(&app).await;
    let tokens = answer(&app, &challenge(&app).await, &codes[0].to_uppercase()).await.ok(200);
    answer(&app, &challenge(&app).await, &codes[0]).await.problem(403, "auth.second_factor_wrong");
    let here = client(&app, &tokens);
    assert_eq!(here.get("/v1/me/second-factor").await.ok(200)["recoveryCodesLeft"], 9);
    let renew = json!({ "code": totp(&secret, app.now()) });
    let fresh = here.post("/v1/me/second-factor/recovery-codes", renew).await.ok(200);
    answer(&app, &challenge(&app).await, &codes[1]).await.problem(403, "auth.second_factor_wrong");
    app.advance(TimeDelta::seconds(1));
    let code = fresh["recoveryCodes"][3].as_str().expect("a code");
    answer(&app, &challenge(&app).await, code).await.ok(200);
    app.run_jobs().await;
    let told = owner.get("/v1/me/notices").await.ok(200);
    let used = told["items"]
        .as_array()
        .expect("notices")
        .iter()
        .filter(|n| n["kind"] == "security.recovery_code_used");
    assert_eq!(used.count(), 2);

    let drop = async |code: &str| {
        here.send(Method::DELETE, "/v1/me/second-factor", Some(json!({ "code": code })), &[]).await
    };
    drop(&wrong(&app, &secret)).await.problem(403, "auth.second_factor_wrong");
    app.advance(TimeDelta::seconds(30));
    drop(&totp(&secret, app.now())).await.ok(204);
    log_in(&app).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mentor_with_a_second_factor_shows_it_before_the_payout_account_changes() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let (secret, _) = enrol(&app, &mentor.client).await;
    let set = async |who: &Client, version: i64| {
        who.send(Method::PUT, "/v1/me/payout-account", Some(account_body(version)), &[]).await
    };
    set(&mentor.client, 0).await.ok(200);
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(601));
    // A fresh password does not do.
    let mentor = app.log_in(&mentor).await;
    set(&mentor.client, 1).await.problem(403, "auth.fresh_factor_required");
    let check = json!({ "code": totp(&secret, app.now()) });
    mentor.client.post("/v1/me/second-factor/check", check.clone()).await.ok(204);
    set(&mentor.client, 1).await.ok(200);
    mentor.client.post("/v1/me/second-factor/check", check).await.problem(403, "auth.second_factor_wrong");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_such_in_logins_with_a_second_factor_where_that_is_the_rule() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let strict = app.second_api_with(|config| config.admin_second_factor = true).await;
    let here = Client::new(&strict, admin.client.token().map(str::to_owned));
    admin.client.get("/v1/admin/users").await.ok(200);
    here.get("/v1/admin/users").await.problem(403, "auth.second_factor_needed");
    here.get("/v1/me").await.ok(200);
    enrol(&app, &here).await;
    here.get("/v1/admin/users").await.ok(200);
    let again = app.log_in(&admin).await;
    let again = Client::new(&strict, again.client.token().map(str::to_owned));
    again.get("/v1/admin/users").await.problem(403, "auth.second_factor_needed");
    let mentee = app.mentee("mentee").await;
    let mentee = Client::new(&strict, mentee.client.token().map(str::to_owned));
    mentee.get("/v1/admin/users").await.problem(403, "auth.forbidden");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_outlives_a_forgotten_password_where_the_mailbox_was_proven() {
    let app = TestApp::start().await;
    let (owner, _, _) = guarded(&app).await;
    let reset = async |purpose: &str| {
        app.anonymous()
            .post("/v1/auth/email-codes", json!({ "email": EMAIL, "purpose": purpose }))
            .await
            .ok(202);
        app.mailed_code(EMAIL).await
    };
    let code = reset("verify").await;
    owner.post("/v1/me/email/verification", json!({ "code": code })).await.ok(200);
    let code = reset("reset").await;
    let body = json!({ "email": EMAIL, "code": code, "newPassword": PASSWORD });
    app.anonymous().post("/v1/auth/password-reset", body).await.ok(204);
    challenge(&app).await;
    // An operator, who knows who asks, takes it away.
    let id = sqlx::query_scalar("SELECT user_id FROM second_factors")
        .fetch_one(app.core.db.pool())
        .await
        .expect("an id");
    konnect::transact!(app.core.db, app.context(), konnect::user::Error, tx => {
        konnect::user::drop_second_factor(tx, id, "showed a passport").await
    })
    .expect("taken away");
    log_in(&app).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

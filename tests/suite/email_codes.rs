//! What a mailbox proves: joining, a forgotten password, the address of an account.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Answer, Client, Socket, TestApp};
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";
const OTHER: &str = "ten other letters";

async fn ask(app: &TestApp, email: &str, purpose: &str) -> Answer {
    app.anonymous().post("/v1/auth/email-codes", json!({ "email": email, "purpose": purpose })).await
}

async fn register(app: &TestApp, email: &str, code: Option<&str>) -> Answer {
    let mut body = json!({
        "email": email, "password": PASSWORD, "name": "김민지", "locale": "ko", "timeZone": "Asia/Seoul",
    });
    if let Some(code) = code {
        body["emailCode"] = json!(code);
    }
    app.anonymous().post("/v1/auth/register", body).await
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post("/v1/auth/login", json!({ "email": email, "password": password })).await
}

async fn reset(app: &TestApp, email: &str, code: &str) -> Answer {
    let body = json!({ "email": email, "code": code, "newPassword": OTHER });
    app.anonymous().post("/v1/auth/password-reset", body).await
}

fn client(app: &TestApp, tokens: &Value) -> Client {
    Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned))
}

/// Six digits that are not the code.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().expect("digits") + 1) % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_with_a_code_proves_the_mailbox() {
    let app = TestApp::start().await;
    assert_eq!(register(&app, "without@konnect.test", None).await.ok(201)["emailVerified"], false);
    ask(&app, " Min.Ji@konnect.test", "register").await.ok(202);
    let code = app.mailed_code("min.ji@konnect.test").await;
    let mail = app.sandbox.mails_to("min.ji@konnect.test").pop().expect("a mail");
    assert_eq!(mail.subject, "Your code to join Konnect", "in the language of the request");

    let refused = register(&app, "min.ji@konnect.test", Some(&wrong(&code))).await;
    assert_eq!(refused.problem(422, "auth.email_code_invalid")["field"], "emailCode");
    let elsewhere = register(&app, "another@konnect.test", Some(&code)).await;
    elsewhere.problem(422, "auth.email_code_invalid");
    reset(&app, "min.ji@konnect.test", &code).await.problem(422, "auth.email_code_invalid");
    let profile = register(&app, "MIN.JI@konnect.test", Some(&code)).await.ok(201);
    assert_eq!(profile["emailVerified"], true);
    register(&app, "min.ji@konnect.test", Some(&code)).await.problem(422, "auth.email_code_invalid");
    register(&app, "min.ji@konnect.test", Some("12345")).await.problem(400, "request.invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_tells_which_addresses_have_an_account() {
    let app = TestApp::start().await;
    register(&app, "known@konnect.test", None).await.ok(201);
    for purpose in ["register", "reset", "verify"] {
        for email in ["known@konnect.test", "unknown@konnect.test"] {
            let answer = ask(&app, email, purpose).await;
            assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!("")), "{email} {purpose}");
        }
    }
    app.run_jobs_twice().await;
    assert_eq!(app.sandbox.mails_to("known@konnect.test").len(), 3);
    assert_eq!(app.sandbox.mails_to("unknown@konnect.test").len(), 1, "to join");
    for email in ["known@konnect.test", "unknown@konnect.test"] {
        reset(&app, email, "000000").await.problem(422, "auth.email_code_invalid");
    }
    // Only who reads the mailbox learns that it is taken, and the code is not lost by it.
    ask(&app, "known@konnect.test", "register").await.ok(202);
    let code = app.mailed_code("known@konnect.test").await;
    for _ in 0..2 {
        register(&app, "known@konnect.test", Some(&code)).await.problem(409, "user.email_taken");
    }
    ask(&app, "no address", "reset").await.problem(422, "user.invalid_email");
    ask(&app, "known@konnect.test", "login").await.problem(400, "request.invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_ten_minutes_five_guesses_and_one_use() {
    let app = TestApp::start().await;
    let email = "guesser@konnect.test";
    ask(&app, email, "register").await.ok(202);
    let first = app.mailed_code(email).await;
    ask(&app, email, "register").await.ok(202);
    let code = app.mailed_code(email).await;
    if first != code {
        register(&app, email, Some(&first)).await.problem(422, "auth.email_code_invalid");
    }
    for _ in 0..5 {
        register(&app, email, Some(&wrong(&code))).await.problem(422, "auth.email_code_invalid");
    }
    register(&app, email, Some(&code)).await.problem(422, "auth.email_code_invalid");

    ask(&app, email, "register").await.ok(202);
    let code = app.mailed_code(email).await;
    app.advance(TimeDelta::minutes(10));
    register(&app, email, Some(&code)).await.problem(422, "auth.email_code_invalid");
    ask(&app, email, "register").await.ok(202);
    let code = app.mailed_code(email).await;
    app.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    let answers = join_all((0..4).map(|_| register(&app, email, Some(&code)))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1, "{answers:#?}");

    // Five an hour are mailed, whoever asks.
    app.advance(TimeDelta::hours(1));
    for _ in 0..5 {
        ask(&app, email, "reset").await.ok(202);
    }
    let refused = ask(&app, email, "verify").await;
    assert_eq!(refused.headers["retry-after"], "720");
    refused.problem(429, "request.too_many");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_stands_nowhere_in_clear() {
    let app = TestApp::start().await;
    ask(&app, "secret@konnect.test", "register").await.ok(202);
    let job = app.jobs_of("auth.send_email_code.v1").await.remove(0);
    let code = app.mailed_code("secret@konnect.test").await;
    assert!(!job.payload.to_string().contains(&code), "{}", job.payload);
    let (mac, sealed): (String, Option<Vec<u8>>) = sqlx::query_as("SELECT code_mac, sealed FROM email_codes")
        .fetch_one(app.core.db.pool())
        .await
        .expect("a row");
    assert!(sealed.is_none() && !mac.contains(&code), "once mailed it cannot be read at all");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_delays_a_code_until_it_is_useless() {
    let app = TestApp::start().await;
    app.sandbox.mail_server_down(true);
    ask(&app, "late@konnect.test", "register").await.ok(202);
    ask(&app, "lost@konnect.test", "register").await.ok(202);
    app.run_jobs().await;
    app.sandbox.mail_server_down(false);
    app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::DropAfterCommit));
    app.advance(TimeDelta::seconds(3));
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(6));
    app.run_jobs().await;
    let mails =
        [app.sandbox.mails_to("late@konnect.test"), app.sandbox.mails_to("lost@konnect.test")].concat();
    let mut ids: Vec<_> = mails.iter().map(|mail| &mail.message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2, "a mail that went twice is known as one");

    app.sandbox.mail_server_down(true);
    ask(&app, "late@konnect.test", "register").await.ok(202);
    for seconds in [0, 3, 6, 16, 61, 121, 241, 301] {
        app.advance(TimeDelta::seconds(seconds));
        app.run_jobs().await;
    }
    assert!(app.jobs_in("dead").await.is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew_and_every_login_ends() {
    let app = TestApp::start().await;
    register(&app, "owner@konnect.test", None).await.ok(201);
    let tokens = log_in(&app, "owner@konnect.test", PASSWORD).await.ok(200);
    let token = format!("Bearer {}", tokens["accessToken"].as_str().expect("a token"));
    let mut socket = Socket::ask(&app.base, "", &[("authorization", &token)]).await.expect("a socket");
    assert_eq!(socket.next().await["type"], "welcome");
    ask(&app, "owner@konnect.test", "reset").await.ok(202);
    let code = app.mailed_code("owner@konnect.test").await;
    let weak = json!({ "email": "owner@konnect.test", "code": code, "newPassword": "short" });
    let weak = app.anonymous().post("/v1/auth/password-reset", weak).await;
    assert_eq!(weak.problem(422, "user.password_weak")["field"], "newPassword");

    reset(&app, "owner@konnect.test", &code).await.ok(204);

    assert_eq!(socket.next().await["close"], 4001);
    client(&app, &tokens).get("/v1/me").await.problem(401, "auth.session_revoked");
    log_in(&app, "owner@konnect.test", PASSWORD).await.problem(401, "auth.invalid_credentials");
    let again = log_in(&app, "owner@konnect.test", OTHER).await.ok(200);
    assert_eq!(again["user"]["emailVerified"], true, "a code proves the mailbox");
    reset(&app, "owner@konnect.test", &code).await.problem(422, "auth.email_code_invalid");
    app.run_jobs_twice().await;
    let told = client(&app, &again).get("/v1/me/notices").await.ok(200);
    assert_eq!(told["items"][0]["kind"], "security.password_changed");
    assert_eq!(app.sandbox.mails_to("owner@konnect.test").len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_who_knows_it_and_the_other_logins_end() {
    let app = TestApp::start().await;
    register(&app, "owner@konnect.test", None).await.ok(201);
    let here = client(&app, &log_in(&app, "owner@konnect.test", PASSWORD).await.ok(200));
    let there = client(&app, &log_in(&app, "owner@konnect.test", PASSWORD).await.ok(200));
    let change = async |current: &str, new: &str| {
        here.post("/v1/me/password", json!({ "currentPassword": current, "newPassword": new })).await
    };
    let refused = change("a guess at it", OTHER).await.problem(403, "auth.password_wrong");
    assert_eq!(refused["field"], "currentPassword");
    assert_eq!(change(PASSWORD, "short").await.problem(422, "user.password_weak")["field"], "newPassword");
    there.get("/v1/me").await.ok(200);

    change(PASSWORD, OTHER).await.ok(204);

    here.get("/v1/me").await.ok(200);
    there.get("/v1/me").await.problem(401, "auth.session_revoked");
    log_in(&app, "owner@konnect.test", PASSWORD).await.problem(401, "auth.invalid_credentials");
    log_in(&app, "owner@konnect.test", OTHER).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.sandbox.mails_to("owner@konnect.test").len(), 1);
    for _ in 0..20 {
        let answer = change("a guess at it", OTHER).await;
        if answer.status == 429 {
            app.finish().await;
            return;
        }
    }
    panic!("a stolen token may guess for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_logged_in_proves_their_own_mailbox_alone() {
    let app = TestApp::start().await;
    register(&app, "owner@konnect.test", None).await.ok(201);
    let owner = client(&app, &log_in(&app, "owner@konnect.test", PASSWORD).await.ok(200));
    let stranger = app.mentee("stranger").await.client;
    ask(&app, "owner@konnect.test", "verify").await.ok(202);
    let code = app.mailed_code("owner@konnect.test").await;
    let path = "/v1/me/email/verification";
    stranger.post(path, json!({ "code": code })).await.problem(422, "auth.email_code_invalid");
    let profile = owner.post(path, json!({ "code": code })).await.ok(200);
    assert_eq!((&profile["emailVerified"], &profile["version"]), (&json!(true), &json!(2)));
    owner.post(path, json!({ "code": code })).await.problem(422, "auth.email_code_invalid");
    app.finish().await;
}

//! Another address for an account: asked for, proven, told to the old mailbox, and taken back.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{Answer, Client, TestApp, totp};
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";
const OTHER: &str = "ten other letters";
const OLD: &str = "old@konnect.test";
const NEW: &str = "new@konnect.test";

async fn register(app: &TestApp, email: &str) -> Answer {
    let body = json!({
        "email": email, "password": PASSWORD, "name": "N", "locale": "en", "timeZone": "Asia/Seoul",
    });
    app.anonymous().post("/v1/auth/register", body).await
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post("/v1/auth/login", json!({ "email": email, "password": password })).await
}

fn client(app: &TestApp, tokens: &Value) -> Client {
    Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned))
}

async fn come(app: &TestApp, email: &str) -> Client {
    client(app, &log_in(app, email, PASSWORD).await.ok(200))
}

/// Somebody who has proven their mailbox, logged in.
async fn owner(app: &TestApp, email: &str) -> Client {
    register(app, email).await.ok(201);
    sqlx::query("UPDATE users SET email_verified_at = created_at WHERE email = ?")
        .bind(email)
        .execute(app.core.db.pool())
        .await
        .expect("the mailbox is proven");
    come(app, email).await
}

async fn ask(who: &Client, email: &str) -> Answer {
    who.post("/v1/me/email", json!({ "email": email, "password": PASSWORD })).await
}

async fn confirm(who: &Client, code: &str) -> Answer {
    who.post("/v1/me/email/confirmation", json!({ "code": code })).await
}

async fn undo(app: &TestApp, token: &str) -> Answer {
    app.anonymous().post("/v1/auth/email-undo", json!({ "token": token })).await
}

/// Gives somebody another address.
async fn change(app: &TestApp, who: &Client, email: &str) {
    ask(who, email).await.ok(202);
    let code = app.mailed_code(email).await;
    confirm(who, &code).await.ok(200);
    app.run_jobs().await;
}

/// The way back that was mailed to an address last.
fn way_back(app: &TestApp, email: &str) -> String {
    let token = |text: &str| {
        let at = text.find("/email-undo#")? + "/email-undo#".len();
        Some(text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
    };
    app.sandbox
        .mails_to(email)
        .iter()
        .rev()
        .find_map(|mail| token(&mail.text))
        .expect("a mail with a way back")
}

/// The owner sets a new password by a code to the old address.
async fn reset(app: &TestApp) {
    app.anonymous().post("/v1/auth/email-codes", json!({ "email": OLD, "purpose": "reset" })).await.ok(202);
    let code = app.mailed_code(OLD).await;
    let body = json!({ "email": OLD, "code": code, "newPassword": OTHER });
    app.anonymous().post("/v1/auth/password-reset", body).await.ok(204);
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(app.core.db.pool()).await.expect("a number")
}

/// Six digits that are not these.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_the_new_mailbox_has_the_address_and_the_old_one_is_told() {
    let app = TestApp::start().await;
    let here = owner(&app, OLD).await;
    let there = come(&app, OLD).await;
    ask(&here, " New@Konnect.Test ").await.ok(202);
    assert_eq!(here.get("/v1/me").await.ok(200)["email"], OLD, "not before it is proven");
    let code = app.mailed_code(NEW).await;
    confirm(&here, wrong(&code)).await.problem(422, "auth.email_code_invalid");
    confirm(&there, &code).await.problem(422, "auth.email_code_invalid");
    let profile = confirm(&here, &code).await.ok(200);
    assert_eq!((&profile["email"], &profile["emailVerified"]), (&json!(NEW), &json!(true)));
    confirm(&here, &code).await.problem(422, "auth.email_code_invalid");

    here.get("/v1/me").await.ok(200);
    there.get("/v1/me").await.problem(401, "auth.session_revoked");
    log_in(&app, OLD, PASSWORD).await.problem(401, "auth.invalid_credentials");
    log_in(&app, NEW, PASSWORD).await.ok(200);
    app.run_jobs_twice().await;
    let old = app.sandbox.mails_to(OLD);
    assert_eq!(old.len(), 1, "once");
    assert!(old[0].subject.contains("another address") && !old[0].text.contains(NEW), "{}", old[0].text);
    assert_eq!(app.sandbox.mails_to(NEW).len(), 2, "the code, and the news");
    let told = here.get("/v1/me/notices").await.ok(200);
    assert_eq!(told["items"][0]["kind"], "security.email_changed");
    assert_eq!(count(&app, "SELECT COUNT(*) FROM former_emails WHERE sealed IS NOT NULL").await, 0);
    let actions: Vec<(String, Option<String>)> = sqlx::query_as("SELECT action, note FROM user_history")
        .fetch_all(app.core.db.pool())
        .await
        .expect("rows");
    assert_eq!(actions, [("email_changed".to_owned(), None)], "the history holds no address");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_changes_no_address() {
    let app = TestApp::start().await;
    let thief = owner(&app, OLD).await;
    let bare = json!({ "email": NEW });
    let guess = json!({ "email": NEW, "password": "a guess at it" });
    thief.post("/v1/me/email", guess.clone()).await.problem(403, "auth.password_wrong");
    ask(&thief, OLD).await.problem(409, "user.email_same");
    ask(&thief, "nonsense").await.problem(422, "user.invalid_email");
    app.advance(TimeDelta::seconds(601));
    thief.post("/v1/me/email", bare.clone()).await.problem(403, "auth.fresh_login_required");
    let owner = come(&app, OLD).await;
    owner.post("/v1/me/email", bare.clone()).await.ok(202);

    // With a second factor, a password is not enough.
    let enrolment = owner.post("/v1/me/second-factor", json!({})).await.ok(201);
    let secret = enrolment["secret"].as_str().expect("a secret");
    let code = || json!({ "code": totp(secret, app.now()) });
    owner.post("/v1/me/second-factor/confirmation", code()).await.ok(200);
    app.advance(TimeDelta::seconds(601));
    ask(&owner, NEW).await.problem(403, "auth.fresh_factor_required");
    owner.post("/v1/me/second-factor/check", code()).await.ok(204);
    owner.post("/v1/me/email", bare).await.ok(202);
    // Nobody is mailed without end.
    let mut refused = false;
    for n in 0..6 {
        refused |= ask(&owner, &format!("n{n}@konnect.test")).await.status == 429;
    }
    assert!(refused);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_whether_an_address_has_an_account() {
    let app = TestApp::start().await;
    let (who, taken) = (owner(&app, OLD).await, owner(&app, "taken@konnect.test").await);
    let (one, two) = (ask(&who, NEW).await, ask(&who, "taken@konnect.test").await);
    assert_eq!((one.status, &one.body), (two.status, &two.body));
    app.run_jobs_twice().await;
    let mails = app.sandbox.mails_to("taken@konnect.test");
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.contains("wanted to use your address"), "{}", mails[0].subject);
    let digits = |word: &str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
    assert!(!mails[0].text.split_whitespace().any(digits), "no code: {}", mails[0].text);
    assert_eq!(taken.get("/v1/me").await.ok(200)["email"], "taken@konnect.test");
    for _ in 0..6 {
        confirm(&who, "123456").await.problem(422, "auth.email_code_invalid");
    }
    // The purpose is not one that anybody may ask for.
    let body = json!({ "email": NEW, "purpose": "change" });
    app.anonymous().post("/v1/auth/email-codes", body).await.problem(400, "request.invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_prove_one_mailbox_at_once_one_has_it() {
    let app = TestApp::start().await;
    let (one, two) = (owner(&app, OLD).await, owner(&app, "two@konnect.test").await);
    ask(&one, NEW).await.ok(202);
    ask(&two, NEW).await.ok(202);
    let code = app.mailed_code(NEW).await;
    let answers = join_all([&one, &two].map(|who| confirm(who, &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 422).count(), 1);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM users WHERE email = 'new@konnect.test'").await, 1);
    // Too late for the code.
    let late = if answers[0].status == 200 { &two } else { &one };
    ask(late, "later@konnect.test").await.ok(202);
    let code = app.mailed_code("later@konnect.test").await;
    app.advance(TimeDelta::minutes(10));
    confirm(late, &code).await.problem(422, "auth.email_code_invalid");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_the_old_mailbox_takes_the_account_back_from_a_thief() {
    let app = TestApp::start().await;
    let victim = owner(&app, OLD).await;
    let proof =
        |subject: &str| json!({ "idToken": app.sandbox.id_token("google", json!({ "sub": subject })) });
    victim.post("/v1/me/identities/google", proof("g-victim")).await.ok(204);
    app.advance(TimeDelta::minutes(1));
    // The thief knows the password, moves twice, and leaves every way back that there is.
    let thief = come(&app, OLD).await;
    change(&app, &thief, NEW).await;
    victim.get("/v1/me").await.problem(401, "auth.session_revoked");
    app.advance(TimeDelta::minutes(1));
    change(&app, &thief, "lair@konnect.test").await;
    let token = app.sandbox.id_token("corp", json!({ "sub": "c-thief" }));
    thief.post("/v1/me/identities/issuers/corp", json!({ "token": token })).await.ok(204);
    thief.post("/v1/me/devices", json!({ "token": "fcm:thief", "platform": "web" })).await.ok(204);
    let enrolment = thief.post("/v1/me/second-factor", json!({})).await.ok(201);
    let code = totp(enrolment["secret"].as_str().expect("a secret"), app.now());
    thief.post("/v1/me/second-factor/confirmation", json!({ "code": code })).await.ok(200);
    // Nobody else gets the old address meanwhile.
    register(&app, OLD).await.problem(409, "user.email_taken");

    let (first, second) = (way_back(&app, OLD), way_back(&app, NEW));
    undo(&app, "nobody's").await.problem(422, "user.undo_invalid");
    undo(&app, &first).await.ok(204);

    undo(&app, &first).await.problem(422, "user.undo_invalid");
    undo(&app, &second).await.problem(422, "user.undo_invalid");
    thief.get("/v1/me").await.problem(401, "auth.session_revoked");
    for email in [OLD, NEW, "lair@konnect.test"] {
        log_in(&app, email, PASSWORD).await.problem(401, "auth.invalid_credentials");
    }
    let body = json!({ "token": token, "locale": "ko", "timeZone": "UTC" });
    app.anonymous().post("/v1/auth/issuers/corp", body).await.problem(422, "user.identity_without_email");
    assert_eq!(count(&app, "SELECT COUNT(*) FROM device_tokens").await, 0);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM second_factors").await, 0);
    assert_eq!(count(&app, "SELECT COUNT(*) FROM user_identities WHERE provider <> 'google'").await, 0);
    // What the owner had before is theirs.
    let mut body = proof("g-victim");
    body["locale"] = json!("ko");
    body["timeZone"] = json!("UTC");
    let back = app.anonymous().post("/v1/auth/social/google", body).await.ok(200);
    assert_eq!(back["user"]["email"], OLD);
    reset(&app).await;
    log_in(&app, OLD, OTHER).await.ok(200);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_thief_shuts_is_taken_back_too() {
    let app = TestApp::start().await;
    let thief = owner(&app, OLD).await;
    change(&app, &thief, NEW).await;
    thief.post("/v1/me/deletion", json!({ "password": PASSWORD })).await.ok(200);
    app.run_jobs().await;
    undo(&app, &way_back(&app, OLD)).await.ok(204);
    reset(&app).await;
    let body = json!({ "email": OLD, "password": OTHER });
    app.anonymous().post("/v1/auth/login", body.clone()).await.problem(403, "auth.account_leaving");
    let mut body = body;
    body["restore"] = json!(true);
    let back = app.anonymous().post("/v1/auth/login", body).await.ok(200);
    assert_eq!((&back["user"]["email"], &back["user"]["state"]), (&json!(OLD), &json!("active")));
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_is_open_for_three_days_and_then_the_address_is_free() {
    let app = TestApp::start().await;
    let who = owner(&app, OLD).await;
    ask(&who, NEW).await.ok(202);
    let code = app.mailed_code(NEW).await;
    // The old mailbox is told once its server is there again.
    app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::decline("4.3.2")).for_recipient(OLD));
    confirm(&who, &code).await.ok(200);
    app.run_jobs().await;
    assert!(app.sandbox.mails_to(OLD).is_empty());
    app.advance(TimeDelta::minutes(1));
    app.run_jobs().await;
    let token = way_back(&app, OLD);
    app.advance(TimeDelta::hours(72));
    undo(&app, &token).await.problem(422, "user.undo_invalid");
    register(&app, OLD).await.ok(201);
    konnect::transact!(app.core.db, app.context(), sqlx::Error, tx => {
        konnect::retention::forget(tx, 1_000).await
    })
    .expect("the database");
    assert_eq!(count(&app, "SELECT COUNT(*) FROM former_emails").await, 0);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s55_an_address_that_nobody_has_proven_takes_no_account() {
    let app = TestApp::start().await;
    // Somebody slipped: the mailbox is a stranger's.
    register(&app, "minij@konnect.test").await.ok(201);
    let who = come(&app, "minij@konnect.test").await;
    change(&app, &who, "minji@konnect.test").await;
    assert!(app.sandbox.mails_to("minij@konnect.test").is_empty());
    assert_eq!(count(&app, "SELECT COUNT(*) FROM former_emails").await, 0);
    register(&app, "minij@konnect.test").await.ok(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_address_refused_stays_with_the_address() {
    let app = TestApp::start().await;
    let admin = app.admin("admin").await;
    let person = app.mentee("mentee").await;
    sqlx::query("UPDATE users SET email_verified_at = created_at")
        .execute(app.core.db.pool())
        .await
        .expect("rows");
    app.enqueue(&konnect_tests::happening("news", "payment.refunded", &[&person])).await;
    app.run_jobs().await;
    let sent = app.sandbox.mails_to(&person.email).remove(0).message_id;
    app.advance(TimeDelta::minutes(1));
    // Whoever had the new address before left it switched off, and so is the present one.
    for address in [NEW, person.email.as_str()] {
        sqlx::query(
            "INSERT INTO mail_addresses (address, off_since, reply, updated_at) VALUES (?, ?, '5.1.1', ?)",
        )
        .bind(address)
        .bind(app.now())
        .bind(app.now())
        .execute(app.core.db.pool())
        .await
        .expect("a row");
    }
    let who = app.log_in(&person).await.client;
    who.post("/v1/me/email", json!({ "email": NEW })).await.ok(202);
    let code = app.mailed_code(NEW).await;
    confirm(&who, &code).await.ok(200);
    assert_eq!(who.get("/v1/me/mailbox").await.ok(200), json!({ "address": NEW }));
    let left = count(&app, "SELECT COUNT(*) FROM mail_addresses WHERE off_since IS NOT NULL").await;
    assert_eq!(left, 0, "what the old one refused is forgotten");
    // A mail to the old mailbox comes back late.
    let bounce = json!({ "messageId": sent, "status": "5.1.1" });
    admin.client.post("/v1/admin/mail-bounces", bounce).await.ok(204);
    assert_eq!(app.mail_outcome(&person, "payment.refunded").await.0, "failed");
    assert_eq!(who.get("/v1/me/mailbox").await.ok(200), json!({ "address": NEW }));
    app.run_jobs().await;
    app.finish().await;
}

//! Accounts over REST: joining, logging in, staying logged in, and what belongs to one person alone.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::user;
use konnect_tests::{Answer, Client, Person, Socket, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "ten letters and more";

async fn register(app: &TestApp, email: &str) -> Answer {
    let body = json!({
        "email": email, "password": PASSWORD, "name": "김민지", "locale": "ko", "timeZone": "Asia/Seoul",
    });
    app.anonymous().post("/v1/auth/register", body).await
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous().post("/v1/auth/login", json!({ "email": email, "password": password })).await
}

async fn refresh(app: &TestApp, token: &Value) -> Answer {
    app.anonymous().post("/v1/auth/refresh", json!({ "refreshToken": token })).await
}

fn client(app: &TestApp, tokens: &Value) -> Client {
    Client::new(&app.base, tokens["accessToken"].as_str().map(str::to_owned))
}

/// Somebody with a password, logged in: their id and their first pair of tokens.
async fn member(app: &TestApp, email: &str) -> (String, Value) {
    let profile = register(app, email).await.ok(201);
    let tokens = log_in(app, email, PASSWORD).await.ok(200);
    (profile["id"].as_str().expect("an id").to_owned(), tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_logging_in_refreshing_and_logging_out() {
    let app = TestApp::start().await;
    let profile = register(&app, " Min.Ji@Konnect.Test ").await.ok(201);
    assert_eq!(profile["email"], "min.ji@konnect.test");
    assert_eq!((&profile["roles"], &profile["state"]), (&json!(["mentee"]), &json!("active")));
    assert!(profile.get("password").is_none() && profile.get("passwordHash").is_none());

    let first = log_in(&app, "MIN.JI@konnect.test", PASSWORD).await.ok(200);
    assert_eq!(first["user"], profile);
    assert_eq!(client(&app, &first).get("/v1/me").await.ok(200), profile);
    app.advance(TimeDelta::minutes(10));
    let second = refresh(&app, &first["refreshToken"]).await.ok(200);
    assert_ne!(second["refreshToken"], first["refreshToken"]);
    assert!(second["accessExpiresAt"].as_str() > first["accessExpiresAt"].as_str());
    client(&app, &second).get("/v1/me").await.ok(200);

    let logged_in = client(&app, &second);
    logged_in.post("/v1/auth/logout", json!({})).await.ok(204);
    logged_in.get("/v1/me").await.problem(401, "auth.session_revoked");
    client(&app, &first).get("/v1/me").await.problem(401, "auth.session_revoked");
    refresh(&app, &second["refreshToken"]).await.problem(401, "auth.session_revoked");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s56_a_refresh_token_that_comes_again_ends_its_family() {
    let app = TestApp::start().await;
    let (_, first) = member(&app, "victim@konnect.test").await;
    let elsewhere = log_in(&app, "victim@konnect.test", PASSWORD).await.ok(200);
    let second = refresh(&app, &first["refreshToken"]).await.ok(200);
    let token = format!("Bearer {}", second["accessToken"].as_str().expect("a token"));
    let mut socket = Socket::ask(&app.base, "", &[("authorization", &token)]).await.expect("a socket");
    assert_eq!(socket.next().await["type"], "welcome");

    refresh(&app, &first["refreshToken"]).await.problem(401, "auth.refresh_reused");

    assert_eq!(socket.next().await["close"], 4001);
    refresh(&app, &second["refreshToken"]).await.problem(401, "auth.session_revoked");
    refresh(&app, &first["refreshToken"]).await.problem(401, "auth.session_revoked");
    client(&app, &second).get("/v1/me").await.problem(401, "auth.session_revoked");
    client(&app, &elsewhere).get("/v1/me").await.ok(200);
    let logins = client(&app, &elsewhere).get("/v1/me/sessions").await.ok(200);
    assert_eq!(logins.as_array().map(Vec::len), Some(1), "another login is not harmed");
    app.run_jobs_twice().await;
    let victim = client(&app, &elsewhere);
    let told = victim.get("/v1/me/notices").await.ok(200);
    let kinds: Vec<_> = told["items"].as_array().expect("notices").iter().map(|n| &n["kind"]).collect();
    assert_eq!(kinds, ["security.token_reused"], "once, whatever comes again");
    assert_eq!(app.sandbox.mails_to("victim@konnect.test").len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s56_of_ten_who_present_one_refresh_token_one_gets_the_next() {
    let app = TestApp::start().await;
    let (_, tokens) = member(&app, "racer@konnect.test").await;
    let answers = join_all((0..10).map(|_| refresh(&app, &tokens["refreshToken"]))).await;
    let count = |status: u16, code: Value| {
        answers.iter().filter(|a| a.status == status && a.body["code"] == code).count()
    };
    assert_eq!(count(200, Value::Null), 1);
    assert_eq!(count(401, json!("auth.refresh_reused")), 1);
    assert_eq!(count(401, json!("auth.session_revoked")), 8);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_on_a_device_that_was_never_seen_is_told() {
    let app = TestApp::start().await;
    let (_, tokens) = member(&app, "traveller@konnect.test").await;
    let on = async |agent: &str| {
        let body = json!({ "email": "traveller@konnect.test", "password": PASSWORD });
        let headers = [("user-agent", agent)];
        app.anonymous().send(Method::POST, "/v1/auth/login", Some(body), &headers).await.ok(200);
        app.run_jobs().await;
        app.sandbox.mails_to("traveller@konnect.test").len()
    };
    assert_eq!(app.sandbox.mails_to("traveller@konnect.test").len(), 0, "the first login is nobody else's");
    assert_eq!((on("Phone/1").await, on("Phone/1").await, on("Tablet/2").await), (1, 1, 2));
    let told = client(&app, &tokens).get("/v1/me/notices").await.ok(200);
    assert_eq!(told["items"][0]["kind"], "security.new_login");
    assert!(told["items"][0]["body"].as_str().expect("text").contains("Tablet/2"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_that_are_none_or_old_are_refused() {
    let app = TestApp::start().await;
    let (_, tokens) = member(&app, "sleeper@konnect.test").await;
    for token in ["nope", "", &konnect::id::secret()] {
        refresh(&app, &json!(token)).await.problem(401, "auth.refresh_invalid");
    }
    refresh(&app, &tokens["accessToken"]).await.problem(400, "request.invalid");
    app.advance(TimeDelta::days(14));
    refresh(&app, &tokens["refreshToken"]).await.problem(401, "auth.refresh_invalid");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_registered_once_by_however_many_at_once() {
    let app = TestApp::start().await;
    let spelling = |n: usize| if n.is_multiple_of(2) { "twin@konnect.test" } else { "TWIN@Konnect.test" };
    let answers = join_all((0..10).map(|n| register(&app, spelling(n)))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    for answer in answers.into_iter().filter(|a| a.status != 201) {
        assert_eq!(answer.problem(409, "user.email_taken")["field"], "email");
    }
    let people: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM users u JOIN calendars c ON c.person_id = u.id")
            .fetch_one(app.core.db.pool())
            .await
            .expect("the database");
    assert_eq!(people, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_break_a_rule_name_the_field() {
    let app = TestApp::start().await;
    let good = json!({
        "email": "new@konnect.test", "password": PASSWORD, "name": "New", "locale": "en", "timeZone": "UTC",
    });
    let cases = [
        ("email", json!("nobody"), "user.invalid_email"),
        ("name", json!("  "), "user.invalid_name"),
        ("name", json!("a\nb"), "user.invalid_name"),
        ("timeZone", json!("Seoul"), "user.invalid_time_zone"),
        ("password", json!("nine char"), "user.password_weak"),
        ("password", json!("NEW@konnect.test"), "user.password_weak"),
    ];
    for (field, value, code) in cases {
        let mut body = good.clone();
        body[field] = value;
        let problem = app.anonymous().post("/v1/auth/register", body).await.problem(422, code);
        assert_eq!(problem["field"], field);
    }
    let wrong = [("locale", json!("fr")), ("roles", json!(["admin"])), ("isAdmin", json!(true))];
    for (field, value) in wrong.into_iter().chain([("email", json!(7)), ("password", json!("x".repeat(300)))])
    {
        let mut body = good.clone();
        body[field] = value;
        app.anonymous().post("/v1/auth/register", body).await.problem(400, "request.invalid");
    }
    log_in(&app, "new@konnect.test", PASSWORD).await.problem(401, "auth.invalid_credentials");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_look_alike() {
    let app = TestApp::start().await;
    register(&app, "known@konnect.test").await.ok(201);
    let mut bodies = Vec::new();
    for (email, password) in [
        ("known@konnect.test", "another ten letters"),
        ("unknown@konnect.test", PASSWORD),
        ("no address at all", PASSWORD),
        ("'; -- ", PASSWORD),
        ("known@konnect.test", ""),
    ] {
        let mut body = log_in(&app, email, password).await.problem(401, "auth.invalid_credentials");
        body.as_object_mut().expect("a problem").remove("requestId");
        bodies.push(body);
    }
    assert!(bodies.iter().all(|body| body == &bodies[0]), "{bodies:#?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_by_who_saw_its_last_version() {
    let app = TestApp::start().await;
    let me = app.mentee("me").await.client;
    let change = async |body: Value| me.send(Method::PATCH, "/v1/me", Some(body), &[]).await;
    let body = json!({ "expectedVersion": 1, "name": " Min ", "timeZone": "Europe/Berlin" });
    let changed = change(body.clone()).await.ok(200);
    assert_eq!((&changed["name"], &changed["version"]), (&json!("Min"), &json!(2)));
    assert_eq!((&changed["timeZone"], &changed["locale"]), (&json!("Europe/Berlin"), &json!("ko")));
    change(body).await.problem(409, "user.stale");
    change(json!({ "expectedVersion": 2, "timeZone": "Mars/Base" }))
        .await
        .problem(422, "user.invalid_time_zone");
    change(json!({ "expectedVersion": 2, "name": "x".repeat(81) })).await.problem(422, "user.invalid_name");
    change(json!({ "expectedVersion": 2, "email": "new@konnect.test" }))
        .await
        .problem(400, "request.invalid");
    change(json!({ "name": "No version" })).await.problem(400, "request.invalid");
    assert_eq!(me.get("/v1/me").await.ok(200), changed);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_listed_and_ended_by_their_owner() {
    let app = TestApp::start().await;
    let (_, laptop) = member(&app, "owner@konnect.test").await;
    app.advance(TimeDelta::seconds(1));
    let phone = log_in(&app, "owner@konnect.test", PASSWORD).await.ok(200);
    let (laptop, phone) = (client(&app, &laptop), client(&app, &phone));
    let stranger = app.mentee("stranger").await;

    let logins = laptop.get("/v1/me/sessions").await.ok(200);
    let current: Vec<_> = logins.as_array().expect("logins").iter().map(|l| l["current"].clone()).collect();
    assert_eq!(current, [json!(false), json!(true)], "the one used last first");
    let path = format!("/v1/me/sessions/{}", logins[0]["id"].as_str().expect("an id"));
    let end = async |client: &Client| client.send(Method::DELETE, &path, None, &[]).await;
    end(&stranger.client).await.problem(404, "auth.session_not_found");
    phone.get("/v1/me").await.ok(200);
    end(&laptop).await.ok(204);
    end(&laptop).await.problem(404, "auth.session_not_found");
    phone.get("/v1/me").await.problem(401, "auth.session_revoked");
    assert_eq!(laptop.get("/v1/me/sessions").await.ok(200).as_array().map(Vec::len), Some(1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_belongs_to_who_registered_it_last() {
    let app = TestApp::start().await;
    let (first, second) = (app.mentee("first").await, app.mentee("second").await);
    let devices = async |person: &Person| {
        let found = user::device_tokens(app.core.db.pool(), &[person.id]).await.expect("the database");
        found.into_iter().map(|d| d.token).collect::<Vec<_>>()
    };
    let forget = async |person: &Person| {
        let body = json!({ "token": "fcm:1" });
        person.client.send(Method::DELETE, "/v1/me/devices", Some(body), &[]).await.ok(204);
    };
    let device = |token: &str| json!({ "token": token, "platform": "android" });
    for person in [&first, &first, &second] {
        person.client.post("/v1/me/devices", device("fcm:1")).await.ok(204);
    }
    assert_eq!((devices(&first).await, devices(&second).await), (vec![], vec!["fcm:1".to_owned()]));
    forget(&first).await;
    assert_eq!(devices(&second).await, ["fcm:1"], "only its owner takes it away");
    forget(&second).await;
    forget(&second).await;
    assert!(devices(&second).await.is_empty());
    let bad = first.client.post("/v1/me/devices", device("with a blank")).await;
    assert_eq!(bad.problem(422, "user.invalid_device_token")["field"], "token");
    first.client.post("/v1/me/devices", device("")).await.problem(400, "request.invalid");

    for number in 0..user::MAX_DEVICES + 2 {
        app.advance(TimeDelta::seconds(1));
        first.client.post("/v1/me/devices", device(&format!("fcm:{number}"))).await.ok(204);
    }
    let kept = devices(&first).await;
    assert_eq!((kept.len(), kept.last().map(String::as_str)), (20, Some("fcm:2")), "the oldest two are gone");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_is_shut_out_until_it_is_reinstated() {
    let app = TestApp::start().await;
    let (id, tokens) = member(&app, "guest@konnect.test").await;
    let admin = app.admin("admin").await.client;
    let act = async |what: &str, reason: &str| {
        admin.post(&format!("/v1/admin/users/{id}/{what}"), json!({ "reason": reason })).await
    };
    let (guest, token) =
        (client(&app, &tokens), format!("Bearer {}", tokens["accessToken"].as_str().expect("a token")));
    let mut socket = Socket::ask(&app.base, "", &[("authorization", &token)]).await.expect("a socket");
    assert_eq!(socket.next().await["type"], "welcome");
    guest
        .post(&format!("/v1/admin/users/{id}/suspend"), json!({ "reason": "x" }))
        .await
        .problem(403, "auth.forbidden");

    assert_eq!(act("suspend", "misuse").await.ok(200)["state"], "suspended");

    assert_eq!(socket.next().await["close"], 4001);
    guest.get("/v1/me").await.problem(401, "auth.session_revoked");
    refresh(&app, &tokens["refreshToken"]).await.problem(401, "auth.session_revoked");
    log_in(&app, "guest@konnect.test", PASSWORD).await.problem(403, "auth.suspended");
    log_in(&app, "guest@konnect.test", "a wrong password").await.problem(401, "auth.invalid_credentials");
    act("suspend", "again").await.problem(409, "user.wrong_state");
    act("suspend", "").await.problem(400, "request.invalid");
    assert_eq!(act("reinstate", "a mistake").await.ok(200)["state"], "active");
    let back = log_in(&app, "guest@konnect.test", PASSWORD).await.ok(200);
    client(&app, &back).get("/v1/me").await.ok(200);
    guest.get("/v1/me").await.problem(401, "auth.session_revoked");
    app.run_jobs().await;
    app.finish().await;
}

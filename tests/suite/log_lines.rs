//! Log lines of real processes: whose they are and for what request they were written is found, and nothing that is
//! personal or secret (Q8).

use std::fs;
use std::path::PathBuf;

use chrono::{DurationRound, TimeDelta};
use konnect::availability::Window;
use konnect::id::secret;
use konnect::mentor::Kind;
use konnect_sandbox::{Effect, Endpoint, Fault};
use konnect_tests::{
    Answer, ApiNode, Client, DATA_KEY, SECRET_KEY, SECURITY_KEY, Socket, Stack, TestApp, account_body,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Ours at their most talkative. Others keep their level: what a client of SMTP says to a server is not for logs.
const LEVELS: &str = "info,konnect=debug,konnect_jobs=debug,konnect_start=debug,sqlx=warn";
const WORKERS: [&str; 4] = ["relay", "payment-worker", "settlement-worker", "notification-worker"];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const REQUEST: &str = "follow-me-0001";

const EMAIL: &str = "yuna.needle@konnect.test";
const NAME: &str = "Yuna Needle";
const PASSWORD: &str = "needle in a haystack";
const WRONG: &str = "wrong-needle-0123456789";
const IP: &str = "203.0.113.77";
const AGENT: &str = "NeedleBrowser/7.1";

/// What processes wrote.
struct Logs(PathBuf);

impl Logs {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("konnect-logs-{}", secret()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn lines(&self, process: &str) -> Vec<String> {
        let text = fs::read_to_string(self.0.join(format!("{process}.log"))).expect("it wrote");
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Somebody on the network, as a proxy of ours names them.
struct Caller {
    client: Client,
}

impl Caller {
    fn new(node: &ApiNode, token: Option<&str>) -> Self {
        Self { client: Client::new(&node.base, token.map(str::to_owned)) }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let (key, trace) = (secret(), format!("00-{TRACE}-00f067aa0ba902b7-01"));
        let headers = [
            ("x-forwarded-for", IP),
            ("user-agent", AGENT),
            ("x-request-id", REQUEST),
            ("traceparent", &trace),
            ("idempotency-key", &key),
            ("tosspayments-webhook-signature", "v1:c2lnbmVkLW5lZWRsZQ=="),
            ("tosspayments-webhook-transmission-id", "needle-transmission"),
            ("tosspayments-webhook-transmission-time", "2026-03-02T00:00:00Z"),
        ];
        self.client.send(method, path, body, &headers).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Everything that somebody can get wrong on the way in, and in; the tokens that were given out.
async fn come_in(node: &ApiNode) -> (Caller, Vec<String>) {
    let nobody = Caller::new(node, None);
    let code = json!({ "email": EMAIL, "purpose": "register" });
    nobody.post("/v1/auth/email-codes", code).await.ok(202);
    let person = json!({
        "email": EMAIL, "password": PASSWORD, "name": NAME, "locale": "ko", "timeZone": "Asia/Seoul",
    });
    nobody.post("/v1/auth/register", person.clone()).await.ok(201);
    let twice = nobody.post("/v1/auth/register", person).await;
    assert!(twice.status.is_client_error(), "{:#}", twice.body);
    nobody
        .post("/v1/auth/login", json!({ "email": EMAIL, "password": WRONG }))
        .await
        .problem(401, "auth.invalid_credentials");
    let odd = json!({ "email": EMAIL, "password": PASSWORD, "needle": NAME });
    assert!(nobody.post("/v1/auth/login", odd).await.status.is_client_error());
    let reset = json!({ "email": EMAIL, "code": "000000", "newPassword": WRONG });
    assert!(nobody.post("/v1/auth/password-reset", reset).await.status.is_client_error());
    let social = json!({ "idToken": WRONG, "locale": "ko", "timeZone": "Asia/Seoul" });
    assert!(nobody.post("/v1/auth/social/google", social).await.status.is_client_error());
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let stays = nobody.post("/v1/auth/login", right.clone()).await.ok(200);
    let login = nobody.post("/v1/auth/login", right).await.ok(200);
    let refresh = json!({ "refreshToken": login["refreshToken"] });
    let fresh = nobody.post("/v1/auth/refresh", refresh.clone()).await.ok(200);
    // Used twice: somebody has stolen it.
    assert!(nobody.post("/v1/auth/refresh", refresh).await.status.is_client_error());
    let bearer = format!("{WRONG}.{WRONG}.{WRONG}");
    Caller::new(node, Some(&bearer))
        .send(Method::GET, "/v1/me", None)
        .await
        .problem(401, "auth.token_invalid");
    for path in
        [format!("/v1/nothing/{WRONG}?token={WRONG}"), format!("/v1/unsubscribe/{WRONG}?name={WRONG}")]
    {
        nobody.send(Method::GET, &path, None).await;
        nobody.post(&path, json!({ "password": PASSWORD })).await;
    }
    let hook = json!({ "eventType": "DEPOSIT_CALLBACK", "secret": WRONG, "orderId": "nobody-0001", "status": "DONE" });
    nobody.post("/v1/webhooks/toss", hook).await;
    let mut tokens = Vec::new();
    for given in [&stays, &login, &fresh] {
        tokens.extend([text(&given["accessToken"]), text(&given["refreshToken"])]);
    }
    // The first login stands; the second one ended with its token.
    let me = Caller::new(node, Some(&tokens[0]));
    let ticket = text(&me.send(Method::POST, "/v1/realtime/tickets", None).await.ok(200)["ticket"]);
    let opened = Socket::ask(&node.base, &format!("?ticket={ticket}"), &[("x-forwarded-for", IP)]).await;
    opened.unwrap_or_else(|refusal| panic!("refused: {:#}", refusal.body)).close().await;
    assert!(
        Socket::ask(&node.base, &format!("?ticket={ticket}"), &[]).await.is_err(),
        "a ticket is for once"
    );
    tokens.push(ticket);
    (me, tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn q8_no_line_has_what_is_personal_or_secret_and_each_says_its_trace() {
    let app = TestApp::start_live().await;
    let logs = Logs::new();
    let stack = || {
        Stack::new(&app)
            .with("RUST_LOG", LEVELS)
            .with("KONNECT_LOG_FORMAT", "json")
            .with("KONNECT_TRUSTED_PROXIES", "1")
            .logging_to(&logs.0)
    };
    // Its mail server repeats the address that it does not serve now.
    app.sandbox.fault(Fault::once(Endpoint::Smtp, Effect::Status(451)));
    let mut node = ApiNode::start_of(&app, stack()).await;
    let others: Vec<_> = WORKERS.iter().map(|name| stack().start(name)).collect();

    let (me, mut needles) = come_in(&node).await;
    // A booking is paid for, by a card whose first answer is lost.
    let mentor = app.mentor("mentor").await;
    let mut hours = konnect_tests::weekdays();
    hours.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
    let reserve = json!({ "offeringId": offering, "startsAt": hour + TimeDelta::hours(30) });
    let booking = me.post("/v1/reservations", reserve).await.ok(201);
    let path = format!("/v1/reservations/{}", text(&booking["id"]));
    let order = text(&me.post(&format!("{path}/payment-orders"), json!({})).await.ok(200)["orderId"]);
    let card = app.sandbox.checkout(&order, 50_000).expect("the card is accepted");
    app.sandbox.fault(Fault::once(Endpoint::Confirm, Effect::Status(503)));
    let confirm = json!({ "orderId": order, "paymentKey": card.payment_key, "amount": 50_000 });
    me.post("/v1/payments/confirm", confirm).await.ok(202);
    // A mentor's bank account goes to the provider.
    let fresh = app.log_in(&mentor).await;
    let seller = Caller::new(&node, fresh.client.token());
    seller.send(Method::PUT, "/v1/me/payout-account", Some(account_body(0))).await.ok(200);
    app.until(async || me.send(Method::GET, &path, None).await.body["state"] == "confirmed").await;
    app.until(async || !app.sandbox.sellers().is_empty()).await;
    app.until(async || app.sandbox.mails().iter().any(|mail| format!("{mail:?}").contains(EMAIL))).await;
    node.stop().await;
    for process in others {
        assert!(process.stop().await, "it ends well");
    }

    let given = account_body(0);
    needles.extend(["accountNumber", "phone", "email", "holderName"].map(|field| text(&given[field])));
    needles.extend(
        [EMAIL, NAME, PASSWORD, WRONG, IP, AGENT, &mentor.email, "c2lnbmVkLW5lZWRsZQ"].map(str::to_owned),
    );
    needles.extend([SECRET_KEY, DATA_KEY, SECURITY_KEY, &card.payment_key].map(str::to_owned));
    // As the provider's key travels.
    needles.push(base64(&format!("{SECRET_KEY}:")));
    let mut all = Vec::new();
    for process in ["api"].into_iter().chain(WORKERS) {
        all.extend(logs.lines(process).into_iter().map(|line| (process, line)));
    }
    assert!(all.len() > 50, "only {} lines", all.len());
    for (process, line) in &all {
        for needle in &needles {
            assert!(!line.to_lowercase().contains(&needle.to_lowercase()), "{process} says {needle}: {line}");
        }
    }
    let lines: Vec<(&str, Value)> = all
        .iter()
        .map(|(process, line)| {
            (*process, serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        })
        .collect();
    let requests = said(&lines, "api", "request");
    assert!(requests.len() > 15);
    let confirmed = requests.iter().find(|line| line["route"] == "/v1/payments/confirm").expect("its line");
    let line = confirmed;
    assert_eq!((&line["trace_id"], &line["request_id"]), (&json!(TRACE), &json!(REQUEST)), "{line}");
    // What was left out is said to be.
    let tried = said(&lines, "notification-worker", "job will be tried again");
    assert!(
        tried.iter().any(|line| line["error"].as_str().is_some_and(|why| why.contains("<address>"))),
        "{tried:?}"
    );
    app.leave().await;
}

/// What a process said in these words.
fn said<'a>(lines: &'a [(&str, Value)], process: &str, message: &str) -> Vec<&'a Value> {
    let is_it = |(by, line): &&(&str, Value)| *by == process && line["message"] == message;
    lines.iter().filter(is_it).map(|(_, line)| line).collect()
}

fn base64(text: &str) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    BASE64_STANDARD.encode(text)
}

//! The doors of the WebSocket: who is let in, and which frames are taken.

use chrono::TimeDelta;
use futures_util::future::join_all;
use konnect::realtime::PROTOCOL;
use konnect::{event, transact};
use konnect_tests::{Answer, Person, Socket, TestApp};
use reqwest::Method;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

/// Bytes of the largest frame a client may send.
const MAX_MESSAGE: usize = 16 * 1024;

/// Commits one event for a person.
async fn append(app: &TestApp, person: &Person) {
    transact!(app.core.db, app.context(), sqlx::Error, tx => {
        event::append(tx, &[person.id], "test.happened", json!({})).await
    })
    .expect("the database");
}

async fn ticket(person: &Person) -> String {
    let bought = person.client.send(Method::POST, "/v1/realtime/tickets", None, &[]).await.ok(200);
    bought["ticket"].as_str().expect("a ticket").to_owned()
}

#[track_caller]
fn refused(asked: Result<Socket, Answer>, status: u16, code: &str) {
    match asked {
        Ok(_) => panic!("let in instead of {code}"),
        Err(answer) => drop(answer.problem(status, code)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_opens_the_own_topic_alone() {
    let app = TestApp::start().await;
    let (person, other) = (app.mentee("person").await, app.mentee("other").await);
    let token = person.client.token().expect("a token").to_owned();
    let ticket = ticket(&person).await;
    let bearer = format!("Bearer {token}");
    let (joined, listed) = (format!("konnect.v1, bearer.{token}"), format!("konnect.v1, bearer, {token}"));
    let by_ticket = format!("?ticket={ticket}");
    let origin = ("origin", "http://localhost:3000");
    let doors: [(&str, &[(&'static str, &str)]); 5] = [
        ("", &[("authorization", &bearer)]),
        ("", &[("authorization", &bearer), origin]),
        ("", &[("sec-websocket-protocol", &joined), origin]),
        ("", &[("sec-websocket-protocol", &listed)]),
        (&by_ticket, &[origin]),
    ];
    let mut sockets = Vec::new();
    for (query, headers) in doors {
        let opened = Socket::ask(&app.base, query, headers).await;
        let mut socket = opened.unwrap_or_else(|refusal| panic!("{query}: {:#}", refusal.body));
        let echoed = headers.iter().any(|(name, _)| name.starts_with("sec-"));
        let protocol = socket.headers.get("sec-websocket-protocol").and_then(|v| v.to_str().ok());
        assert_eq!(protocol, echoed.then_some(PROTOCOL), "never the token");
        let welcome = socket.next().await;
        assert_eq!(welcome["type"], "welcome");
        assert_eq!(welcome["topic"], format!("user:{}", person.id));
        assert_eq!((&welcome["head"], &welcome["after"]), (&json!(0), &json!(0)));
        sockets.push(socket);
    }
    append(&app, &other).await;
    append(&app, &person).await;
    for socket in &mut sockets {
        let frame = socket.next().await;
        assert_eq!((&frame["id"], &frame["topic"]), (&json!(1), &json!(format!("user:{}", person.id))));
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_good_once_and_for_half_a_minute() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let first = format!("?ticket={}", ticket(&person).await);
    let tries = join_all((0..8).map(|_| Socket::ask(&app.base, &first, &[]))).await;
    assert_eq!(tries.iter().filter(|t| t.is_ok()).count(), 1);
    refused(Socket::ask(&app.base, &first, &[]).await, 401, "auth.ticket_invalid");

    let old = format!("?ticket={}", ticket(&person).await);
    app.advance(TimeDelta::seconds(30));
    refused(Socket::ask(&app.base, &old, &[]).await, 401, "auth.ticket_invalid");
    refused(Socket::ask(&app.base, "?ticket=abc", &[]).await, 401, "auth.ticket_invalid");
    let unknown = format!("?ticket={}", konnect::id::secret());
    refused(Socket::ask(&app.base, &unknown, &[]).await, 401, "auth.ticket_invalid");

    // A ticket does not outlive the login that bought it.
    let orphan = format!("?ticket={}", ticket(&person).await);
    person.client.post("/v1/auth/logout", json!({})).await.ok(204);
    refused(Socket::ask(&app.base, &orphan, &[]).await, 401, "auth.session_revoked");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_in() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let token = person.client.token().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    let ask = |query: &'static str, headers: Vec<(&'static str, String)>| {
        let base = app.base.clone();
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            Socket::ask(&base, query, &headers).await
        }
    };
    refused(ask("", vec![]).await, 401, "auth.required");
    for header in ["Bearer a.b.c", "Basic YTpi", "x"] {
        refused(ask("", vec![("authorization", header.into())]).await, 401, "auth.token_invalid");
    }
    let protocol = vec![("sec-websocket-protocol", "konnect.v1, bearer.a.b.c".into())];
    refused(ask("", protocol).await, 401, "auth.token_invalid");
    let in_url = Socket::ask(&app.base, &format!("?token={token}"), &[]).await;
    refused(in_url, 400, "request.invalid");
    for query in ["?after=-1", "?after=x", "?topic=user"] {
        refused(ask(query, vec![("authorization", bearer.clone())]).await, 400, "request.invalid");
    }
    for origin in ["https://evil.example", "http://localhost:3000.evil.example", "http://localhost", "null"] {
        let headers = vec![("authorization", bearer.clone()), ("origin", origin.into())];
        refused(ask("", headers).await, 403, "origin.forbidden");
    }
    person.client.get("/v1/ws").await.problem(426, "socket.upgrade_missing");

    app.advance(TimeDelta::seconds(900));
    refused(ask("", vec![("authorization", bearer)]).await, 401, "auth.token_expired");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_ten_sockets_per_process() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let bearer = format!("Bearer {}", person.client.token().expect("a token"));
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Socket::open(&app.base, &person, "").await.0);
    }
    let eleventh = Socket::ask(&app.base, "", &[("authorization", &bearer)]).await;
    let Err(answer) = eleventh else { panic!("let in") };
    assert!(answer.headers.contains_key("retry-after"));
    answer.problem(429, "socket.too_many");
    Socket::open(&app.second_api().await, &person, "").await;

    open.pop().expect("ten").close().await;
    app.until(async || Socket::ask(&app.base, "", &[("authorization", &bearer)]).await.is_ok()).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_are_refused() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let (mut socket, _) = Socket::open(&app.base, &person, "").await;
    let cases = [
        (json!({ "type": "subscribe" }), "frame.unknown_type"),
        (json!({ "type": "resume" }), "frame.invalid"),
        (json!({ "type": "resume", "after": 1, "topic": "user:x" }), "frame.invalid"),
        (json!({ "type": 7 }), "frame.invalid"),
        (json!([]), "frame.invalid"),
        (json!("x".repeat(MAX_MESSAGE - 2)), "frame.invalid"),
        (json!({ "type": "auth.refresh", "token": "a.b.c" }), "auth.token_invalid"),
    ];
    for (frame, code) in cases {
        socket.say(frame).await;
        let answer = socket.next().await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!(code)));
    }
    socket.say_raw(Message::text("x".repeat(MAX_MESSAGE + 1))).await;
    assert_eq!(socket.next().await["close"], 1009);
    let (mut socket, _) = Socket::open(&app.base, &person, "").await;
    socket.say_raw(Message::binary(vec![1, 2])).await;
    assert_eq!(socket.next().await["close"], 1003);
    app.finish().await;
}

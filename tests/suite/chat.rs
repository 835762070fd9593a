//! Chats over REST: rights by the reservation's state, history, marks, and rooms of others.

use chrono::TimeDelta;
use konnect::chat;
use konnect::id::ReservationId;
use konnect_tests::{Answer, Booking, Person, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

async fn send(person: &Person, booking: &Booking, client_id: &str, text: &str) -> Answer {
    let body = json!({ "clientId": client_id, "text": text });
    person.client.post(&format!("{}/chat/messages", booking.path()), body).await
}

async fn list(person: &Person, booking: &Booking, query: &str) -> Value {
    person.client.get(&format!("{}/chat/messages{query}", booking.path())).await.ok(200)
}

async fn read(person: &Person, booking: &Booking, seq: i64) -> Answer {
    let path = format!("{}/chat/read", booking.path());
    person.client.send(Method::PUT, &path, Some(json!({ "seq": seq })), &[]).await
}

fn seqs(page: &Value) -> Vec<i64> {
    let messages = page["messages"].as_array().expect("messages");
    messages.iter().map(|m| m["seq"].as_i64().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_follow_the_reservation() {
    let app = TestApp::start().await;
    let booking = app.booking().await;
    let (mentee, mentor) = (booking.mentee.clone(), booking.mentor.clone());
    // Nobody has paid.
    send(&mentee, &booking, "m-0", "hi").await.problem(409, "chat.not_open");
    mentee.client.get(&format!("{}/chat", booking.path())).await.problem(409, "chat.not_open");
    mentee.client.get(&format!("{}/chat/messages", booking.path())).await.problem(409, "chat.not_open");
    let export = format!("{}/chat/export?format=json", booking.path());
    mentee.client.get(&export).await.problem(409, "chat.not_open");
    read(&mentee, &booking, 1).await.problem(409, "chat.not_open");
    app.upload(&mentee, &booking, "a.txt", "text/plain", b"hi").await.problem(409, "chat.not_open");

    app.pay(&booking).await;
    send(&mentee, &booking, "m-1", "hi").await.ok(201);
    send(&mentee, &booking, "m-1", "hi").await.ok(200);
    send(&mentee, &booking, "m-1", "ho").await.problem(422, "chat.client_id_reused");
    let state = mentor.client.get(&format!("{}/chat", booking.path())).await.ok(200);
    let closes_at = booking.starts_at + TimeDelta::hours(1) + TimeDelta::days(7);
    assert_eq!(state["closesAt"], closes_at.to_rfc3339());
    assert_eq!((&state["canWrite"], &state["head"], &state["unread"]), (&json!(true), &json!(1), &json!(1)));
    assert_eq!(state["peerId"], mentee.id.to_string());

    // In session, completed, and until a week after its end.
    app.advance_to(booking.starts_at + TimeDelta::minutes(5));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "in_session");
    let (mentee, mentor) = (app.log_in(&mentee).await, app.log_in(&mentor).await);
    send(&mentee, &booking, "m-2", "now").await.ok(201);
    app.advance_to(closes_at - TimeDelta::milliseconds(1));
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "completed");
    let (mentee, mentor) = (app.log_in(&mentee).await, app.log_in(&mentor).await);
    send(&mentor, &booking, "m-3", "thanks").await.ok(201);
    app.advance(TimeDelta::milliseconds(1));
    send(&mentor, &booking, "m-4", "late").await.problem(409, "chat.closed");
    app.upload(&mentor, &booking, "a.txt", "text/plain", b"hi").await.problem(409, "chat.closed");
    send(&mentor, &booking, "m-3", "thanks").await.ok(200);
    assert_eq!(seqs(&list(&mentee, &booking, "").await), [1, 2, 3], "an archive");
    let state = mentee.client.get(&format!("{}/chat", booking.path())).await.ok(200);
    assert_eq!((&state["canWrite"], state.get("closesAt")), (&json!(false), None));
    read(&mentee, &booking, 3).await.ok(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_reservation_leaves_an_archive() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    send(&booking.mentee, &booking, "m-1", "hi").await.ok(201);
    let found = booking.mentee.client.get(&booking.path()).await.ok(200);
    let body = json!({ "reason": "ill", "expectedVersion": found["version"] });
    booking.mentee.client.post(&format!("{}/cancel", booking.path()), body).await.ok(200);
    app.run_jobs().await;
    assert_eq!(app.state(&booking).await, "cancelled");
    send(&booking.mentor, &booking, "m-2", "get well").await.problem(409, "chat.closed");
    assert_eq!(seqs(&list(&booking.mentor, &booking, "").await), [1]);

    // One that was cancelled before anybody paid never had a chat.
    let (mentor, mentee) = (&booking.mentor, &booking.mentee);
    let other = app.book(mentor, mentee, booking.offering, booking.starts_at + TimeDelta::hours(2)).await;
    let found = mentee.client.get(&other.path()).await.ok(200);
    let body = json!({ "reason": "ill", "expectedVersion": found["version"] });
    mentee.client.post(&format!("{}/cancel", other.path()), body).await.ok(200);
    mentee.client.get(&format!("{}/chat/messages", other.path())).await.problem(409, "chat.not_open");
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_goes_both_ways_and_is_what_sockets_show() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let (mentee, mentor) = (&booking.mentee, &booking.mentor);
    let access = app.access(&booking, mentee).await;
    for n in 1..=7 {
        app.say(&access, &format!("m-{n}"), &format!("message {n}")).await;
    }
    let newest = list(mentor, &booking, "?limit=3").await;
    assert_eq!((seqs(&newest), &newest["more"]), (vec![5, 6, 7], &json!(true)));
    let older = list(mentor, &booking, "?limit=3&before=5").await;
    assert_eq!((seqs(&older), &older["more"]), (vec![2, 3, 4], &json!(true)));
    let oldest = list(mentor, &booking, "?limit=3&before=2").await;
    assert_eq!((seqs(&oldest), &oldest["more"]), (vec![1], &json!(false)));
    let newer = list(mentor, &booking, "?limit=3&after=2").await;
    assert_eq!((seqs(&newer), &newer["more"]), (vec![3, 4, 5], &json!(true)));
    let between = list(mentor, &booking, "?after=5&before=7").await;
    assert_eq!((seqs(&between), &between["more"]), (vec![6], &json!(false)));
    for bad in ["?limit=0", "?limit=101", "?before=-1", "?after=x"] {
        let path = format!("{}/chat/messages{bad}", booking.path());
        mentor.client.get(&path).await.problem(400, "request.invalid");
    }

    // The same JSON from REST, replay and live frames.
    let wish = chat::Wish::React { target: 7, emoji: "👍".into(), on: true };
    let draft = chat::Draft { client_id: "r".into(), wish };
    chat::append(&app.core, &access, draft).await.expect("a reaction");
    let replay = chat::entries_after(&app.core, &access, 6, 10).await.expect("the log");
    let shown = list(mentor, &booking, "?limit=1").await;
    assert_eq!(shown["messages"][0], replay[0].frame_data());
    let sent = send(mentor, &booking, "rest", "by REST").await.ok(201);
    let replay = chat::entries_after(&app.core, &access, 8, 10).await.expect("the log");
    assert_eq!(sent, replay[0].frame_data());
    assert_eq!(sent["seq"], 9, "a reaction has a number of its own");

    for (body, status, code) in [
        (json!({ "clientId": "x", "text": "  " }), 422, "chat.text_empty"),
        (json!({ "clientId": "x" }), 422, "chat.text_empty"),
        (json!({ "clientId": "x", "text": "y".repeat(4001) }), 422, "chat.text_too_long"),
        (json!({ "clientId": "a b", "text": "y" }), 422, "chat.client_id_invalid"),
        (json!({ "clientId": "", "text": "y" }), 400, "request.invalid"),
        (json!({ "text": "y" }), 400, "request.invalid"),
        (json!({ "clientId": "x", "text": 1 }), 400, "request.invalid"),
        (json!({ "clientId": "x", "text": "y", "sender": mentee.id }), 400, "request.invalid"),
        (json!({ "clientId": "x", "text": "y", "replyTo": 99 }), 404, "chat.message_not_found"),
        (json!({ "clientId": "x", "fileId": ReservationId::generate() }), 404, "chat.file_not_found"),
    ] {
        mentor.client.post(&format!("{}/chat/messages", booking.path()), body).await.problem(status, code);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_only_grow_and_unread_is_what_the_other_said() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let (mentee, mentor) = (&booking.mentee, &booking.mentor);
    let second = app.book(mentor, mentee, booking.offering, booking.starts_at + TimeDelta::hours(2)).await;
    app.pay(&second).await;
    let ours = app.access(&booking, mentee).await;
    for n in 1..=3 {
        app.say(&ours, &format!("m-{n}"), "hi").await;
    }
    let theirs = app.access(&booking, mentor).await;
    app.say(&theirs, "re", "hello").await;
    let other = app.access(&second, mentee).await;
    app.say(&other, "m-1", "and here").await;

    let unread = mentor.client.get("/v1/me/chat/unread").await.ok(200);
    assert_eq!(unread["total"], 4);
    let rooms = json!([
        { "reservationId": second.id, "unread": 1, "head": 1 },
        { "reservationId": booking.id, "unread": 3, "head": 4 },
    ]);
    assert_eq!(unread["rooms"], rooms, "the newest reservation first");
    assert_eq!(mentee.client.get("/v1/me/chat/unread").await.ok(200)["total"], 1);

    assert_eq!(read(mentor, &booking, 2).await.ok(200), json!({ "mine": 2, "peer": 0 }));
    assert_eq!(chat::unread(&app.core, &theirs).await.expect("a count"), 1);
    assert_eq!(read(mentor, &booking, 1).await.ok(200)["mine"], 2, "never back");
    assert_eq!(read(mentor, &booking, 0).await.ok(200)["mine"], 2);
    read(mentor, &booking, -1).await.problem(400, "request.invalid");
    // What nobody has said yet cannot be read.
    assert_eq!(read(mentor, &booking, i64::MAX).await.ok(200)["mine"], 4);
    app.say(&ours, "m-4", "more").await;
    assert_eq!(chat::unread(&app.core, &theirs).await.expect("a count"), 1);
    assert_eq!(chat::marks(&app.core, &ours).await.expect("marks"), chat::Marks { mine: 0, peer: 4 });

    // At the same moment, in any order: the largest stays.
    let marks = (0..=5).rev().map(|seq| chat::mark_read(&app.core, &ours, seq));
    for marked in futures_util::future::join_all(marks).await {
        marked.expect("a mark");
    }
    assert_eq!(chat::marks(&app.core, &ours).await.expect("marks").mine, 5);
    assert_eq!(mentee.client.get("/v1/me/chat/unread").await.ok(200), json!({ "total": 0, "rooms": [] }));

    // A deleted message is nothing to read.
    let gone = app.say(&ours, "m-5", "oops").await.entry.seq;
    let draft = chat::Draft { client_id: "d".into(), wish: chat::Wish::Delete { target: gone } };
    chat::append(&app.core, &ours, draft).await.expect("a deletion");
    assert_eq!(chat::unread(&app.core, &theirs).await.expect("a count"), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_of_others_is_like_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let booking = app.chat().await;
    let access = app.access(&booking, &booking.mentee).await;
    app.say(&access, "m-1", "between us").await;
    let stranger = app.mentee("stranger").await;
    let unknown = ReservationId::generate();
    let mut answers = Vec::new();
    for room in [booking.id, unknown] {
        let path = format!("/v1/reservations/{room}/chat");
        let tries = [
            stranger.client.get(&path).await,
            stranger.client.get(&format!("{path}/messages")).await,
            stranger.client.get(&format!("{path}/export?format=text")).await,
            stranger.client.post(&format!("{path}/messages"), json!({ "clientId": "x", "text": "y" })).await,
            stranger.client.send(Method::PUT, &format!("{path}/read"), Some(json!({ "seq": 1 })), &[]).await,
        ];
        let shapes = tries.map(|answer| {
            let mut body = answer.problem(404, "reservation.not_found");
            body.as_object_mut().expect("an object").remove("requestId");
            body
        });
        answers.push(shapes);
        let asked = chat::access(app.core.db.pool(), room, stranger.id).await;
        assert_eq!(asked.expect_err("a stranger").refusal(), "NOT_PARTICIPANT");
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(stranger.client.get("/v1/me/chat/unread").await.ok(200)["total"], 0);
    app.finish().await;
}

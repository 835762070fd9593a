//! Rooms on the plain WebSocket, over two api processes: chat arrives once and in order, whatever is lost on the way.

use chrono::TimeDelta;
use konnect::chat::{self, Draft, Wish};
use konnect_tests::{Booking, Person, Socket, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// A paid booking with both sides in its chat, each at an api of their own.
async fn two_in_chat(app: &TestApp) -> (Booking, Socket, Socket) {
    let booking = app.paid_booking().await;
    let second = app.second_api().await;
    let mentor = in_chat(&app.base, &booking, &booking.mentor, json!({})).await;
    let mentee = in_chat(&second, &booking, &booking.mentee, json!({})).await;
    (booking, mentor, mentee)
}

async fn in_chat(base: &str, booking: &Booking, who: &Person, fields: Value) -> Socket {
    let (mut socket, _) = Socket::open(base, who, "").await;
    socket.command("chat.join", booking.id, fields).await.expect("a member");
    socket
}

fn says(n: usize) -> Value {
    json!({ "clientId": format!("m-{n}"), "text": format!("message {n}") })
}

/// Reads the room's log from `first` to `last` and nothing of it between them.
async fn expect_log(socket: &mut Socket, first: i64, last: i64) {
    for seq in first..=last {
        let frame = loop {
            let frame = socket.next().await;
            assert!(frame.get("close").is_none(), "closed before {seq}: {frame}");
            if frame["seq"].is_i64() && frame["type"].as_str().is_some_and(|kind| kind != "chat.read") {
                break frame;
            }
        };
        assert_eq!(frame["seq"], seq, "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_reach_the_peer_at_another_api_and_the_senders_other_device() {
    let app = TestApp::start().await;
    let (booking, mut mentor, mut mentee) = two_in_chat(&app).await;
    let mut phone = in_chat(&app.base, &booking, &booking.mentee, json!({})).await;

    let sent = mentee.command("chat.send", booking.id, says(1)).await.expect("sent");
    assert_eq!((&sent["seq"], &sent["duplicate"]), (&json!(1), &json!(false)));
    for socket in [&mut mentor, &mut mentee, &mut phone] {
        let frame = socket.event("chat.message").await;
        assert_eq!((&frame["seq"], &frame["text"]), (&json!(1), &json!("message 1")));
        assert_eq!(frame["from"], json!(booking.mentee.id));
        assert_eq!(frame["room"], json!(booking.id));
    }
    mentor.command("chat.send", booking.id, says(2)).await.expect("sent");
    let edit = json!({ "clientId": "e-1", "seq": 2, "text": "mended" });
    mentor.command("chat.edit", booking.id, edit).await.expect("edited");
    for socket in [&mut mentor, &mut mentee, &mut phone] {
        expect_log(socket, 2, 3).await;
    }
    // What is not stored goes to the others alone.
    mentee.command("chat.typing", booking.id, json!({ "on": true })).await.expect("told");
    mentee.command("chat.typing", booking.id, json!({ "on": true })).await.expect("not told again so soon");
    mentee.command("chat.read", booking.id, json!({ "seq": 3 })).await.expect("read");
    for socket in [&mut mentor, &mut phone] {
        assert_eq!(socket.next().await["type"], "chat.typing");
        assert_eq!(socket.next().await["type"], "chat.read");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_and_read_over_rest_is_told_to_the_sockets() {
    let app = TestApp::start().await;
    let (booking, mut mentor, _mentee) = two_in_chat(&app).await;
    let (client, path) = (&booking.mentee.client, format!("{}/chat", booking.path()));
    client.post(&format!("{path}/messages"), says(1)).await.ok(201);
    assert_eq!(mentor.event("chat.message").await["seq"], 1);
    client.send(Method::PUT, &format!("{path}/read"), Some(json!({ "seq": 1 })), &[]).await.ok(200);
    let read = mentor.event("chat.read").await;
    assert_eq!((&read["userId"], &read["seq"]), (&json!(booking.mentee.id), &json!(1)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s45_entries_whose_publication_was_lost_arrive_in_order() {
    let app = TestApp::start().await;
    let (booking, mut mentor, mut mentee) = two_in_chat(&app).await;
    // Stored by a process that tells nobody.
    let access = chat::access(app.core.db.pool(), booking.id, booking.mentee.id).await.expect("a member");
    let quietly = async |n: usize| {
        let wish = Wish::Send { text: Some(format!("quiet {n}")), file: None, reply_to: None };
        chat::append(&app.core, &access, Draft { client_id: format!("q-{n}"), wish }).await.expect("stored")
    };
    for n in 1..=3 {
        quietly(n).await;
    }
    // Nobody says anything: the sweep finds them.
    tokio::join!(expect_log(&mut mentor, 1, 3), expect_log(&mut mentee, 1, 3));
    quietly(4).await;
    // The next one is heard: the gap before it is filled first.
    mentee.command("chat.send", booking.id, says(5)).await.expect("sent");
    tokio::join!(expect_log(&mut mentor, 4, 5), expect_log(&mut mentee, 4, 5));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s46_s47_a_client_that_was_away_hears_the_rest_once_and_in_order() {
    let app = TestApp::start().await;
    let (booking, mut mentor, mentee) = two_in_chat(&app).await;
    mentee.close().await;
    let access = app.access(&booking, &booking.mentor).await;
    for n in 1..=130 {
        app.say(&access, &format!("m-{n}"), "while you were away").await;
    }
    // Back at the other api, with messages coming while the rest is replayed.
    let mut back = in_chat(&app.base, &booking, &booking.mentee, json!({ "after": 7 })).await;
    for n in 131..=150 {
        mentor.command("chat.send", booking.id, says(n)).await.expect("sent");
    }
    expect_log(&mut back, 8, 150).await;
    // A position that never was.
    let mut lost = in_chat(&app.base, &booking, &booking.mentee, json!({ "after": 500 })).await;
    let resync = lost.event("resync_required").await;
    assert_eq!((&resync["reason"], &resync["head"]), (&json!("unknown_position"), &json!(150)));
    assert_eq!(resync["room"], json!(booking.id));
    mentor.command("chat.send", booking.id, says(151)).await.expect("sent");
    expect_log(&mut lost, 151, 151).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s49_a_message_sent_again_at_another_api_is_the_same_message() {
    let app = TestApp::start().await;
    let (booking, mut mentor, mut mentee) = two_in_chat(&app).await;
    let mut elsewhere = in_chat(&app.base, &booking, &booking.mentee, json!({})).await;
    let (one, other) = tokio::join!(
        mentee.command("chat.send", booking.id, says(1)),
        elsewhere.command("chat.send", booking.id, says(1)),
    );
    let (one, other) = (one.expect("sent"), other.expect("sent"));
    assert_eq!((&one["seq"], &other["seq"]), (&json!(1), &json!(1)));
    assert_ne!(one["duplicate"], other["duplicate"], "one of them stored it");
    let changed = json!({ "clientId": "m-1", "text": "something else" });
    assert_eq!(mentee.refusal("chat.send", booking.id, changed).await, "CLIENT_ID_REUSED");
    mentor.command("chat.send", booking.id, says(2)).await.expect("sent");
    expect_log(&mut mentor, 1, 2).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s41_strangers_cannot_tell_a_room_from_none() {
    let app = TestApp::start().await;
    let booking = app.paid_booking().await;
    let stranger = app.mentee("stranger").await;
    let (mut socket, _) = Socket::open(&app.base, &stranger, "").await;
    let nowhere = konnect::id::ReservationId::generate();
    for kind in ["chat.join", "session.join"] {
        let (there, none) = (
            socket.command(kind, booking.id, json!({})).await.expect_err("a stranger"),
            socket.command(kind, nowhere, json!({})).await.expect_err("no room"),
        );
        for refused in [&there, &none] {
            assert_eq!(refused["code"], "NOT_PARTICIPANT", "{refused}");
        }
        let names =
            |refused: &Value| refused.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
        assert_eq!(names(&there), names(&none));
    }
    assert_eq!(socket.refusal("chat.join", "no-id", json!({})).await, "RESERVATION_NOT_FOUND");
    // Nor without entering.
    let said = says(1);
    assert_eq!(socket.refusal("chat.send", booking.id, said).await, "NOT_JOINED");
    assert_eq!(socket.refusal("chat.history", booking.id, json!({})).await, "NOT_JOINED");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_wrong_shape_are_refused_with_a_code_and_harm_nobody() {
    let app = TestApp::start().await;
    let (booking, mut mentor, mut mentee) = two_in_chat(&app).await;
    let invalid = [
        ("chat.send", json!({ "text": "no client id" })),
        ("chat.send", json!({ "clientId": "a", "text": 7 })),
        ("chat.send", json!({ "clientId": "a", "text": "x", "from": booking.mentor.id })),
        ("chat.send", json!({ "clientId": "a" })),
        ("chat.read", json!({ "seq": "1" })),
        ("chat.join", json!({ "after": -1 })),
        ("session.join", json!({ "takeOver": "yes" })),
        ("rtc.signal", json!({ "epoch": 1, "kind": "offer", "payload": {}, "to": booking.mentor.id })),
    ];
    for (kind, fields) in invalid {
        assert_eq!(
            mentee.refusal(kind, booking.id, fields.clone()).await,
            "frame.invalid",
            "{kind} {fields}"
        );
    }
    assert_eq!(mentee.refusal("chat.shout", booking.id, json!({})).await, "frame.unknown_type");
    let long = json!({ "clientId": "a", "text": "가".repeat(4_001) });
    assert_eq!(mentee.refusal("chat.send", booking.id, long).await, "TEXT_TOO_LONG");
    mentee.say(json!({ "type": "chat.send", "ref": "x".repeat(65), "room": booking.id })).await;
    assert_eq!(mentee.next().await["code"], "frame.invalid");
    mentee.command("chat.send", booking.id, says(1)).await.expect("sent");
    expect_log(&mut mentor, 1, 1).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_end_while_the_connection_lives() {
    let app = TestApp::start().await;
    let (booking, mut mentor, _mentee) = two_in_chat(&app).await;
    let long = app.core.rules.chat_life() + TimeDelta::hours(1);
    assert_eq!(mentor.command("chat.send", booking.id, says(1)).await.expect("sent")["seq"], 1);
    let token = {
        app.advance_to(booking.starts_at + TimeDelta::hours(1) + long);
        app.log_in(&booking.mentor).await
    };
    let mut late = in_chat(&app.base, &booking, &token, json!({ "after": 0 })).await;
    expect_log(&mut late, 1, 1).await;
    assert_eq!(late.refusal("chat.send", booking.id, says(2)).await, "CHAT_CLOSED");
    assert_eq!(late.refusal("chat.typing", booking.id, json!({ "on": true })).await, "CHAT_CLOSED");
    let history = late.command("chat.history", booking.id, json!({ "limit": 10 })).await.expect("an archive");
    assert_eq!(history["messages"].as_array().map(Vec::len), Some(1));
    app.leave().await;
}

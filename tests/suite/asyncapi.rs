//! `docs/asyncapi.yaml` is true: its words are those of the code, and what a running api says is as it says.

#[path = "asyncapi/code.rs"]
mod code;
#[path = "asyncapi/document.rs"]
mod document;
#[path = "asyncapi/plain.rs"]
mod plain;
#[path = "asyncapi/polling.rs"]
mod polling;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use konnect::realtime::{REFUSALS, commands};
use konnect_tests::{Booking, TestApp};
use serde_json::{Value, json};

use document::Document;
use plain::{Line, Tape};
use polling::Polling;

/// What is said beside the commands for rooms.
const FOR_NO_ROOM: [&str; 3] = ["ping", "resume", "auth.refresh"];

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

fn without(mut words: BTreeSet<String>, others: &[&str]) -> BTreeSet<String> {
    words.retain(|word| !others.contains(&word.as_str()));
    words
}

#[test]
fn its_commands_are_those_of_the_code() {
    let document = Document::read();
    assert_eq!(document.dangling(), [] as [&str; 0]);
    let all = set(commands());
    for prefix in ["command.", "done."] {
        assert_eq!(without(document.messages("plain", prefix), &FOR_NO_ROOM), all, "{prefix}");
    }
    // A namespace has its own families, and short names for entering and leaving.
    for (channel, families) in [("chat", &["chat."][..]), ("webrtc", &["session.", "rtc."][..])] {
        let own = set(commands().filter(|kind| families.iter().any(|family| kind.starts_with(family))));
        let shared = [&FOR_NO_ROOM[..], &["join", "leave"]].concat();
        for prefix in ["command.", "done."] {
            assert_eq!(without(document.messages(channel, prefix), &shared), own, "{channel} {prefix}");
        }
    }
    // Each is an operation, on each of its doors.
    let operations = document.at("/operations").as_object().expect("operations");
    for kind in commands() {
        let namespace = if kind.starts_with("chat.") { "chat" } else { "webrtc" };
        for name in [format!("plain.{kind}"), format!("{namespace}.on.{kind}")] {
            assert_eq!(operations[&name]["action"], "receive", "{name}");
        }
    }
}

#[test]
fn its_codes_are_those_of_the_code() {
    let document = Document::read();
    assert_eq!(document.words("RefusalCode"), set(REFUSALS));
    let said = code::literals(&[
        "src/realtime/house",
        "src/realtime/live",
        "src/realtime/command.rs",
        "src/realtime/frame.rs",
        "src/realtime/guest",
        "src/realtime/socket_io",
        "src/chat/error.rs",
        "src/session/error.rs",
    ]);
    let silent: Vec<_> = REFUSALS.iter().filter(|code| !said.contains(**code)).collect();
    assert!(silent.is_empty(), "nobody says {silent:?}");
    assert_eq!(document.words("ConnectError"), code::codes(&["src/realtime/socket_io/door.rs"]));
    assert_eq!(document.words("ClosingReason"), code::codes(&["src/realtime/socket_io/client.rs"]));
    let known = code::literals(&["src/realtime", "src/auth"]);
    let faults = document.words("FaultCode");
    assert!(faults.is_subset(&known), "{:?}", faults.difference(&known));
    let closes = document.at("/channels/plain/x-close-codes").as_object().expect("codes");
    assert_eq!(closes.keys().cloned().collect::<BTreeSet<_>>(), code::close_codes());
    let problems = code::problems();
    for (status, codes) in document.at("/channels/plain/x-refusals").as_object().expect("refusals") {
        for code in codes.as_array().expect("codes") {
            assert!(problems.contains(&format!("row({status},{code},")), "{status} {code}");
        }
    }
}

#[test]
fn its_frames_are_those_of_the_code() {
    let document = Document::read();
    let of_rooms = |word: &String| {
        ["chat.", "session.", "rtc."].iter().any(|family| word.starts_with(family) && word != family)
    };
    let mut documented = document.messages("plain", "frame.");
    documented.extend(commands().map(str::to_owned));
    documented.retain(of_rooms);
    let mut said = code::literals(&["src/realtime", "src/chat/model.rs"]);
    said.retain(of_rooms);
    assert_eq!(said, documented);
    // What a namespace hears of rooms is what the plain WebSocket hears.
    let mut namespaces = document.messages("chat", "frame.");
    namespaces.extend(document.messages("webrtc", "frame."));
    namespaces.retain(of_rooms);
    let mut plain = document.messages("plain", "frame.");
    plain.retain(of_rooms);
    assert_eq!(namespaces, plain);
}

#[test]
fn a_frame_that_is_not_as_documented_is_found() {
    let document = Document::read();
    let room = "0197a1b2-0000-7000-8000-000000000001";
    let good = json!({
        "type": "chat.reacted", "room": room, "seq": 3, "at": "2026-03-02T00:00:00+00:00", "from": room,
        "target": 1, "emoji": "👍", "on": true,
    });
    assert!(document.faults("plain", "frame.chat.reacted", &good).is_empty());
    let broken: [(&str, Value); 7] = [
        ("seq", json!(0)),
        ("seq", json!("3")),
        ("at", json!("2026-03-02 00:00")),
        ("at", json!("2026-03-02T09:00:00+09:00")),
        ("from", json!("somebody")),
        ("type", json!("chat.message")),
        ("mood", json!("good")),
    ];
    for (name, value) in broken {
        let mut frame = good.clone();
        frame[name] = value;
        assert!(!document.faults("plain", "frame.chat.reacted", &frame).is_empty(), "{frame}");
    }
    for name in ["type", "room", "on"] {
        let mut frame = good.clone();
        frame.as_object_mut().expect("an object").remove(name);
        assert!(!document.faults("plain", "frame.chat.reacted", &frame).is_empty(), "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_said_on_the_plain_websocket_is_as_the_document_says() {
    let document = Document::read();
    let tape = Tape::new(&document, "plain");
    let app = TestApp::start().await;
    let mut booking = app.paid_booking().await;
    say_what_is_for_no_room(&app, &tape, &booking).await;
    chat(&app, &tape, &booking).await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    log_in(&app, &mut booking).await;
    call(&app, &tape, &booking).await;
    app.advance_to(booking.starts_at);
    app.run_jobs().await;
    end(&app, &tape, &mut booking).await;
    assert_eq!(tape.missing(), BTreeSet::new(), "never said");
    app.run_jobs().await;
    app.finish().await;
}

async fn log_in(app: &TestApp, booking: &mut Booking) {
    booking.mentor = app.log_in(&booking.mentor).await;
    booking.mentee = app.log_in(&booking.mentee).await;
}

async fn say_what_is_for_no_room(app: &TestApp, tape: &Tape<'_>, booking: &Booking) {
    let mut mentee = Line::open(tape, &app.base, &booking.mentee).await;
    mentee.say(json!({ "type": "ping" })).await;
    mentee.hear("pong").await;
    mentee.say(json!({ "type": "resume", "after": 0 })).await;
    mentee.hear("reservation.confirmed").await;
    mentee.say(json!({ "type": "resume", "after": 1_000_000 })).await;
    assert!(mentee.hear("resync_required").await["topic"].is_string());
    let fresh = app.log_in(&booking.mentee).await;
    mentee.say(json!({ "type": "auth.refresh", "token": fresh.client.token() })).await;
    mentee.hear("refreshed").await;
    for (frame, code) in [
        (json!({ "type": "resume" }), "frame.invalid"),
        (json!({ "type": "subscribe" }), "frame.unknown_type"),
        (json!({ "type": "auth.refresh", "token": "a.b.c" }), "auth.token_invalid"),
        (json!({ "type": "auth.refresh", "token": booking.mentor.client.token() }), "auth.other_user"),
    ] {
        mentee.babble(frame).await;
        assert_eq!(mentee.hear("error").await["code"], code);
    }
    let early = mentee.refused("session.join", &booking.id.to_string(), json!({})).await;
    assert_eq!(early["code"], "NOT_IN_TIME_WINDOW");
    assert!(early["opensAt"].is_string() && early["closesAt"].is_string());
}

async fn chat(app: &TestApp, tape: &Tape<'_>, booking: &Booking) {
    let room = &*booking.id.to_string();
    let mut mentor = Line::open(tape, &app.base, &booking.mentor).await;
    let mut mentee = Line::open(tape, &app.base, &booking.mentee).await;
    mentor.done("chat.join", room, json!({})).await;
    mentee.done("chat.join", room, json!({ "after": 0 })).await;
    mentee.done("chat.send", room, json!({ "clientId": "m-1", "text": "안녕하세요" })).await;
    let file = app.upload(&booking.mentee, booking, "plan.txt", "text/plain", b"a plan").await.ok(201);
    let second = json!({ "clientId": "m-2", "fileId": file["id"], "replyTo": 1 });
    mentee.done("chat.send", room, second.clone()).await;
    mentee.done("chat.send", room, second).await;
    mentee.done("chat.edit", room, json!({ "clientId": "e-1", "seq": 1, "text": "안녕!" })).await;
    let like = json!({ "clientId": "r-1", "seq": 1, "emoji": "👍", "on": true });
    mentor.done("chat.react", room, like).await;
    let page = mentor.done("chat.history", room, json!({ "limit": 10 })).await;
    assert!(page["messages"][0]["reactions"].is_array() && page["messages"][1]["file"].is_object());
    mentee.done("chat.delete", room, json!({ "clientId": "d-1", "seq": 2 })).await;
    let page = mentor.done("chat.history", room, json!({ "after": 0 })).await;
    assert!(page["messages"][1]["deletedAt"].is_string());
    mentee.done("chat.read", room, json!({ "seq": 5 })).await;
    mentee.done("chat.typing", room, json!({ "on": true })).await;
    mentor.hear("chat.typing").await;

    for (kind, fields) in [
        ("chat.send", json!({ "text": "no client id" })),
        ("chat.send", json!({ "clientId": "a", "text": "x", "from": booking.mentor.id })),
        ("chat.read", json!({ "seq": "1" })),
        ("chat.join", json!({ "after": -1 })),
    ] {
        assert_eq!(mentee.wrong(kind, room, fields).await, "frame.invalid");
    }
    let long = json!({ "clientId": "a", "text": "가".repeat(4_001) });
    assert_eq!(mentee.wrong("chat.send", room, long).await, "TEXT_TOO_LONG");
    assert_eq!(mentee.wrong("chat.join", "no-id", json!({})).await, "RESERVATION_NOT_FOUND");
    let other = json!({ "clientId": "x", "seq": 1, "text": "theirs" });
    assert_eq!(mentor.refused("chat.edit", room, other).await["code"], "NOT_AUTHOR");
    mentee.done("chat.leave", room, json!({})).await;
    mentee.done("chat.join", room, json!({ "after": 500 })).await;
    assert_eq!(mentee.hear("resync_required").await["room"], room);
}

async fn call(app: &TestApp, tape: &Tape<'_>, booking: &Booking) {
    let room = &*booking.id.to_string();
    let mut mentor = Line::open(tape, &app.base, &booking.mentor).await;
    let mut mentee = Line::open(tape, &app.base, &booking.mentee).await;
    mentor.done("session.join", room, json!({})).await;
    let joined = mentee.done("session.join", room, json!({ "takeOver": false })).await;
    assert!(joined["turn"].is_object());
    mentor.hear("session.joined").await;
    for (kind, payload) in [
        ("offer", json!({ "type": "offer", "sdp": "v=0\r\n" })),
        ("candidate", json!({ "candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0 })),
    ] {
        let signal = json!({ "epoch": joined["epoch"], "kind": kind, "payload": payload });
        mentee.done("rtc.signal", room, signal).await;
        mentor.hear("rtc.signal").await;
    }
    let media = json!({ "mic": true, "camera": true, "ready": true });
    mentee.done("rtc.media", room, media).await;
    for (who, action) in [(0, "request"), (1, "grant"), (0, "start"), (0, "stop")] {
        let line = if who == 0 { &mut mentee } else { &mut mentor };
        line.done("rtc.screen", room, json!({ "action": action })).await;
    }
    let start = mentor.refused("rtc.screen", room, json!({ "action": "start" })).await;
    assert_eq!((&start["code"], &start["screen"]["state"]), (&json!("SCREEN_NOT_GRANTED"), &json!("idle")));
    mentor.done("rtc.restart", room, json!({})).await;
    let answer = json!({ "epoch": joined["epoch"], "kind": "answer", "payload": { "sdp": "v=0\r\n" } });
    assert!(mentor.refused("rtc.signal", room, answer).await["epoch"].is_i64());
    mentee.done("rtc.turn", room, json!({})).await;
    let report = json!({ "report": { "rttMs": 42.5, "resolution": "1280x720", "relayed": false } });
    mentee.done("rtc.quality", room, report.clone()).await;
    assert!(mentee.refused("rtc.quality", room, report).await["retryAfterMs"].is_i64());
    for (kind, fields) in [
        ("rtc.screen", json!({ "action": "take" })),
        ("rtc.signal", json!({ "epoch": 1, "kind": "offer", "payload": {} })),
        ("rtc.quality", json!({ "report": {} })),
    ] {
        assert_eq!(mentee.wrong(kind, room, fields).await, "frame.invalid");
    }
    let mut phone = Line::open(tape, &app.base, &booking.mentee).await;
    assert_eq!(phone.refused("session.join", room, json!({})).await["code"], "ALREADY_ELSEWHERE");
    phone.done("session.join", room, json!({ "takeOver": true })).await;
    mentee.hear("rtc.superseded").await;
    phone.done("session.leave", room, json!({})).await;
    while mentor.hear("session.presence").await["present"] == true {}
}

/// Four minutes before its end the session is ended by both; then a token ends, and the process.
async fn end(app: &TestApp, tape: &Tape<'_>, booking: &mut Booking) {
    let room = &*booking.id.to_string();
    app.advance_to(booking.starts_at + TimeDelta::minutes(56));
    log_in(app, booking).await;
    let mut mentor = Line::open(tape, &app.base, &booking.mentor).await;
    mentor.done("session.join", room, json!({})).await;
    mentor.hear("session.ending").await;
    for person in [&booking.mentor, &booking.mentee] {
        app.ask_end(booking, person).await.ok(200);
    }
    assert_eq!(mentor.hear("session.closed").await["reason"], "over");
    app.run_jobs().await;
    app.advance(TimeDelta::seconds(870));
    mentor.hear("token_expiring").await;
    app.stop_apis();
    mentor.hear("going_away").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_on_socket_io_is_as_the_document_says() {
    let document = Document::read();
    let (chat, webrtc) = (Tape::new(&document, "chat"), Tape::new(&document, "webrtc"));
    let app = TestApp::start().await;
    let mut booking = app.paid_booking().await;
    app.advance_to(booking.starts_at - TimeDelta::minutes(5));
    app.run_jobs().await;
    log_in(&app, &mut booking).await;
    let room = booking.id;
    let token = booking.mentee.client.token().expect("a token").to_owned();
    let mut mentee = Polling::open(&app.base, &chat, &webrtc).await;
    assert_eq!(mentee.enter("chat", "a.b.c").await, Err("INVALID_TOKEN".to_owned()));
    mentee.enter("chat", &token).await.expect("let in");
    mentee.enter("webrtc", &token).await.expect("let in");
    for namespace in ["chat", "webrtc"] {
        mentee.done(namespace, "ping", "ping", json!({})).await;
        mentee.done(namespace, "auth.refresh", "auth.refresh", json!({ "token": token })).await;
        let refused = mentee.refused(namespace, "auth.refresh", json!({ "token": "a.b.c" })).await;
        assert_eq!(refused, "INVALID_TOKEN");
    }
    mentee.done("chat", "join", "chat.join", json!({ "room": room })).await;
    let said = json!({ "room": room, "clientId": "m-1", "text": "안녕하세요" });
    mentee.done("chat", "chat.send", "chat.send", said).await;
    mentee.event("chat", "chat.message").await;
    mentee.done("chat", "chat.history", "chat.history", json!({ "room": room })).await;
    for (event, code) in [("chat.send", "frame.invalid"), ("session.join", "frame.unknown_type")] {
        assert_eq!(mentee.refused("chat", event, json!({ "room": room, "ref": "c1" })).await, code);
    }
    let joined = mentee.done("webrtc", "join", "session.join", json!({ "room": room })).await;
    assert_eq!(joined["polite"], true);
    let media = json!({ "room": room, "mic": true, "camera": false, "ready": false });
    mentee.done("webrtc", "rtc.media", "rtc.media", media).await;
    assert_eq!(mentee.event("webrtc", "rtc.state").await["reason"], "media");
    let signal =
        json!({ "room": room, "epoch": joined["epoch"], "kind": "offer", "payload": { "sdp": "v=0" } });
    assert_eq!(mentee.refused("webrtc", "rtc.signal", signal).await, "NO_PEER");
    mentee.done("webrtc", "leave", "session.leave", json!({ "room": room })).await;
    app.advance(TimeDelta::seconds(870));
    mentee.event("chat", "token_expiring").await;
    app.advance(TimeDelta::seconds(60));
    assert_eq!(mentee.event("chat", "closing").await["reason"], "INVALID_TOKEN");
    app.run_jobs().await;
    app.finish().await;
}

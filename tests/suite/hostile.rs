//! Hostile clients at both doors of a process: it lives, everybody else talks on, and nothing of them remains.

#[path = "hostile/floods.rs"]
mod floods;
#[path = "../../src/realtime/fuzz_tests/mangle.rs"]
mod mangle;
#[path = "hostile/neighbours.rs"]
mod neighbours;
#[path = "hostile/packets.rs"]
mod packets;
#[path = "hostile/slow.rs"]
mod slow;

use std::time::Duration;

use konnect_tests::{ApiNode, Person, RawIo, Socket, TestApp};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use neighbours::Neighbours;

/// Bytes of the largest frame.
const MAX_MESSAGE: usize = 16 * 1024;
/// Fewer than a connection may send at once.
const AT_ONCE: u64 = 38;
const CODES: [&str; 6] = [
    "frame.invalid",
    "frame.unknown_type",
    "RESERVATION_NOT_FOUND",
    "NOT_PARTICIPANT",
    "NOT_JOINED",
    "TOO_MANY_ROOMS",
];

/// Sends mangled frames on one connection after another, and reads what each is answered.
async fn mangled(base: &str, person: &Person, seeds: std::ops::Range<u64>) -> usize {
    let mut refused = 0;
    for first in seeds.clone().step_by(usize::try_from(AT_ONCE).expect("few")) {
        let (mut socket, _) = Socket::open(base, person, "").await;
        let mut awaited = 0;
        for seed in first..(first + AT_ONCE).min(seeds.end) {
            let text = mangle::input(seed, MAX_MESSAGE);
            // Going back in the events is silent.
            awaited += usize::from(!text.contains("\"resume\""));
            socket.say_raw(Message::text(text)).await;
        }
        for _ in 0..awaited {
            let mut answer = socket.next().await;
            // Those who go back to where nothing ever was are told so.
            while answer["type"] == "resync_required" {
                answer = socket.next().await;
            }
            let code = answer["code"].as_str().unwrap_or_default();
            match answer["type"].as_str() {
                Some("error") if CODES.contains(&code) || code.starts_with("auth.") => refused += 1,
                Some("pong" | "ok") => {}
                _ => panic!("{answer} to the inputs from {first}"),
            }
        }
        socket.close().await;
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_mangled_frames_on_the_plain_door_harm_nobody() {
    let app = TestApp::start_live().await;
    let node = ApiNode::start(&app).await;
    let neighbours = Neighbours::start(&app, &node).await;
    let (one, two) = (app.mentee("rude-one").await, app.mentee("rude-two").await);
    let (base, other) = (&node.base, mangled(&node.base, &two, 1_500..3_000));
    let (refused, more) = tokio::join!(mangled(base, &one, 0..1_500), other);
    assert!(refused + more > 1_500, "{refused} and {more}");
    // What ends a connection, ends it with the code that is documented.
    let endings = [
        (Message::binary(vec![0; 10]), 1003),
        (Message::text("x".repeat(MAX_MESSAGE + 1)), 1009),
        (Message::text("x".repeat(10 * MAX_MESSAGE)), 1009),
    ];
    for (message, code) in endings {
        let (mut socket, _) = Socket::open(base, &one, "").await;
        socket.say_raw(message).await;
        assert_eq!(socket.next().await["close"], code);
    }
    neighbours.expect_undisturbed(&app, &node).await;
    app.finish().await;
}

/// Sends each packet in the chat's namespace on connections of its own, and some of them before it is entered.
async fn malformed(base: &str, person: &Person, packets: &[Message]) -> (usize, usize) {
    let (mut ended, mut lived) = (0, 0);
    for (at, packet) in packets.iter().enumerate() {
        let mut io = RawIo::open(base, None).await;
        if at % 4 > 0 {
            io.enter("/chat", person).await.expect("let in");
        }
        io.send(packet.clone()).await;
        // Whoever is still there, is answered.
        let is_there = io.say("42/chat,777[\"ping\",{}]").await;
        let mut answered = false;
        while is_there && !answered {
            match io.within(Duration::from_millis(150)).await {
                Ok(Some(packet)) => answered = packet.starts_with("43/chat,777["),
                Ok(None) | Err(()) => break,
            }
        }
        lived += usize::from(answered);
        ended += usize::from(!answered);
    }
    (ended, lived)
}

/// Mangled frames as events of the chat: answers are acknowledgements with a code.
async fn events(base: &str, person: &Person, seeds: std::ops::Range<u64>) -> usize {
    let mut refused = 0;
    for first in seeds.clone().step_by(usize::try_from(AT_ONCE).expect("few")) {
        let mut io = RawIo::open(base, None).await;
        io.enter("/chat", person).await.expect("let in");
        for seed in first..(first + AT_ONCE).min(seeds.end) {
            let text = mangle::input(seed, MAX_MESSAGE);
            let Ok(Value::Object(mut fields)) = serde_json::from_str(&text) else { continue };
            let Some(Value::String(name)) = fields.remove("type") else { continue };
            let event = serde_json::json!([name, fields]).to_string();
            io.say(&format!("42/chat,{seed}{event}")).await;
            let answer = io.next().await.expect("an answer");
            if answer == "1" {
                // The library parses no deeper than 128, and no escapes in names; what it cannot parse ends the
                // connection.
                let is_deep = event.contains("[[[[[") || event.contains("{\"a\":{\"a\":{");
                let is_escaped = Value::from(name).to_string().contains('\\');
                assert!(is_deep || is_escaped, "closed by input {seed}: {event}");
                break;
            }
            assert!(answer.starts_with("43/chat,"), "{answer} to input {seed}: {event}");
            let known =
                CODES.iter().chain(&["INVALID_TOKEN"]).any(|code| answer.contains(&format!("\"{code}\"")));
            assert!(known || answer.contains("\"ok\":true"), "{answer} to input {seed}: {event}");
            refused += usize::from(known);
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_packets_on_the_socket_io_door_harm_nobody() {
    let app = TestApp::start_live().await;
    let node = ApiNode::start(&app).await;
    let neighbours = Neighbours::start(&app, &node).await;
    let (one, two) = (app.mentee("rude-one").await, app.mentee("rude-two").await);
    let packets = packets::all();
    let ((ended, lived), refused) =
        tokio::join!(malformed(&node.base, &one, &packets), events(&node.base, &two, 0..2_000));
    assert!(
        ended > 20 && lived > 20 && refused > 400,
        "{ended} ended, {lived} lived, {refused} were refused"
    );
    // Who never enters a namespace is not kept.
    let mut idle = RawIo::open(&node.base, None).await;
    assert_eq!(idle.next().await.as_deref(), Some("1"), "closed");
    neighbours.expect_undisturbed(&app, &node).await;
    app.finish().await;
}

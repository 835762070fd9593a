//! Too much of everything: frames, rooms, connections.

use chrono::{DurationRound, TimeDelta};
use konnect::availability::Window;
use konnect::mentor::Kind;
use konnect_tests::{ApiNode, Booking, RawIo, Socket, TestApp, weekdays};
use serde_json::{Value, json};

use super::neighbours::Neighbours;

/// Rooms one connection may be in, and connections one person may have.
const ROOMS: usize = 8;
const CONNECTIONS: usize = 10;

/// Reads to the end of a connection: how it ended, and how many frames came before.
async fn end_of(socket: &mut Socket) -> (Value, usize) {
    let mut frames = 0;
    loop {
        let frame = socket.next().await;
        if frame.get("close").is_some() {
            return (frame["close"].clone(), frames);
        }
        frames += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_end_the_connection_and_no_other() {
    let app = TestApp::start_live().await;
    let node = ApiNode::start(&app).await;
    let neighbours = Neighbours::start(&app, &node).await;
    let person = app.mentee("rude").await;
    let floods: [Value; 3] = [
        json!({ "type": "ping" }),
        json!({ "type": "chat.join", "room": neighbours.booking.id }),
        json!("nothing at all"),
    ];
    for (count, flood) in (1..).zip(floods) {
        let (mut socket, _) = Socket::open(&node.base, &person, "").await;
        for _ in 0..60 {
            socket.say(flood.clone()).await;
        }
        let (close, answers) = end_of(&mut socket).await;
        assert_eq!(close, 4008);
        assert!(answers <= 45, "{answers} answers to {flood}");
        assert_eq!(node.metric("konnect_sockets_closed_total", "4008").await, f64::from(count));
    }
    let mut io = RawIo::open(&node.base, None).await;
    io.enter("/chat", &person).await.expect("let in");
    for id in 0..60 {
        io.say(&format!("42/chat,{id}[\"ping\",{{}}]")).await;
    }
    assert_eq!(io.event("/chat", "closing").await, Some(json!({ "reason": "RATE_LIMITED" })));
    assert_eq!(io.event("/chat", "anything").await, None, "the namespace is left");
    assert_eq!(node.metric("konnect_sockets_closed_total", "RATE_LIMITED").await, 1.0);
    // What a connection may send, may be sent by the same person right after.
    let (mut socket, _) = Socket::open(&node.base, &person, "").await;
    for _ in 0..30 {
        socket.say(json!({ "type": "ping" })).await;
    }
    for _ in 0..30 {
        assert_eq!(socket.next().await["type"], "pong");
    }
    socket.close().await;
    neighbours.expect_undisturbed(&app, &node).await;
    app.finish().await;
}

/// Paid bookings of one mentor, one after the other.
async fn bookings(app: &TestApp, count: usize) -> Vec<Booking> {
    let mentor = app.mentor("mentor").await;
    let mut hours = weekdays();
    hours.windows = (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect();
    app.set_hours(&mentor, hours).await;
    let offering = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
    let mut bookings = Vec::new();
    for number in 0..count {
        let mentee = app.mentee(&format!("mentee-{number}")).await;
        let starts_at = hour + TimeDelta::hours(30 + i64::try_from(number).expect("few"));
        let booking = app.book(&mentor, &mentee, offering, starts_at).await;
        app.pay(&booking).await;
        bookings.push(booking);
    }
    bookings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_in_eight_rooms_at_most() {
    let app = TestApp::start().await;
    let bookings = bookings(&app, ROOMS + 1).await;
    let mentor = &bookings[0].mentor;
    let (mut plain, _) = Socket::open(&app.base, mentor, "").await;
    let mut io = RawIo::open(&app.base, None).await;
    io.enter("/chat", mentor).await.expect("let in");
    for booking in &bookings[..ROOMS] {
        plain.command("chat.join", booking.id, json!({})).await.expect("a member");
        assert_eq!(io.ask("/chat", "join", json!({ "room": booking.id })).await["ok"], true);
    }
    let ninth = bookings[ROOMS].id;
    assert_eq!(plain.refusal("chat.join", ninth, json!({})).await, "TOO_MANY_ROOMS");
    let refused = io.ask("/chat", "join", json!({ "room": ninth })).await;
    assert_eq!(refused["error"]["code"], "TOO_MANY_ROOMS");
    // Another connection of the same person has rooms of its own; one that leaves a room may enter another.
    let (mut other, _) = Socket::open(&app.base, mentor, "").await;
    other.command("chat.join", ninth, json!({})).await.expect("a member");
    plain.command("chat.leave", bookings[3].id, json!({})).await.expect("left");
    plain.command("chat.join", ninth, json!({})).await.expect("a member");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_ten_connections_over_both_doors() {
    let app = TestApp::start().await;
    let person = app.mentee("person").await;
    let bearer = format!("Bearer {}", person.client.token().expect("a token"));
    let (mut plain, mut io) = (Vec::new(), Vec::new());
    for number in 0..CONNECTIONS {
        if number % 2 == 0 {
            plain.push(Socket::open(&app.base, &person, "").await.0);
        } else {
            let mut one = RawIo::open(&app.base, None).await;
            one.enter(if number % 4 == 1 { "/chat" } else { "/webrtc" }, &person).await.expect("let in");
            io.push(one);
        }
    }
    let refused = Socket::ask(&app.base, "", &[("authorization", &bearer)]).await;
    let Err(refused) = refused else { panic!("let in") };
    refused.problem(429, "socket.too_many");
    let mut eleventh = RawIo::open(&app.base, None).await;
    let refused = eleventh.enter("/chat", &person).await.expect_err("one too many");
    assert_eq!(refused["message"], "TOO_MANY_CONNECTIONS");
    // A namespace more on the same transport is a connection, too.
    let refused = io[0].enter("/webrtc", &person).await.expect_err("one too many");
    assert_eq!(refused["message"], "TOO_MANY_CONNECTIONS");
    // Somebody else is let in, and whoever leaves makes room.
    let other = app.mentee("other").await;
    Socket::open(&app.base, &other, "").await;
    drop(io.pop());
    app.until(async || Socket::ask(&app.base, "", &[("authorization", &bearer)]).await.is_ok()).await;
    plain.pop().expect("five").close().await;
    app.until(async || RawIo::open(&app.base, None).await.enter("/chat", &person).await.is_ok()).await;
    app.finish().await;
}

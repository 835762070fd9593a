//! Clients that wait for nothing: they speak as soon as they are let in, and say the next thing before the last is
//! answered. Everything is heard, in the order in which it was said, at both doors.

use konnect_tests::{ApiNode, Booking, RawIo, Socket, TestApp};
use serde_json::{Value, json};

use super::crashes::live_booking;

/// Connections, one after the other, and messages on each; fewer than may be sent at once.
const TIMES: i64 = 8;
const MESSAGES: i64 = 20;
const ALL: usize = 20;

fn says(booking: &Booking, number: i64) -> Value {
    json!({ "room": booking.id, "clientId": format!("p-{number}"), "text": format!("{number}") })
}

async fn two_at_a_process(app: &TestApp) -> (ApiNode, Booking) {
    let booking = live_booking(app).await;
    app.pay(&booking).await;
    // A process that was never asked anything is slow at first.
    (ApiNode::start(app).await, booking)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_carried_out_in_their_order_on_socket_io() {
    let app = TestApp::start_live().await;
    let (node, booking) = two_at_a_process(&app).await;
    for time in 0..TIMES {
        let mut io = RawIo::open(&node.base, None).await;
        io.enter("/chat", &booking.mentee).await.expect("let in");
        io.say(&format!("42/chat,1000{}", json!(["join", { "room": booking.id, "after": time * MESSAGES }])))
            .await;
        let numbers = time * MESSAGES + 1..=(time + 1) * MESSAGES;
        for number in numbers.clone() {
            io.say(&format!("42/chat,{number}{}", json!(["chat.send", says(&booking, number)]))).await;
        }
        let (mut acks, mut frames) = (Vec::new(), Vec::new());
        while acks.len() <= ALL || frames.len() < ALL {
            let packet = io.next().await.expect("an open connection");
            match packet.strip_prefix("43/chat,") {
                Some(ack) => acks.push(ack.split_once('[').map(|(id, _)| id.to_owned())),
                None => frames.push(packet),
            }
        }
        assert_eq!(acks[0].as_deref(), Some("1000"), "the first command is heard");
        for (number, (ack, frame)) in numbers.zip(acks[1..].iter().zip(frames)) {
            assert_eq!(ack.as_deref(), Some(number.to_string()).as_deref());
            assert!(frame.contains(&format!("\"clientId\":\"p-{number}\"")), "{number}: {frame}");
            assert!(frame.contains(&format!("\"seq\":{number}")), "{number}: {frame}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_carried_out_in_their_order_on_the_plain_door() {
    let app = TestApp::start_live().await;
    let (node, booking) = two_at_a_process(&app).await;
    let (mut socket, _) = Socket::open(&node.base, &booking.mentee, "").await;
    let said = |kind: &str, reference: i64, mut fields: Value| {
        fields["type"] = json!(kind);
        fields["ref"] = json!(reference.to_string());
        fields
    };
    socket.say(said("chat.join", 0, json!({ "room": booking.id, "after": 0 }))).await;
    for number in 1..=MESSAGES {
        socket.say(said("chat.send", number, says(&booking, number))).await;
    }
    let (mut acks, mut seqs) = (Vec::new(), Vec::new());
    while seqs.len() < ALL || acks.len() <= ALL {
        let frame = socket.next().await;
        match frame["type"].as_str() {
            Some("ok") => acks.push(frame["ref"].as_str().and_then(|name| name.parse::<i64>().ok())),
            Some("chat.message") => seqs.push((frame["seq"].as_i64(), frame["clientId"].clone())),
            _ => panic!("{frame}"),
        }
    }
    assert!(acks.into_iter().eq((0..=MESSAGES).map(Some)));
    assert!(seqs.into_iter().eq((1..=MESSAGES).map(|n| (Some(n), json!(format!("p-{n}"))))));
    app.finish().await;
}

//! Clients that do not read (S48): what waits for them is bounded, they are told or closed, and the other member notices
//! nothing.

use std::time::Duration;

use konnect::chat::{Entry, Said, Stored, What};
use konnect::clock::Clock;
use konnect::realtime::live::Turn;
use konnect::realtime::{House, Hub};
use konnect_tests::{ApiNode, Booking, RawIo, Socket, TestApp};
use mongodb::bson::{DateTime, Document, doc};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::suite::crashes::live_booking;

/// Bytes that the slow client's network takes for it.
const NARROW: u32 = 4 * 1024;
/// Entries of 16 KB each, more than the network holds, and small ones, more than the queues before it hold.
const LARGE: i64 = 300;
const ENTRIES: i64 = LARGE + 500;
/// Entries that are stored at once.
const BATCH: usize = 50;
/// An entry may reach the other member this late, on whatever machine this runs.
const LATE: Duration = Duration::from_secs(4);

async fn talked_about(app: &TestApp) -> Booking {
    let booking = live_booking(app).await;
    app.pay(&booking).await;
    booking
}

/// A message as another process would have stored it.
fn message(booking: &Booking, seq: i64) -> Entry {
    let text = if seq <= LARGE { "👋".repeat(4_000) } else { "small".to_owned() };
    Entry {
        room: booking.id,
        seq,
        sender: booking.mentee.id,
        client_id: format!("w-{seq}"),
        at: Clock::system().now(),
        applied: true,
        what: What::Message(Said { text: Some(text), ..Said::default() }),
    }
}

fn row(entry: &Entry) -> Document {
    let What::Message(said) = &entry.what else { panic!("a message") };
    doc! {
        "room": entry.room.to_string(), "seq": entry.seq, "kind": "message", "sender": entry.sender.to_string(),
        "clientId": &entry.client_id, "at": DateTime::from_millis(entry.at.timestamp_millis()), "digest": "",
        "applied": true, "text": said.text.clone(), "touched": 0_i64,
    }
}

/// Nobody hears of what the store has: how long it takes for so much is nothing that a client's slowness is counted by.
async fn store(app: &TestApp, booking: &Booking) -> Vec<Entry> {
    let entries: Vec<Entry> = (1..=ENTRIES).map(|seq| message(booking, seq)).collect();
    let rows = app.core.mongo.collection::<Document>("chat_entries");
    for batch in entries.chunks(BATCH) {
        rows.insert_many(batch.iter().map(row)).await.expect("MongoDB");
    }
    entries
}

/// A process of which the others only hear writes much in little time. It goes on for as long as its guard: what it has
/// not published when it ends is heard by nobody.
async fn tell(app: &TestApp, entries: Vec<Entry>) -> DropGuard {
    let stop = CancellationToken::new();
    let turn = Turn::new(&Default::default()).expect("none");
    let house = House::open(Hub::start(&app.core, 10, stop.clone()), turn);
    for mut entry in entries {
        entry.at = Clock::system().now();
        house.tell_stored(&Stored { entry, duplicate: false });
        sleep(Duration::from_millis(2)).await;
    }
    stop.drop_guard()
}

/// Somebody in the room's chat, with little room for what they do not read.
async fn slow(node: &ApiNode, booking: &Booking) -> Socket {
    let mut slow = Socket::open_narrow(&node.base, &booking.mentee, NARROW).await;
    slow.command("chat.join", booking.id, json!({ "after": 0 })).await.expect("a member");
    slow
}

/// The other member hears everything, while it is written.
async fn write_to_the_other(app: &TestApp, node: &ApiNode, booking: &Booking) {
    let (mut mentor, _) = Socket::open(&node.base, &booking.mentor, "").await;
    mentor.command("chat.join", booking.id, json!({})).await.expect("a member");
    let entries = store(app, booking).await;
    let (late, _writer) = tokio::join!(read_all(&mut mentor), tell(app, entries));
    mentor.close().await;
    expect_untouched(late);
}

/// Reads what was on its way, in order, and gives what comes after it.
async fn rest_of(slow: &mut Socket) -> (i64, Value) {
    let mut heard = 0;
    loop {
        let frame = slow.next().await;
        if frame["type"] != "chat.message" {
            println!("the slow client heard {heard} of {ENTRIES}, then {frame}");
            assert!(heard < ENTRIES, "what waits is bounded");
            return (heard, frame);
        }
        heard += 1;
        assert_eq!(frame["seq"], heard, "in order, and each once");
    }
}

/// How late each entry was, by the stamp of whoever wrote it.
async fn read_all(mentor: &mut Socket) -> Vec<Duration> {
    let mut late = Vec::new();
    for seq in 1..=ENTRIES {
        let frame = mentor.event("chat.message").await;
        assert_eq!(frame["seq"], seq);
        let at: konnect::clock::Instant =
            frame["at"].as_str().expect("an instant").parse().expect("an instant");
        late.push((Clock::system().now() - at).to_std().unwrap_or_default());
    }
    late
}

fn expect_untouched(mut late: Vec<Duration>) {
    late.sort_unstable();
    let (middle, most) = (late[late.len() / 2], late[late.len() * 99 / 100]);
    println!("{} entries at the other member: {middle:?} in the middle, {most:?} for 99 of 100", late.len());
    assert!(most < LATE, "the other member waited {most:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s48_a_client_that_stops_reading_for_a_while_is_told_to_resync() {
    let app = TestApp::start_live().await;
    let node = ApiNode::start(&app).await;
    let booking = talked_about(&app).await;
    let mut slow = slow(&node, &booking).await;
    write_to_the_other(&app, &node, &booking).await;
    // It reads again: what was on its way, and the word that there was more.
    let (heard, frame) = rest_of(&mut slow).await;
    assert_eq!(
        (&frame["type"], &frame["reason"]),
        (&json!("resync_required"), &json!("slow_consumer")),
        "{frame}"
    );
    assert_eq!((&frame["room"], &frame["head"]), (&json!(booking.id), &json!(ENTRIES)));
    assert!(heard < ENTRIES);
    // From there on it hears everything again.
    let body = json!({ "clientId": "after-all", "text": "still there?" });
    booking.mentee.client.post(&format!("{}/chat/messages", booking.path()), body).await.ok(201);
    assert_eq!(slow.event("chat.message").await["seq"], ENTRIES + 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s48_no_answer_is_lost_behind_frames_that_were_not_read() {
    let app = TestApp::start_live().await;
    let node = ApiNode::start(&app).await;
    let booking = talked_about(&app).await;
    let mut io = RawIo::open(&node.base, Some(NARROW)).await;
    io.enter("/chat", &booking.mentee).await.expect("let in");
    let joined = io.ask("/chat", "join", json!({ "room": booking.id, "after": 0 })).await;
    assert_eq!(joined["ok"], true, "{joined}");
    write_to_the_other(&app, &node, &booking).await;
    // Everything is full by now. It asks, and reads again.
    assert!(io.say("42/chat,99[\"ping\",{}]").await);
    let (mut heard, mut resync) = (0, false);
    let answer = loop {
        let packet = io.next().await.expect("an open connection");
        if packet.starts_with("43/chat,99[") {
            break packet;
        }
        heard += i64::from(packet.contains("[\"chat.message\""));
        resync |= packet.contains("[\"resync_required\"");
    };
    println!("answered after {heard} of {ENTRIES}: {answer}");
    assert!(answer.contains("serverNow") && heard < ENTRIES);
    if !resync {
        assert_eq!(io.event("/chat", "resync_required").await.expect("an open connection")["head"], ENTRIES);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s48_clients_that_never_read_are_closed_at_both_doors() {
    let app = TestApp::start_live().await;
    let node = ApiNode::start(&app).await;
    let booking = talked_about(&app).await;
    let mut plain = slow(&node, &booking).await;
    let mut io = RawIo::open(&node.base, Some(NARROW)).await;
    io.enter("/chat", &booking.mentee).await.expect("let in");
    let joined = io.ask("/chat", "join", json!({ "room": booking.id, "after": 0 })).await;
    assert_eq!(joined["ok"], true, "{joined}");
    write_to_the_other(&app, &node, &booking).await;
    let began = Instant::now();
    for code in ["4009", "TOO_SLOW"] {
        app.until(async || node.metric("konnect_sockets_closed_total", code).await == 1.0).await;
    }
    // The places of both are free.
    app.until(async || node.metric("konnect_sockets_open", "").await == 0.0).await;
    println!("both are closed {:?} after the last entry", began.elapsed());
    // What was on its way, and the end: with its code, where the network has room for it.
    let (_, end) = rest_of(&mut plain).await;
    assert!(end["close"] == 4009 || end["close"].is_null(), "{end}");
    // The namespace is left, and no connection stays that hears nothing.
    let mut packets = Vec::new();
    while let Some(packet) = io.next().await {
        let is_left = packet.starts_with("41/chat") || packet == "1";
        packets.push(packet);
        if is_left {
            break;
        }
    }
    println!("the client of the other door heard {} packets, then {:?}", packets.len(), packets.last());
    assert!(i64::try_from(packets.len()).is_ok_and(|heard| heard < ENTRIES), "what waits is bounded");
    if packets.last().is_some_and(|packet| packet.starts_with("41/chat")) {
        assert!(packets[packets.len() - 2].contains("TOO_SLOW"), "{}", packets[packets.len() - 2]);
    }
    app.finish().await;
}

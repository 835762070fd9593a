//! What the load is put on: where it listens, and which words it wants.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// A server under load.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub name: &'static str,
    pub address: SocketAddr,
    /// The process whose time and memory are counted.
    pub pid: u32,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug)]
pub enum Door {
    /// Socket.IO, in this namespace.
    SocketIo(&'static str),
    /// Konnect's plain WebSocket.
    Plain,
}

/// The events of one kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    pub door: Door,
    pub join: &'static str,
    /// What a room is entered with.
    pub entry: fn(&str) -> Value,
    pub relay: &'static str,
    /// What `relay` is sent with: the room, what the last one to join it was told, and a number that is never used
    /// again in the room.
    pub body: fn(&str, &Value, u64) -> Value,
    /// What the others in the room hear of it.
    pub heard: &'static str,
}

impl Words {
    /// The same by the plain WebSocket.
    pub fn plain(self) -> Self {
        Self { door: Door::Plain, ..self }
    }
}

/// Somebody in a room.
#[derive(Clone, Debug)]
pub struct Seat {
    pub room: String,
    pub token: String,
}

/// A candidate of the usual length: what both servers relay between two people.
fn candidate() -> Value {
    json!({
        "candidate": "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport 46154 \
                      generation 0 ufrag EEtu network-cost 999",
        "sdpMid": "0", "sdpMLineIndex": 0,
    })
}

/// Of `rival.mjs`, for every load.
pub const RIVAL: Words = Words {
    door: Door::SocketIo("/"),
    join: "join",
    entry: |room| json!({ "room": room }),
    relay: "relay",
    body: |room, _, number| json!({ "room": room, "kind": "candidate", "number": number, "payload": candidate() }),
    heard: "relay",
};

/// Between two people in a session.
pub const SIGNAL: Words = Words {
    door: Door::SocketIo("/webrtc"),
    join: "session.join",
    // The connections of the round before may still be about to leave.
    entry: |room| json!({ "room": room, "takeOver": true }),
    relay: "rtc.signal",
    body: |room, joined, _| json!({ "room": room, "epoch": joined["epoch"], "kind": "candidate", "payload": candidate() }),
    heard: "rtc.signal",
};

/// To everybody in a room, without being stored. That somebody types is told now and then, the end of it always.
pub const TYPING: Words = Words {
    door: Door::SocketIo("/chat"),
    join: "chat.join",
    entry: |room| json!({ "room": room }),
    relay: "chat.typing",
    body: |room, _, _| json!({ "room": room, "on": false }),
    heard: "chat.typing",
};

/// To everybody in a room, after the durable write.
pub const MESSAGE: Words = Words {
    door: Door::SocketIo("/chat"),
    join: "chat.join",
    entry: |room| json!({ "room": room }),
    relay: "chat.send",
    body: |room, _, number| {
        let text = candidate()["candidate"].take();
        json!({ "room": room, "clientId": format!("bench-{number}"), "text": text })
    },
    heard: "chat.message",
};

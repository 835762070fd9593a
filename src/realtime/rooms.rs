//! The rooms that connections of this process are in, and what they hear there.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Notify;
use tracing::Span;

use super::channels::Standing;
use super::hub::Inner;
use super::lock;
use super::room::{Frame, To, topic};
use crate::id::{ConnectionId, NodeId, ReservationId};
use crate::session::Cause;
use crate::trace::{self, Trace};

/// Frames that may wait for one connection.
const CAPACITY: usize = 256;

/// A frame on its way to the connections in a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    /// The process that told it, which has told its own connections already.
    from: NodeId,
    pub room: ReservationId,
    pub to: To,
    #[serde(rename = "type")]
    pub kind: String,
    /// The position in the room's log, for what stands there.
    pub seq: Option<i64>,
    /// The frame without its type: an object.
    pub fields: Value,
    /// Where it stands in the trace of what caused it; absent while that is not exported. No client gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<Trace>,
    #[serde(skip)]
    text: OnceLock<String>,
    #[serde(skip)]
    body: OnceLock<Box<RawValue>>,
}

impl Told {
    pub(super) fn new(from: NodeId, frame: Frame, seq: Option<i64>) -> Self {
        let Frame { kind, room, to, data } = frame;
        let mut fields = data;
        if let Value::Object(fields) = &mut fields {
            fields.insert("room".to_owned(), room.to_string().into());
        }
        Self {
            from,
            room,
            to,
            kind: kind.to_owned(),
            seq,
            fields,
            trace: None,
            text: OnceLock::new(),
            body: OnceLock::new(),
        }
    }

    /// The same, caused by what this code runs for.
    pub(super) fn caused(from: NodeId, frame: Frame, seq: Option<i64>) -> Self {
        let trace = Trace::current().filter(Trace::is_sampled);
        Self { trace, ..Self::new(from, frame, seq) }
    }

    /// The last step of a frame's trace: this process hands it to so many of its connections, on both doors together.
    /// Whose they are stays unsaid.
    fn deliver_span(&self, connections: usize) -> Span {
        if self.trace.is_none() || connections == 0 {
            return Span::none();
        }
        let span = tracing::info_span!(
            parent: None,
            "deliver",
            otel.name = format!("deliver {}", self.kind),
            otel.kind = "producer",
            messaging.system = "websocket",
            "messaging.operation.type" = "send",
            messaging.operation.name = "deliver",
            konnect.frame.kind = self.kind,
            konnect.connections = connections,
        );
        trace::follow(&span, self.trace);
        span
    }

    /// How the stay of whoever hears it ends, if it does.
    pub fn ends_live(&self) -> Option<Cause> {
        match self.kind.as_str() {
            "rtc.superseded" => Some(Cause::Superseded),
            "session.closed" => Some(Cause::Window),
            _ => None,
        }
    }

    /// The epoch that it says is the room's.
    pub fn epoch(&self) -> Option<i64> {
        (self.kind == "rtc.state").then(|| self.fields["epoch"].as_i64()).flatten()
    }

    /// What every frame of this process begins with on its way.
    pub(super) fn prefix(from: NodeId) -> String {
        format!("{{\"from\":\"{from}\",")
    }

    /// The frame as the plain WebSocket sends it; made once for all connections.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| text(&self.kind, &self.fields))
    }

    /// [`fields`](Self::fields) as JSON; made once for all connections of Socket.IO.
    pub fn body(&self) -> &RawValue {
        self.body.get_or_init(|| to_raw_value(&self.fields).expect("plain data"))
    }
}

/// A frame as the plain WebSocket sends it.
pub fn text(kind: &str, fields: &Value) -> String {
    let fields = fields.to_string();
    let rest = fields.strip_prefix('{').unwrap_or("}");
    let comma = if rest == "}" { "" } else { "," };
    format!("{{\"type\":\"{kind}\"{comma}{rest}")
}

/// What a connection hears.
#[derive(Clone, Debug)]
pub enum Heard {
    Frame(Arc<Told>),
    /// Something of this room's log was missed.
    Missed(ReservationId),
    /// There was no room for some of the frames.
    Overflowed,
}

/// Where what a connection hears waits for it; filling it never blocks.
#[derive(Debug)]
pub struct Letterbox {
    connection: ConnectionId,
    state: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Heard>,
    overflowed: bool,
}

impl Letterbox {
    pub fn new(connection: ConnectionId) -> Self {
        Self { connection, state: Mutex::default(), filled: Notify::new() }
    }

    fn push(&self, heard: Heard) {
        let mut state = lock(&self.state);
        if state.queue.len() >= CAPACITY {
            state.queue = VecDeque::new();
            state.overflowed = true;
        } else if !state.overflowed {
            state.queue.push_back(heard);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// What is heard next. May be dropped at any point without losing it.
    pub async fn recv(&self) -> Heard {
        loop {
            if let Some(heard) = self.pop() {
                return heard;
            }
            self.filled.notified().await;
        }
    }

    fn pop(&self) -> Option<Heard> {
        let mut state = lock(&self.state);
        if std::mem::take(&mut state.overflowed) {
            return Some(Heard::Overflowed);
        }
        state.queue.pop_front()
    }
}

/// A connection's ear in one room, until it is dropped.
pub struct Ear {
    inner: Arc<Inner>,
    room: ReservationId,
    letters: Arc<Letterbox>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.inner.rooms.leave(self.room, &self.letters);
        self.inner.channels.leave(&topic(self.room).into());
    }
}

#[derive(Debug, Default)]
pub struct Rooms {
    rooms: Mutex<HashMap<ReservationId, Room>>,
}

#[derive(Debug, Default)]
struct Room {
    /// With the number of ears: a connection may follow the chat and attend the session.
    letterboxes: HashMap<ConnectionId, (Arc<Letterbox>, usize)>,
    /// The newest position of the log that was told here.
    told: i64,
}

impl Rooms {
    fn leave(&self, room: ReservationId, letters: &Arc<Letterbox>) {
        let mut rooms = lock(&self.rooms);
        if let Some(here) = rooms.get_mut(&room) {
            if let Entry::Occupied(mut entry) = here.letterboxes.entry(letters.connection) {
                entry.get_mut().1 -= 1;
                if entry.get().1 == 0 {
                    entry.remove();
                }
            }
            if here.letterboxes.is_empty() {
                rooms.remove(&room);
            }
        }
    }

    fn join(&self, room: ReservationId, letters: &Arc<Letterbox>) {
        let mut rooms = lock(&self.rooms);
        let here = rooms.entry(room).or_default();
        here.letterboxes.entry(letters.connection).or_insert_with(|| (letters.clone(), 0)).1 += 1;
    }

    /// Tells the connections of this process. `true`: nobody elsewhere is meant.
    pub fn deliver(&self, told: &Arc<Told>) -> bool {
        let mut rooms = lock(&self.rooms);
        let Some(here) = rooms.get_mut(&told.room) else { return false };
        if let To::Connection(connection) = told.to {
            let Some((letterbox, _)) = here.letterboxes.get(&connection) else { return false };
            told.deliver_span(1).in_scope(|| letterbox.push(Heard::Frame(told.clone())));
            return true;
        }
        here.told = here.told.max(told.seq.unwrap_or(0));
        let hearing = match told.to {
            To::AllBut(other) => here.letterboxes.len() - usize::from(here.letterboxes.contains_key(&other)),
            _ => here.letterboxes.len(),
        };
        told.deliver_span(hearing).in_scope(|| {
            for (letterbox, _) in here.letterboxes.values() {
                letterbox.push(Heard::Frame(told.clone()));
            }
        });
        false
    }

    pub fn all(&self) -> Vec<ReservationId> {
        lock(&self.rooms).keys().copied().collect()
    }

    /// Compares with the head of the room's log: when something was not told here, everybody is told to read on.
    pub fn compare(&self, room: ReservationId, head: i64) {
        let mut rooms = lock(&self.rooms);
        let Some(here) = rooms.get_mut(&room) else { return };
        if head > here.told {
            here.told = head;
            for (letterbox, _) in here.letterboxes.values() {
                letterbox.push(Heard::Missed(room));
            }
        }
    }
}

impl Inner {
    /// Hears of a room from now on.
    pub fn enter(self: &Arc<Self>, room: ReservationId, letters: &Arc<Letterbox>) -> (Ear, Standing) {
        self.rooms.join(room, letters);
        let standing = self.channels.join(&topic(room).into());
        (Ear { inner: self.clone(), room, letters: letters.clone() }, standing)
    }

    /// A frame that came over Redis.
    pub fn receive_told(&self, payload: &[u8]) -> serde_json::Result<()> {
        // Its own frames come back, too: they are not even read.
        if !payload.starts_with(self.own_prefix.as_bytes()) {
            let told: Told = serde_json::from_slice(payload)?;
            self.rooms.deliver(&Arc::new(told));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(room: ReservationId, seq: i64) -> Arc<Told> {
        let frame = Frame { kind: "chat.message", room, to: To::All, data: json!({ "seq": seq }) };
        Arc::new(Told::new(NodeId::generate(), frame, Some(seq)))
    }

    #[test]
    fn the_text_is_the_object_with_its_type_in_front() {
        let room = ReservationId::generate();
        let text = told(room, 7).text().to_owned();
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value, json!({ "type": "chat.message", "seq": 7, "room": room }));
        assert_eq!(super::text("a.b", &json!({})), r#"{"type":"a.b"}"#);
    }

    #[test]
    fn a_trace_travels_between_processes_and_to_no_client() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok();
        for trace in [trace, None] {
            let plain = Arc::into_inner(told(ReservationId::generate(), 7)).expect("nobody else has it");
            let told = Told { trace, ..plain };
            let sent = serde_json::to_string(&told).expect("plain data");
            assert!(sent.starts_with(&Told::prefix(told.from)) && sent.contains("trace") == trace.is_some());
            assert_eq!(serde_json::from_str::<Told>(&sent).expect("the same").trace, trace);
            assert!(!told.text().contains("trace") && !told.body().get().contains("trace"));
        }
    }

    #[test]
    fn a_full_letterbox_says_so_once_and_fills_again() {
        let (letters, room) = (Letterbox::new(ConnectionId::generate()), ReservationId::generate());
        for seq in 0..=CAPACITY as i64 {
            letters.push(Heard::Frame(told(room, seq)));
        }
        assert!(matches!(letters.pop(), Some(Heard::Overflowed)));
        assert!(letters.pop().is_none());
        letters.push(Heard::Missed(room));
        assert!(matches!(letters.pop(), Some(Heard::Missed(_))));
    }

    #[test]
    fn a_connection_with_two_ears_hears_once_and_until_the_last_is_gone() {
        let (rooms, room) = (Rooms::default(), ReservationId::generate());
        let letters = Arc::new(Letterbox::new(ConnectionId::generate()));
        rooms.join(room, &letters);
        rooms.join(room, &letters);
        rooms.deliver(&told(room, 1));
        assert!(matches!(letters.pop(), Some(Heard::Frame(_))) && letters.pop().is_none());
        rooms.leave(room, &letters);
        rooms.deliver(&told(room, 2));
        assert!(letters.pop().is_some());
        rooms.leave(room, &letters);
        assert!(rooms.all().is_empty());
    }

    #[test]
    fn a_frame_for_one_connection_is_for_no_other_and_goes_nowhere_else() {
        let (rooms, room) = (Rooms::default(), ReservationId::generate());
        let [one, other] = [(); 2].map(|()| Arc::new(Letterbox::new(ConnectionId::generate())));
        rooms.join(room, &one);
        rooms.join(room, &other);
        let to = |to| {
            let frame = Frame { kind: "rtc.signal", room, to, data: json!({}) };
            Arc::new(Told::new(NodeId::generate(), frame, None))
        };
        assert!(rooms.deliver(&to(To::Connection(one.connection))));
        assert!(one.pop().is_some() && other.pop().is_none());
        assert!(!rooms.deliver(&to(To::Connection(ConnectionId::generate()))), "it is elsewhere");
        assert!(!rooms.deliver(&to(To::All)), "others may be elsewhere");
    }

    #[test]
    fn the_own_frames_are_known_by_their_beginning() {
        let node = NodeId::generate();
        let frame = Frame { kind: "a.b", room: ReservationId::generate(), to: To::All, data: json!({}) };
        let payload = serde_json::to_string(&Told::new(node, frame, None)).expect("plain data");
        assert!(payload.starts_with(&Told::prefix(node)), "{payload}");
        assert!(!payload.starts_with(&Told::prefix(NodeId::generate())));
    }

    #[test]
    fn what_was_told_is_no_gap() {
        let (rooms, room) = (Rooms::default(), ReservationId::generate());
        let letters = Arc::new(Letterbox::new(ConnectionId::generate()));
        rooms.join(room, &letters);
        rooms.deliver(&told(room, 3));
        rooms.compare(room, 3);
        assert!(matches!(letters.pop(), Some(Heard::Frame(_))));
        assert!(letters.pop().is_none());
        rooms.compare(room, 4);
        rooms.compare(room, 4);
        assert!(matches!(letters.pop(), Some(Heard::Missed(_))) && letters.pop().is_none());
    }
}

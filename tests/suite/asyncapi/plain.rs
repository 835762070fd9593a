//! Sockets whose every word is held against the document.

use std::cell::RefCell;
use std::collections::BTreeSet;

use konnect_tests::{Person, Socket};
use serde_json::{Value, json};

use super::document::Document;

/// What was said on one channel.
pub struct Tape<'a> {
    pub document: &'a Document,
    pub channel: &'static str,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Tape<'a> {
    pub fn new(document: &'a Document, channel: &'static str) -> Self {
        Self { document, channel, seen: RefCell::default() }
    }

    /// Fails unless the document has such a message.
    #[track_caller]
    pub fn hold(&self, message: &str, value: &Value) {
        let faults = self.document.faults(self.channel, message, value);
        assert!(faults.is_empty(), "{message} is not as the document says: {faults:#?}\n{value:#}");
        self.seen.borrow_mut().insert(message.to_owned());
    }

    /// Messages of the channel that were never said.
    pub fn missing(&self) -> BTreeSet<String> {
        let all = self.document.messages(self.channel, "");
        all.difference(&self.seen.borrow()).cloned().collect()
    }

    /// A frame that nobody asked for.
    #[track_caller]
    fn hear(&self, frame: &Value) {
        let kind = frame["type"].as_str().expect("a type");
        let name = if frame.get("eventId").is_some() { "event" } else { kind };
        self.hold(&format!("frame.{name}"), frame);
    }
}

/// A plain WebSocket.
pub struct Line<'a> {
    tape: &'a Tape<'a>,
    socket: Socket,
    asked: usize,
}

impl<'a> Line<'a> {
    pub async fn open(tape: &'a Tape<'a>, base: &str, person: &Person) -> Self {
        let (socket, welcome) = Socket::open(base, person, "").await;
        tape.hold("frame.welcome", &welcome);
        Self { tape, socket, asked: 0 }
    }

    /// Reads until a frame of this type comes.
    pub async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.socket.next().await;
            assert!(frame.get("close").is_none(), "closed before {kind}: {frame}");
            self.tape.hear(&frame);
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Says something that is for no room.
    pub async fn say(&mut self, frame: Value) {
        let kind = frame["type"].as_str().expect("a type");
        self.tape.hold(&format!("command.{kind}"), &frame);
        self.socket.say(frame).await;
    }

    /// Says something that the document does not know.
    pub async fn babble(&mut self, frame: Value) {
        self.socket.say(frame).await;
    }

    async fn answer(&mut self, frame: Value) -> Value {
        let reference = frame["ref"].clone();
        self.socket.say(frame).await;
        loop {
            let answer = self.socket.next().await;
            assert!(answer.get("close").is_none(), "closed instead of an answer: {answer}");
            if answer["ref"] == reference {
                return answer;
            }
            self.tape.hear(&answer);
        }
    }

    fn command(&mut self, kind: &str, room: &str, fields: Value) -> Value {
        self.asked += 1;
        let mut frame = json!({ "type": kind, "ref": format!("c{}", self.asked), "room": room });
        frame.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        frame
    }

    /// Has a command carried out: the data of its answer.
    pub async fn done(&mut self, kind: &str, room: &str, fields: Value) -> Value {
        let frame = self.command(kind, room, fields);
        self.tape.hold(&format!("command.{kind}"), &frame);
        let mut answer = self.answer(frame).await;
        self.tape.hold(&format!("done.{kind}"), &answer);
        answer["data"].take()
    }

    /// Gives a command that is refused, although it is as the document says: the refusal.
    pub async fn refused(&mut self, kind: &str, room: &str, fields: Value) -> Value {
        let frame = self.command(kind, room, fields);
        self.tape.hold(&format!("command.{kind}"), &frame);
        let answer = self.answer(frame).await;
        self.tape.hold("refused", &answer);
        answer
    }

    /// Gives a command that is wrong by the document, too: the code of the refusal.
    pub async fn wrong(&mut self, kind: &str, room: &str, fields: Value) -> String {
        let frame = self.command(kind, room, fields);
        let faults = self.tape.document.faults(self.tape.channel, &format!("command.{kind}"), &frame);
        assert!(!faults.is_empty(), "the document finds nothing wrong in {frame}");
        let answer = self.answer(frame).await;
        self.tape.hold("refused", &answer);
        answer["code"].as_str().expect("a code").to_owned()
    }
}

//! Socket.IO by polling, by hand: what stands on the wire is what is held against the document (Engine.IO protocol 4,
//! Socket.IO protocol 5).

use std::collections::VecDeque;

use reqwest::Client;
use serde_json::{Value, json};

use super::plain::Tape;

/// Between packets of one answer.
const SEPARATOR: char = '\u{1e}';

pub struct Polling<'a> {
    http: Client,
    url: String,
    chat: &'a Tape<'a>,
    webrtc: &'a Tape<'a>,
    packets: VecDeque<String>,
    asked: usize,
}

impl<'a> Polling<'a> {
    pub async fn open(base: &str, chat: &'a Tape<'a>, webrtc: &'a Tape<'a>) -> Self {
        let http = Client::builder().no_proxy().build().expect("an HTTP client");
        let url = format!("{base}/socket.io/?EIO=4&transport=polling");
        let opened = http.get(&url).send().await.expect("an answer").text().await.expect("text");
        let opened: Value = serde_json::from_str(opened.strip_prefix('0').expect("OPEN")).expect("JSON");
        let url = format!("{url}&sid={}", opened["sid"].as_str().expect("an id"));
        Self { http, url, chat, webrtc, packets: VecDeque::new(), asked: 0 }
    }

    async fn post(&self, packet: String) {
        let answer = self.http.post(&self.url).body(packet).send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("text"), "ok");
    }

    /// The next packet of Socket.IO, without its type in Engine.IO.
    async fn packet(&mut self) -> String {
        loop {
            if let Some(packet) = self.packets.pop_front() {
                match packet.strip_prefix('4') {
                    Some(message) => return message.to_owned(),
                    None if packet == "2" => self.post("3".to_owned()).await,
                    None => panic!("an unexpected packet: {packet}"),
                }
                continue;
            }
            let answer =
                self.http.get(&self.url).send().await.expect("an answer").text().await.expect("text");
            self.packets.extend(answer.split(SEPARATOR).map(str::to_owned));
        }
    }

    fn tape(&self, namespace: &str) -> &'a Tape<'a> {
        match namespace {
            "chat" => self.chat,
            "webrtc" => self.webrtc,
            other => panic!("there is no {other}"),
        }
    }

    /// Holds a frame against the document; the namespace, the event and its fields, unless it is no frame.
    fn hear(&self, packet: &str) -> Option<(String, String, Value)> {
        let (namespace, event) = packet.strip_prefix("2/")?.split_once(',')?;
        let (name, fields): (String, Value) =
            serde_json::from_str(event).expect("an event with one argument");
        self.tape(namespace).hold(&format!("frame.{name}"), &fields);
        Some((namespace.to_owned(), name, fields))
    }

    /// Enters a namespace; the code of the refusal otherwise.
    pub async fn enter(&mut self, namespace: &str, token: &str) -> Result<(), String> {
        let auth = json!({ "token": token });
        self.tape(namespace).hold("connect", &auth);
        self.post(format!("40/{namespace},{auth}")).await;
        loop {
            let packet = self.packet().await;
            if packet.starts_with(&format!("0/{namespace},")) {
                return Ok(());
            }
            if let Some(error) = packet.strip_prefix(&format!("4/{namespace},")) {
                let error: Value = serde_json::from_str(error).expect("JSON");
                self.tape(namespace).hold("connect_error", &error);
                return Err(error["message"].as_str().expect("a message").to_owned());
            }
        }
    }

    /// Emits an event and waits for its acknowledgement.
    pub async fn emit(&mut self, namespace: &str, event: &str, fields: &Value) -> Value {
        self.asked += 1;
        let (id, said) = (self.asked, json!([event, fields]));
        self.post(format!("42/{namespace},{id}{said}")).await;
        loop {
            let packet = self.packet().await;
            if let Some(ack) = packet.strip_prefix(&format!("3/{namespace},{id}")) {
                let (ack,): (Value,) = serde_json::from_str(ack).expect("one argument");
                return ack;
            }
            self.hear(&packet);
        }
    }

    /// Has a command carried out. `kind`: what the event stands for.
    pub async fn done(&mut self, namespace: &str, event: &str, kind: &str, fields: Value) -> Value {
        self.tape(namespace).hold(&format!("command.{event}"), &fields);
        let mut ack = self.emit(namespace, event, &fields).await;
        self.tape(namespace).hold(&format!("done.{kind}"), &ack);
        ack["data"].take()
    }

    /// Gives a command that is refused: its code.
    pub async fn refused(&mut self, namespace: &str, event: &str, fields: Value) -> String {
        let ack = self.emit(namespace, event, &fields).await;
        self.tape(namespace).hold("refused", &ack);
        ack["error"]["code"].as_str().expect("a code").to_owned()
    }

    /// Reads until an event of this name comes in a namespace.
    pub async fn event(&mut self, namespace: &str, name: &str) -> Value {
        loop {
            let packet = self.packet().await;
            match self.hear(&packet) {
                Some((of, found, fields)) if of == namespace && found == name => return fields,
                _ => {}
            }
        }
    }
}

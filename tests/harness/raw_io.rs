//! Socket.IO as bytes on the wire: for what no proper client says, and for clients that do not read.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::Person;

const PATIENCE: Duration = Duration::from_secs(30);

/// A TCP connection to the api at `base`, with so little room for what it receives that whoever does not read is
/// noticed soon. `None`: with the usual room.
pub(crate) async fn tcp(base: &str, room: Option<u32>) -> TcpStream {
    let address = base.strip_prefix("http://").expect("a plain base").parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(room) = room {
        socket.set_recv_buffer_size(room).expect("a small buffer");
    }
    socket.connect(address).await.expect("the api listens")
}

/// A WebSocket that speaks Engine.IO 4.
pub struct RawIo {
    stream: WebSocketStream<TcpStream>,
    /// Packets that came while an answer was awaited.
    waiting: VecDeque<String>,
    asked: u32,
}

impl RawIo {
    /// Opens the transport; no namespace is entered. `room`: for what is received, in bytes.
    pub async fn open(base: &str, room: Option<u32>) -> Self {
        let url = format!("{}/socket.io/?EIO=4&transport=websocket", base.replacen("http", "ws", 1));
        let request = url.into_client_request().expect("a URL");
        let (stream, _) = client_async(request, tcp(base, room).await).await.expect("Engine.IO");
        let mut io = Self { stream, waiting: VecDeque::new(), asked: 0 };
        let open = io.next().await.expect("the settings");
        assert!(open.starts_with("0{"), "{open}");
        io
    }

    /// Enters a namespace; the refusal, when there is one.
    pub async fn enter(&mut self, namespace: &str, person: &Person) -> Result<(), Value> {
        let token = person.client.token().expect("somebody who is logged in");
        self.say(&format!("40{namespace},{}", json!({ "token": token }))).await;
        let answer = self.next().await.expect("an answer");
        match answer.strip_prefix(&format!("44{namespace},")) {
            Some(refusal) => Err(serde_json::from_str(refusal).expect("JSON")),
            None => {
                assert!(answer.starts_with(&format!("40{namespace},")), "{answer}");
                Ok(())
            }
        }
    }

    /// Sends a packet as it is; whether the connection took it.
    pub async fn say(&mut self, packet: &str) -> bool {
        self.send(Message::text(packet)).await
    }

    pub async fn send(&mut self, message: Message) -> bool {
        timeout(PATIENCE, self.stream.send(message)).await.is_ok_and(|sent| sent.is_ok())
    }

    /// The next packet; pings are answered. `None`: the connection is over.
    pub async fn next(&mut self) -> Option<String> {
        match self.waiting.pop_front() {
            Some(packet) => Some(packet),
            None => timeout(PATIENCE, self.receive()).await.expect("a packet, or the end"),
        }
    }

    /// What comes within `time`; `Err` when nothing does.
    pub async fn within(&mut self, time: Duration) -> Result<Option<String>, ()> {
        match self.waiting.pop_front() {
            Some(packet) => Ok(Some(packet)),
            None => timeout(time, self.receive()).await.map_err(|_| ()),
        }
    }

    async fn receive(&mut self) -> Option<String> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => drop(self.say("3").await),
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                _ => return None,
            }
        }
    }

    /// An event with an acknowledgement: the answer.
    pub async fn ask(&mut self, namespace: &str, event: &str, fields: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        assert!(self.say(&format!("42{namespace},{id}{}", json!([event, fields]))).await, "open");
        let prefix = format!("43{namespace},{id}[");
        loop {
            let packet =
                timeout(PATIENCE, self.receive()).await.expect("an answer").expect("an open connection");
            match packet.strip_prefix(&prefix) {
                Some(rest) => {
                    return serde_json::from_str(rest.strip_suffix(']').expect("an array")).expect("JSON");
                }
                None => self.waiting.push_back(packet),
            }
        }
    }

    /// The fields of the next event of that name; `None`: the connection ended, or the namespace was left.
    pub async fn event(&mut self, namespace: &str, name: &str) -> Option<Value> {
        loop {
            let packet = self.next().await?;
            if packet.starts_with(&format!("41{namespace}")) {
                return None;
            }
            let Some(body) = packet.strip_prefix(&format!("42{namespace},")) else { continue };
            let mut body: Value = serde_json::from_str(body).expect("JSON");
            if body[0] == name {
                return Some(body[1].take());
            }
        }
    }
}

//! A front end's WebSocket.

use std::collections::VecDeque;
use std::fmt::Display;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::raw_io::tcp;
use crate::{Answer, Person};

/// Longer than anything the protocol lets a client wait for, but for silence.
const PATIENCE: Duration = Duration::from_secs(30);

/// One open socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Frames that came while an answer was awaited, and how many commands were given.
    waiting: VecDeque<Value>,
    commands: u32,
    /// The headers of the handshake's answer.
    pub headers: HeaderMap,
}

impl Socket {
    /// Asks for `/v1/ws` of the api at `base`; a refusal comes back as the answer to any other request.
    pub async fn ask(base: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, Answer> {
        Self::ask_over(tcp(base, None).await, base, query, headers).await
    }

    async fn ask_over(
        tcp: TcpStream,
        base: &str,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Answer> {
        let url = format!("{}/v1/ws{query}", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a URL");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match client_async(request, tcp).await {
            Ok((stream, response)) => {
                let headers = response.headers().clone();
                Ok(Self { stream, waiting: VecDeque::new(), commands: 0, headers })
            }
            Err(Error::Http(response)) => {
                let text = response.body().as_deref().unwrap_or_default();
                let body = serde_json::from_slice(text)
                    .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(text).into_owned()));
                Err(Answer { status: response.status(), headers: response.headers().clone(), body })
            }
            Err(error) => panic!("the api at {base} does not speak WebSocket: {error}"),
        }
    }

    /// Opens one with the person's access token in the header; the first frame is the welcome.
    pub async fn open(base: &str, person: &Person, query: &str) -> (Self, Value) {
        let token = format!("Bearer {}", person.client.token().expect("somebody who is logged in"));
        let opened = Self::ask(base, query, &[("authorization", &token)]).await;
        let mut socket = opened.unwrap_or_else(|refusal| panic!("refused: {:#}", refusal.body));
        let welcome = socket.next().await;
        assert_eq!(welcome["type"], "welcome");
        (socket, welcome)
    }

    /// The same with room for `room` bytes of what is received: when its owner does not read, the server notices soon.
    pub async fn open_narrow(base: &str, person: &Person, room: u32) -> Self {
        let token = format!("Bearer {}", person.client.token().expect("somebody who is logged in"));
        let tcp = tcp(base, Some(room)).await;
        let opened = Self::ask_over(tcp, base, "", &[("authorization", &token)]).await;
        let mut socket = opened.unwrap_or_else(|refusal| panic!("refused: {:#}", refusal.body));
        assert_eq!(socket.next().await["type"], "welcome");
        socket
    }

    /// The next frame. The end of the connection is one too: `{"close": 4001, "reason": "…"}`, and
    /// `{"close": null}` when it broke.
    pub async fn next(&mut self) -> Value {
        match self.waiting.pop_front() {
            Some(frame) => frame,
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Value {
        let frame = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
                    Some(Ok(Message::Close(Some(close)))) => {
                        return json!({ "close": u16::from(close.code), "reason": close.reason.as_str() });
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return json!({ "close": null, "reason": format!("{other:?}") }),
                }
            }
        };
        tokio::time::timeout(PATIENCE, frame).await.expect("a frame")
    }

    /// Reads the events numbered `first` to `last` and nothing between them.
    pub async fn expect_events(&mut self, first: i64, last: i64) {
        for id in first..=last {
            let frame = self.next().await;
            assert_eq!(frame["id"], id, "{frame}");
        }
    }

    /// Reads until an event of this type comes, and gives it.
    pub async fn event(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            assert!(frame.get("close").is_none(), "closed before {kind}: {frame}");
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Gives a command for a room and waits for its answer: the data, or the refusal. Frames that come meanwhile are
    /// read afterwards.
    pub async fn command(&mut self, kind: &str, room: impl Display, fields: Value) -> Result<Value, Value> {
        self.commands += 1;
        let reference = format!("c{}", self.commands);
        let mut frame = json!({ "type": kind, "ref": reference, "room": room.to_string() });
        frame.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        self.say(frame).await;
        loop {
            let mut answer = self.receive().await;
            match answer["ref"] == *reference {
                true if answer["type"] == "ok" => return Ok(answer["data"].take()),
                true => return Err(answer),
                false => {
                    assert!(answer.get("close").is_none(), "closed instead of an answer to {kind}: {answer}");
                    self.waiting.push_back(answer);
                }
            }
        }
    }

    /// The code with which a command is refused.
    pub async fn refusal(&mut self, kind: &str, room: impl Display, fields: Value) -> String {
        let refused = self.command(kind, room, fields).await.expect_err("a refusal");
        refused["code"].as_str().expect("a code").to_owned()
    }

    pub async fn say(&mut self, frame: Value) {
        self.stream.send(Message::text(frame.to_string())).await.expect("an open socket");
    }

    /// Sends something that is no JSON text.
    pub async fn say_raw(&mut self, message: Message) {
        self.stream.send(message).await.expect("an open socket");
    }

    /// Says goodbye and waits until the server has, too.
    pub async fn close(mut self) {
        self.stream.close(None).await.expect("an open socket");
        while self.stream.next().await.is_some_and(|frame| frame.is_ok()) {}
    }
}

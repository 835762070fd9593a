//! A front end's WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Answer, Person};

/// Longer than anything the protocol lets a client wait for, but for silence.
const PATIENCE: Duration = Duration::from_secs(30);

/// One open socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The headers of the handshake's answer.
    pub headers: HeaderMap,
}

impl Socket {
    /// Asks for `/v1/ws` of the api at `base`; a refusal comes back as the answer to any other request.
    pub async fn ask(base: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, Answer> {
        let url = format!("{}/v1/ws{query}", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a URL");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match connect_async(request).await {
            Ok((stream, response)) => Ok(Self { stream, headers: response.headers().clone() }),
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

    /// The next frame. The end of the connection is one too: `{"close": 4001, "reason": "…"}`, and
    /// `{"close": null}` when it broke.
    pub async fn next(&mut self) -> Value {
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

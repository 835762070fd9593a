//! The WebSocket: how it is entered, and what comes through it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::rest::query;

const PROTOCOL: &str = "konnect.v1";
const PATIENCE: Duration = Duration::from_secs(10);

/// How a client says who it is, before the protocol is switched.
pub enum Door<'a> {
    /// A single-use ticket in the URL: for browsers.
    Ticket(&'a str),
    /// The access token as a subprotocol: for browsers too.
    Subprotocol(&'a str),
    /// The access token in the `Authorization` header: for everything else.
    Header(&'a str),
}

/// One event of the caller's topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The position in the topic, without gaps: what a client resumes after.
    pub id: i64,
    #[serde(rename = "type")]
    pub kind: String,
    pub topic: String,
    /// UTC.
    pub at: DateTime<Utc>,
    pub data: Value,
}

/// The first frame.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    pub topic: String,
    /// The last event that exists.
    pub head: i64,
    /// The next event sent is the one after this.
    pub after: i64,
    pub session_expires_at: DateTime<Utc>,
}

/// What came.
#[derive(Clone, Debug)]
pub enum Frame {
    Event(Event),
    /// What happens in a room, such as `chat.message`; its type.
    Room(String, Value),
    /// A frame of the protocol itself, such as `token_expiring`, or the answer to a command; its type.
    Control(String, Value),
    /// The server's close, or `None` when the connection broke.
    Closed(Option<(u16, String)>),
}

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens the socket and reads its welcome. `base`: `http://host:port`; `after`: resume after this event.
    ///
    /// # Errors
    /// When it is refused (with the answer's text), or not answered within 10 s.
    pub async fn open(base: &str, door: Door<'_>, after: Option<i64>) -> Result<(Self, Welcome)> {
        let after = after.map(|id| id.to_string());
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        if let Door::Ticket(ticket) = &door {
            pairs.push(("ticket", ticket));
        }
        if let Some(after) = &after {
            pairs.push(("after", after));
        }
        let url = format!("{}/v1/ws{}", base.replacen("http", "ws", 1), query(&pairs));
        let mut request = url.into_client_request().context("the URL of the WebSocket")?;
        let (mut protocol, mut authorization) = (PROTOCOL.to_owned(), None);
        match door {
            Door::Ticket(_) => {}
            Door::Subprotocol(token) => protocol = format!("{PROTOCOL}, bearer.{token}"),
            Door::Header(token) => authorization = Some(format!("Bearer {token}")),
        }
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_str(&protocol)?);
        if let Some(value) = authorization {
            headers.insert("Authorization", HeaderValue::from_str(&value)?);
        }
        let opened =
            timeout(PATIENCE, connect_async(request)).await.context("the WebSocket does not open")?;
        let (stream, answer) = opened.map_err(|error| match error {
            Error::Http(answer) => {
                let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                anyhow::anyhow!("the WebSocket is refused with {}: {body}", answer.status())
            }
            other => anyhow::Error::new(other).context("the WebSocket does not open"),
        })?;
        let chosen = answer.headers().get("Sec-WebSocket-Protocol").and_then(|v| v.to_str().ok());
        ensure!(chosen == Some(PROTOCOL), "the WebSocket speaks {chosen:?} instead of {PROTOCOL}");
        let mut socket = Self { stream };
        match timeout(PATIENCE, socket.next()).await.context("no welcome")?? {
            Frame::Control(kind, frame) if kind == "welcome" => {
                Ok((socket, serde_json::from_value(frame).context("welcome")?))
            }
            other => bail!("the first frame is {other:?} instead of the welcome"),
        }
    }

    /// The next frame; pings are answered meanwhile. After `Closed` nothing comes.
    ///
    /// # Errors
    /// When the server says something that is not its protocol.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            let text = match self.stream.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(close))) => {
                    let close = close.map(|c| (u16::from(c.code), c.reason.to_string()));
                    // Reading on answers the close.
                    while let Some(Ok(_)) = self.stream.next().await {}
                    return Ok(Frame::Closed(close));
                }
                Some(Ok(other)) => bail!("the server sent {other:?}"),
                Some(Err(_)) | None => return Ok(Frame::Closed(None)),
            };
            let frame: Value = serde_json::from_str(&text).context("a frame that is no JSON")?;
            let kind = frame["type"].as_str().context("a frame without type")?.to_owned();
            // Types of events and of room frames have a dot, those of the protocol have none.
            return Ok(match (kind.contains('.'), frame.get("room").is_some()) {
                (true, true) => Frame::Room(kind, frame),
                (true, false) => Frame::Event(serde_json::from_value(frame).context("event")?),
                (false, _) => Frame::Control(kind, frame),
            });
        }
    }

    /// Sends a frame such as `{"type": "resume", "after": 7}`.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frame: &Value) -> Result<()> {
        self.stream.send(Message::text(frame.to_string())).await.context("the WebSocket is gone")
    }
}

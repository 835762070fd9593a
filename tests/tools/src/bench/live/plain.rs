//! The frames of the plain WebSocket, as far as a load needs them: `docs/REALTIME.md` is the protocol.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

use super::connection::{Stream, config};

/// What a server says.
#[derive(Debug, Deserialize)]
pub struct Frame<'a> {
    /// `ok` and `error` are the answers to commands.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The number of the command, as text.
    #[serde(rename = "ref")]
    pub reference: Option<&'a str>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    /// # Errors
    /// Text that is no frame.
    pub fn parse(text: &'a str) -> Result<Self> {
        serde_json::from_str(text).with_context(|| format!("the frame {text}"))
    }
}

/// A command; its answer bears `id`.
pub fn command(id: u64, kind: &str, mut fields: Value) -> String {
    fields["type"] = json!(kind);
    fields["ref"] = json!(id.to_string());
    fields.to_string()
}

/// Connects and waits for the welcome.
pub async fn enter(address: SocketAddr, token: &str) -> Result<Stream> {
    let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("konnect.v1"));
    let opened = connect_async_with_config(request, Some(config()), true).await;
    let (mut stream, _) = opened.context("the WebSocket")?;
    match stream.next().await {
        Some(Ok(Message::Text(text))) => {
            ensure!(Frame::parse(&text)?.kind == "welcome", "{text} instead of a welcome");
        }
        other => bail!("{other:?} instead of a welcome"),
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_what_happens() {
        let answer = Frame::parse(r#"{"type":"ok","ref":"7","data":{"epoch":1}}"#).expect("a frame");
        assert_eq!((answer.kind, answer.reference), ("ok", Some("7")));
        assert_eq!(answer.data.map(RawValue::get), Some(r#"{"epoch":1}"#));
        let frame = Frame::parse(r#"{"type":"rtc.signal","room":"x","payload":{}}"#).expect("a frame");
        assert_eq!((frame.kind, frame.reference), ("rtc.signal", None));
        assert!(Frame::parse("42[]").is_err());
    }

    #[test]
    fn commands_are_the_fields_with_a_type_and_a_number() {
        let text = command(7, "chat.typing", json!({ "room": "x", "on": false }));
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read, json!({ "type": "chat.typing", "ref": "7", "room": "x", "on": false }));
    }
}

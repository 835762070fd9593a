//! A device's WebSocket, which may break at any moment.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Link {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Link {
    /// `Err`: why nobody answered, or the door did not open.
    pub async fn open(base: &str, token: &str) -> Result<Self, String> {
        let mut request =
            format!("{}/v1/ws", base.replacen("http", "ws", 1)).into_client_request().expect("a URL");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        match timeout(PATIENCE, connect_async(request)).await {
            Ok(Ok((stream, _))) => Ok(Self { stream }),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer".to_owned()),
        }
    }

    /// Gives a command. `false`: the connection is gone.
    pub async fn say(&mut self, kind: &str, reference: &str, room: &str, fields: &Value) -> bool {
        let mut frame = json!({ "type": kind, "ref": reference, "room": room });
        frame.as_object_mut().expect("an object").extend(fields.as_object().expect("fields").clone());
        matches!(timeout(PATIENCE, self.stream.send(Message::text(frame.to_string()))).await, Ok(Ok(())))
    }

    /// The next frame; `Err`: why there is none. May be dropped at any point.
    pub async fn next(&mut self) -> Result<Value, String> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => return Err(format!("{other:?}")),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("closed".to_owned()),
            }
        }
    }
}

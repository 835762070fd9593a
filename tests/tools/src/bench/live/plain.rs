//! A connection to the plain WebSocket that asks for nothing.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::connection::{BUFFER, PATIENCE};

/// Gone when dropped.
pub struct Plain(JoinHandle<()>);

impl Drop for Plain {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connects and waits for the welcome.
pub async fn open(address: SocketAddr, token: &str) -> Result<Plain> {
    let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("konnect.v1"));
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    let opening = connect_async_with_config(request, Some(config), true);
    let (mut stream, _) = timeout(PATIENCE, opening).await.context("no answer")?.context("the WebSocket")?;
    match timeout(PATIENCE, stream.next()).await.context("no welcome")? {
        Some(Ok(Message::Text(text))) => ensure!(text.contains("welcome"), "{text} instead of a welcome"),
        other => bail!("{other:?} instead of a welcome"),
    }
    // Reading answers the server's pings.
    Ok(Plain(tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} })))
}

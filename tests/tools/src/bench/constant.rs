//! A handler that returns a constant: what an answer of that size costs when nothing has to be found out.

use std::net::SocketAddr;

use anyhow::Result;
use poem::listener::TcpListener;
use poem::web::Data;
use poem::{EndpointExt, Response, Route, Server, get, handler};

/// Serves `bytes` bytes of JSON at `/` until the process ends.
pub async fn serve(bind: SocketAddr, bytes: usize) -> Result<()> {
    let text = format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)));
    let app = Route::new().at("/", get(constant)).data(text.into_bytes());
    Ok(Server::new(TcpListener::bind(bind)).run(app).await?)
}

#[handler]
fn constant(body: Data<&Vec<u8>>) -> Response {
    Response::builder().content_type("application/json; charset=utf-8").body(body.to_vec())
}

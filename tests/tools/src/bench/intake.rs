//! A handler that only inserts the row: what storing a webhook costs when nothing else is done.

use std::net::SocketAddr;

use anyhow::Result;
use poem::http::StatusCode;
use poem::listener::TcpListener;
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Route, Server, handler, post};
use secrecy::ExposeSecret;
use sqlx::MySqlPool;
use sqlx::mysql::MySqlPoolOptions;

use konnect::clock::Clock;
use konnect::config::Config;

pub const TRANSMISSION_ID: &str = "tosspayments-webhook-transmission-id";

/// Serves at `/` until the process ends, over as many connections as the api has.
pub async fn serve(bind: SocketAddr, config: &Config) -> Result<()> {
    let pool = MySqlPoolOptions::new()
        .max_connections(config.db_connections)
        .test_before_acquire(false)
        .connect(config.database_url.expose_secret())
        .await?;
    let app = Route::new().at("/", post(insert)).data(pool);
    Ok(Server::new(TcpListener::bind(bind)).run(app).await?)
}

#[handler]
async fn insert(pool: Data<&MySqlPool>, request: &Request, body: Body) -> poem::Result<StatusCode> {
    let id = request.header(TRANSMISSION_ID).unwrap_or_default();
    let bytes = body.into_bytes_limit(64 * 1024).await?;
    sqlx::query("INSERT INTO webhook_inbox (transmission_id, body, received_at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(&bytes[..])
        .bind(Clock::system().now())
        .execute(*pool)
        .await
        .map_err(poem::error::InternalServerError)?;
    Ok(StatusCode::OK)
}

//! Whether sockets can be opened at the public address. The process asks itself there, as the page of an allowed origin
//! would: a proxy that takes the handshake apart shows here before anybody complains.

use std::time::Duration;

use poem::http::header;
use reqwest::Client;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Shared;

/// How often it asks.
const EVERY: Duration = Duration::from_secs(60);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// An origin that nobody allows (RFC 2606).
const FOREIGN: &str = "https://origin.invalid";
/// The key of the example in RFC 6455 §1.3; no connection comes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// How sockets are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sockets {
    Ok,
    /// No answer of ours came.
    Unreachable,
    /// The handshake comes without its `Upgrade`.
    UpgradeDropped,
    /// An origin that is allowed comes as another one.
    OriginRefused,
    /// No origin comes, so that any page could open a socket.
    OriginDropped,
}

/// What is known of it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Reach(watch::Sender<Option<Sockets>>);

/// A problem, as far as it matters here.
#[derive(Deserialize)]
struct Said {
    code: String,
}

impl Reach {
    /// What came of the last try; `None` before the first.
    pub fn now(&self) -> Option<Sockets> {
        *self.0.borrow()
    }

    /// Asks at once and every minute, until `stop` is cancelled.
    pub async fn watch(self, app: Shared, stop: CancellationToken) {
        let asking = async {
            let client = match client() {
                Ok(client) => client,
                Err(error) => return tracing::error!(%error, "nobody looks whether sockets can be opened"),
            };
            let url = format!("{}/v1/ws", app.config.public_url.trim_end_matches('/'));
            let own = app.config.cors_origins.first().map(String::as_str);
            let mut timer = interval(EVERY);
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                timer.tick().await;
                self.note(look(&client, &url, own).await, &url);
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = asking => {}
        }
    }

    fn note(&self, found: Sockets, url: &str) {
        metrics::gauge!("konnect_sockets_reachable").set(if found == Sockets::Ok { 1.0 } else { 0.0 });
        match (self.0.send_replace(Some(found)) == Some(found), found) {
            (true, _) => {}
            (false, Sockets::Ok) => tracing::info!(url, "sockets can be opened from outside"),
            (false, _) => tracing::warn!(url, ?found, "sockets cannot be opened from outside as they should"),
        }
    }
}

/// Goes straight to the address, by HTTP/1.1, which alone knows this upgrade, and on a new connection each time.
fn client() -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("konnect/", env!("CARGO_PKG_VERSION"), " (self-check)"))
        .http1_only()
        .no_proxy()
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE)
        .build()
}

async fn look(client: &Client, url: &str, own: Option<&str>) -> Sockets {
    match knock(client, url, own).await.as_deref() {
        // All was right but that nobody said who they are.
        Some("auth.required") => {}
        Some("socket.upgrade_missing") => return Sockets::UpgradeDropped,
        Some("origin.forbidden") => return Sockets::OriginRefused,
        _ => return Sockets::Unreachable,
    }
    match knock(client, url, Some(FOREIGN)).await.as_deref() {
        Some("origin.forbidden") => Sockets::Ok,
        Some(_) => Sockets::OriginDropped,
        None => Sockets::Unreachable,
    }
}

/// Asks for a socket without saying who asks: the code of our refusal, if one comes.
async fn knock(client: &Client, url: &str, origin: Option<&str>) -> Option<String> {
    let mut request = client
        .get(url)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, KEY);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    let said: Said = request.send().await.ok()?.json().await.ok()?;
    Some(said.code)
}

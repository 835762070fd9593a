//! Who comes in.

use std::sync::Arc;

use serde_json::Value;
use socketioxide::extract::SocketRef;

use super::Namespace;
use super::client::Client;
use crate::auth::{self, Principal, Tokens};
use crate::context::Origin;
use crate::realtime::house::House;

/// Why a connection to a namespace is refused: the message of `connect_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

pub struct Door {
    pub house: House,
    pub tokens: Tokens,
}

impl Door {
    pub fn new(house: House, tokens: Tokens) -> Self {
        Self { house, tokens }
    }

    /// Checks who somebody is before they enter a namespace: an access token in the handshake's `auth`, or in the
    /// `Authorization` header of clients that can send one. Never in the URL.
    ///
    /// # Errors
    /// `INVALID_TOKEN`; `TOO_MANY_CONNECTIONS`; `GOING_AWAY`; `UNAVAILABLE`.
    pub async fn admit(
        self: &Arc<Self>,
        socket: &SocketRef,
        namespace: Namespace,
        auth: Option<Value>,
    ) -> Result<Arc<Client>, Refused> {
        let token = auth.as_ref().and_then(|auth| auth["token"].as_str()).map(str::to_owned);
        let token = token.or_else(|| bearer(socket)).ok_or(Refused("INVALID_TOKEN"))?;
        let hub = self.house.hub();
        if hub.is_stopping() {
            return Err(Refused("GOING_AWAY"));
        }
        let principal = self.verify(&token).await?;
        let seat = hub.take_seat(principal.user_id).ok_or(Refused("TOO_MANY_CONNECTIONS"))?;
        // The api has put it there when the connection was opened.
        let origin = socket.req_parts().extensions.get::<Origin>().cloned().unwrap_or_default();
        Ok(Client::new(self.clone(), namespace, principal, seat, origin))
    }

    /// Whose token it is, if it and its session live.
    ///
    /// # Errors
    /// `INVALID_TOKEN`; `UNAVAILABLE`.
    pub async fn verify(&self, token: &str) -> Result<Principal, Refused> {
        let core = self.house.core();
        let now = core.clock.now();
        let principal = self.tokens.verify(token, now).map_err(refused)?;
        // A token is verified with leeway for the clocks of others; a socket ends without.
        if principal.expires_at <= now {
            return Err(Refused("INVALID_TOKEN"));
        }
        match auth::session_live(core.db.pool(), principal.session_id).await.map_err(refused)? {
            true => Ok(principal),
            false => Err(Refused("INVALID_TOKEN")),
        }
    }
}

fn refused(error: auth::Error) -> Refused {
    match error {
        auth::Error::Database(error) => {
            tracing::warn!(%error, "a token could not be checked");
            Refused("UNAVAILABLE")
        }
        _ => Refused("INVALID_TOKEN"),
    }
}

fn bearer(socket: &SocketRef) -> Option<String> {
    let header = socket.req_parts().headers.get("authorization")?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

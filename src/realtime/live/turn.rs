//! Credentials for the TURN server that relays media where no direct path is found.
//!
//! They are made as coturn's `use-auth-secret` takes them (draft-uberti-behave-turn-rest-00): the user name is the
//! Unix time of their end, the room and the person; the password is the HMAC-SHA1 of that name under the secret
//! that both servers know. So a credential that leaks is good for one room, for an hour at most; an allocation
//! made with it can outlast it, which is why the TURN server has to cap the lifetime of allocations and their
//! number per user. With two secrets in rotation coturn takes both; we sign with the current one.

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::clock::Instant;
use crate::config::TurnConfig;
use crate::id::{ReservationId, UserId};

/// A credential is good for this long at most.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    #[error("TURN_URLS: {0:?} begins with none of stun:, stuns:, turn:, turns:")]
    Scheme(String),
    #[error("TURN_URLS names a TURN server, but TURN_SECRET is not set")]
    NoSecret,
}

/// Makes credentials. Cheap to clone.
#[derive(Clone)]
pub struct Turn {
    urls: Vec<String>,
    key: Option<hmac::Key>,
}

/// What `RTCPeerConnection` wants as one of its `iceServers`, and until when it is good.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    pub urls: Vec<String>,
    /// `<expiry unix>:<room>:<user>`; none for STUN alone.
    pub username: Option<String>,
    pub credential: Option<String>,
    /// UTC, in whole seconds.
    pub expires_at: Option<Instant>,
}

impl Turn {
    /// # Errors
    /// An address that is neither STUN nor TURN; a TURN server without a secret.
    pub fn new(config: &TurnConfig) -> Result<Self, TurnError> {
        for url in &config.turn_urls {
            if !["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme)) {
                return Err(TurnError::Scheme(url.clone()));
            }
        }
        let secret = config.turn_secret.as_ref().map(ExposeSecret::expose_secret).filter(|s| !s.is_empty());
        if secret.is_none() && config.turn_urls.iter().any(|url| url.starts_with("turn")) {
            return Err(TurnError::NoSecret);
        }
        let key = secret.map(|secret| hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()));
        Ok(Self { urls: config.turn_urls.clone(), key })
    }

    /// Credentials of one person in one room that end with the window, and after an hour at the latest. `None`
    /// without servers.
    pub fn credentials(
        &self,
        room: ReservationId,
        user: UserId,
        closes_at: Instant,
        now: Instant,
    ) -> Option<Credentials> {
        if self.urls.is_empty() {
            return None;
        }
        let urls = self.urls.clone();
        let Some(key) = &self.key else {
            return Some(Credentials { urls, username: None, credential: None, expires_at: None });
        };
        let expiry = closes_at.min(now + LIFE).timestamp();
        let username = format!("{expiry}:{room}:{user}");
        let credential = STANDARD.encode(hmac::sign(key, username.as_bytes()));
        let expires_at = DateTime::from_timestamp(expiry, 0);
        Some(Credentials { urls, username: Some(username), credential: Some(credential), expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(urls: &[&str], secret: Option<&str>) -> TurnConfig {
        let turn_urls = urls.iter().map(|&url| url.to_owned()).collect();
        TurnConfig { turn_urls, turn_secret: secret.map(Into::into) }
    }

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    /// The expected password was computed apart from this code:
    /// `printf %s "$username" | openssl dgst -sha1 -hmac north-turn-secret -binary | base64`.
    #[test]
    fn the_password_is_the_hmac_of_the_name() {
        let turn = Turn::new(&config(&["turn:turn.example:3478"], Some("north-turn-secret"))).unwrap();
        let room = "0195535e-7a00-7000-8000-000000000001".parse().unwrap();
        let user = "0195535e-7a00-7000-8000-0000000000aa".parse().unwrap();
        let now = at("2026-03-02T00:00:00.5Z");
        let made = turn.credentials(room, user, at("2026-03-02T04:00:00Z"), now).expect("credentials");
        let name = "1772413200:0195535e-7a00-7000-8000-000000000001:0195535e-7a00-7000-8000-0000000000aa";
        assert_eq!(made.username.as_deref(), Some(name));
        assert_eq!(made.credential.as_deref(), Some("054zn4Pcxzlqa66725qUrEr+nu0="));
        assert_eq!(made.expires_at, Some(at("2026-03-02T01:00:00Z")));
        let last = turn.credentials(room, user, at("2026-03-02T00:20:00Z"), now).expect("credentials");
        assert_eq!(last.expires_at, Some(at("2026-03-02T00:20:00Z")), "it ends with the window");
        assert_ne!(last.credential, made.credential);
    }

    #[test]
    fn without_a_secret_there_is_stun_alone() {
        let (room, user) = (ReservationId::generate(), UserId::generate());
        let now = at("2026-03-02T00:00:00Z");
        let ask = |config: &TurnConfig| Turn::new(config).unwrap().credentials(room, user, now + LIFE, now);
        assert!(ask(&TurnConfig::default()).is_none());
        assert!(ask(&config(&[], Some("secret"))).is_none());
        let stun = ask(&config(&["stun:stun.example"], None)).expect("an address");
        assert_eq!(
            serde_json::to_value(stun).unwrap(),
            serde_json::json!({
                "urls": ["stun:stun.example"], "username": null, "credential": null, "expiresAt": null,
            })
        );
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let refused = |config: &TurnConfig| Turn::new(config).err().map(|error| error.to_string());
        assert!(refused(&config(&["https://turn.example"], Some("s"))).unwrap().contains("stun:"));
        for secret in [None, Some("")] {
            let without = config(&["stun:stun.example", "turns:turn.example"], secret);
            assert!(refused(&without).unwrap().contains("TURN_SECRET"));
        }
    }
}

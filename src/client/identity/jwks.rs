//! The keys of an issuer. They are fetched when they are needed, by one request at a time, and kept; a key that nobody
//! knows makes us look again, but not more than once a minute, so that made-up keys do not turn us against the issuer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{IdentityError, http};
use crate::clock::{Clock, Instant};

/// Keys are fetched again after this.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// While the issuer does not answer its last keys are believed for so long.
const STALE: TimeDelta = TimeDelta::hours(24);
/// Between two attempts to fetch.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// No issuer has more.
const MOST_KEYS: usize = 50;

pub(super) struct Jwks {
    http: Client,
    issuer: Url,
    clock: Clock,
    known: RwLock<Arc<Known>>,
    /// When it was last tried. Held during a fetch, so that there is one at a time.
    tried_at: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, DecodingKey>,
    fetched_at: Option<Instant>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Known {
    fn find(&self, kid: &str, now: Instant, within: TimeDelta) -> Option<DecodingKey> {
        let is_young = self.fetched_at.is_some_and(|at| now < at + within);
        self.keys.get(kid).filter(|_| is_young).cloned()
    }
}

impl Jwks {
    pub fn new(http: Client, issuer: Url, clock: Clock) -> Self {
        Self { http, issuer, clock, known: RwLock::default(), tried_at: Mutex::default() }
    }

    /// The key of this id.
    ///
    /// # Errors
    /// `Invalid` when the issuer has no such key, `Away` when its keys are not known.
    pub async fn key(&self, kid: &str) -> Result<DecodingKey, IdentityError> {
        if let Some(key) = self.known().find(kid, self.clock.now(), FRESH) {
            return Ok(key);
        }
        let mut tried_at = self.tried_at.lock().await;
        let now = self.clock.now();
        // Somebody may have fetched while we waited.
        if let Some(key) = self.known().find(kid, now, FRESH) {
            return Ok(key);
        }
        let mut failure = "not asked again so soon".to_owned();
        if tried_at.is_none_or(|at| now >= at + PAUSE || now < at) {
            *tried_at = Some(now);
            match self.fetch().await {
                Ok(keys) => self.keep(Known { keys, fetched_at: Some(now) }),
                Err(reason) => {
                    tracing::warn!(issuer = %self.issuer, reason, "the keys of an issuer were not fetched");
                    failure = reason;
                }
            }
        }
        let known = self.known();
        if let Some(key) = known.find(kid, now, STALE) {
            return Ok(key);
        }
        match known.fetched_at {
            Some(at) if now < at + STALE => Err(IdentityError::Invalid("its key is unknown".to_owned())),
            _ => Err(IdentityError::Away(failure)),
        }
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>, String> {
        let found: Discovery =
            self.get(http::endpoint(&self.issuer, &[".well-known", "openid-configuration"])).await?;
        if found.issuer.trim_end_matches('/') != self.issuer.as_str().trim_end_matches('/') {
            return Err("it calls itself otherwise".to_owned());
        }
        let url: Url = found.jwks_uri.parse().map_err(|_| "the address of its keys is none".to_owned())?;
        if url.scheme() != self.issuer.scheme() {
            return Err("the address of its keys is of another scheme".to_owned());
        }
        let set: KeySet = self.get(url).await?;
        let keys: HashMap<_, _> = set.keys.into_iter().take(MOST_KEYS).filter_map(usable).collect();
        if keys.is_empty() { Err("it has no key that serves".to_owned()) } else { Ok(keys) }
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, String> {
        let answer = http::exchange(self.http.get(url)).await?;
        if answer.status != 200 {
            return Err(format!("status {}", answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|error| format!("not what is documented: {error}"))
    }
}

/// A key for signatures by RS256, with its id. Others are passed over: an issuer may have keys for other things.
fn usable(key: Value) -> Option<(String, DecodingKey)> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let for_signing = key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let for_rs256 = key.common.key_algorithm.is_none_or(|alg| alg == KeyAlgorithm::RS256);
    let is_rsa = matches!(key.algorithm, AlgorithmParameters::RSA(_));
    if !(for_signing && for_rs256 && is_rsa) {
        return None;
    }
    let decoding = DecodingKey::from_jwk(&key).ok()?;
    Some((key.common.key_id?, decoding))
}

//! Google access tokens for a service account: a signed assertion is exchanged for a token (RFC 7523), which
//! all sends share. One exchange runs at a time; the others wait for it.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::SETTING;
use crate::client::{ConfigError, http};
use crate::clock::{Clock, Instant};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_SECONDS: i64 = 3600;
/// A token is renewed so long before it ends, or at half of a shorter life.
const EARLY_SECONDS: i64 = 300;
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct ServiceAccount {
    pub project_id: String,
    client_email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: Url,
}

#[derive(Deserialize)]
struct KeyFile {
    project_id: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: SecretString,
    token_uri: String,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    expires_in: i64,
}

struct Cached {
    token: SecretString,
    renew_at: Instant,
}

pub(super) struct Tokens {
    http: Client,
    account: ServiceAccount,
    clock: Clock,
    /// Held during an exchange, so that there is one at a time.
    cached: Mutex<Option<Cached>>,
}

impl ServiceAccount {
    pub fn parse(json: &str) -> Result<Self, ConfigError> {
        // The parser's own text could quote the key: only the place is told.
        let file: KeyFile = serde_json::from_str(json).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            ConfigError::new(SETTING, format!("not a service account key file ({place})"))
        })?;
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes())
            .map_err(|_| ConfigError::new(SETTING, "the private key is not RSA in PEM"))?;
        let name_is_plain =
            file.project_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:_".contains(&b));
        if file.project_id.trim_matches('.').is_empty() || !name_is_plain {
            return Err(ConfigError::new(SETTING, "the project id is malformed"));
        }
        Ok(Self {
            project_id: file.project_id,
            client_email: file.client_email,
            key_id: file.private_key_id,
            key,
            token_uri: http::base_url(SETTING, &file.token_uri)?,
        })
    }

    /// What is exchanged for a token: an RS256 token with the token server as its audience.
    pub fn assertion(&self, now: Instant) -> Result<String, String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = self.key_id.clone();
        let iat = now.timestamp();
        let claims = Assertion {
            iss: &self.client_email,
            scope: SCOPE,
            aud: self.token_uri.as_str(),
            iat,
            exp: iat + ASSERTION_SECONDS,
        };
        encode(&header, &claims, &self.key).map_err(|error| format!("the assertion was not signed: {error}"))
    }
}

impl Tokens {
    pub fn new(http: Client, account: ServiceAccount, clock: Clock) -> Self {
        Self { http, account, clock, cached: Mutex::new(None) }
    }

    /// A token that is good for some minutes, and is not `refused`.
    pub async fn get(&self, refused: Option<&SecretString>) -> Result<SecretString, String> {
        let mut cached = self.cached.lock().await;
        if let Some(held) = cached.as_ref() {
            // Another send may have replaced the refused token while we waited for the lock.
            let was_refused = refused.is_some_and(|r| r.expose_secret() == held.token.expose_secret());
            if !was_refused && self.clock.now() < held.renew_at {
                return Ok(held.token.clone());
            }
        }
        *cached = None;
        let fresh = self.exchange().await?;
        let token = fresh.token.clone();
        *cached = Some(fresh);
        Ok(token)
    }

    async fn exchange(&self) -> Result<Cached, String> {
        let now = self.clock.now();
        let assertion = self.account.assertion(now)?;
        let request = self
            .http
            .post(self.account.token_uri.clone())
            .timeout(EXCHANGE_TIMEOUT)
            .form(&[("grant_type", GRANT), ("assertion", assertion.as_str())]);
        let answer = http::exchange(request).await?;
        read(answer.status, &answer.body, now)
    }
}

fn read(status: u16, body: &[u8], now: Instant) -> Result<Cached, String> {
    if status != 200 {
        // `{"error": "invalid_grant", "error_description": "…"}` (RFC 6749 5.2).
        let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let words = [&json["error"], &json["error_description"]].map(|word| word.as_str().unwrap_or("-"));
        let words: String = words.join(": ").chars().take(300).collect();
        return Err(format!("status {status}: {words}"));
    }
    let response: TokenResponse =
        serde_json::from_slice(body).map_err(|_| "status 200 without a token".to_owned())?;
    if response.access_token.expose_secret().is_empty() {
        return Err("status 200 with an empty token".to_owned());
    }
    let life = response.expires_in.clamp(0, 86_400);
    let renew_at = now + TimeDelta::seconds((life - EARLY_SECONDS).max(life / 2));
    Ok(Cached { token: response.access_token, renew_at })
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("account", &self.account.client_email).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_token_is_renewed_early() {
        let renew = |seconds: i64| {
            let body = format!(r#"{{"access_token":"t","expires_in":{seconds},"token_type":"Bearer"}}"#);
            (read(200, body.as_bytes(), now()).unwrap().renew_at - now()).num_seconds()
        };
        assert_eq!(renew(3599), 3299);
        assert_eq!(renew(100), 50);
        assert_eq!(renew(-1), 0);
        assert_eq!(renew(i64::MAX), 86_100);
    }

    #[test]
    fn a_refused_exchange_is_told_by_its_words() {
        let error = |status, body: &str| read(status, body.as_bytes(), now()).err().unwrap();
        assert_eq!(
            error(400, r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#),
            "status 400: invalid_grant: Invalid JWT Signature."
        );
        assert_eq!(error(502, "<html>"), "status 502: -: -");
        assert_eq!(error(200, "{}"), "status 200 without a token");
        assert!(read(200, br#"{"access_token":"","expires_in":9}"#, now()).is_err());
    }

    #[test]
    fn a_broken_key_file_does_not_show_its_key() {
        for file in [
            "{}",
            r#"{"project_id":"p","client_email":"e","private_key":"hush","token_uri":"https://a.example"}"#,
            r#"{"project_id":["hush"]}"#,
        ] {
            let error = ServiceAccount::parse(file).err().unwrap().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}

//! Push through Firebase Cloud Messaging, HTTP v1 (the older API was shut down).
//!
//! There is no idempotency key: a send whose answer got lost can arrive twice. The collapse key makes the
//! second one replace the first on the screen.

mod answer;
mod token;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

pub use answer::Outcome;

use super::ConfigError;
use super::http::{self, Answer};
use crate::clock::Clock;
use token::{ServiceAccount, Tokens};

const SETTING: &str = "push service";
const TIMEOUT: Duration = Duration::from_secs(20);
/// For waiting on another send's token exchange and, if that failed, making one.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(25);

/// Shared by reference or in an `Arc`; holds one access token for all sends.
pub struct Pusher {
    http: Client,
    endpoint: Url,
    tokens: Tokens,
    clock: Clock,
}

/// One message to one device.
#[derive(Clone)]
pub struct Push {
    /// The registration token of the device.
    pub token: String,
    pub title: String,
    pub body: String,
    /// For the app. Keys must not be `from`, `message_type`, nor begin with `google` or `gcm`.
    pub data: BTreeMap<String, String>,
    /// The same for every try of one notice; at most 64 bytes.
    pub collapse_key: String,
}

/// No verdict on this message or its device; worth another try.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PushError {
    /// Google gave no access token: its token server is away, or the key was revoked or the clock is wrong.
    #[error("no access token: {0}")]
    Token(String),
    /// The message may have been sent.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

impl Pusher {
    /// Reads a Google service account key (JSON). Blocking: for the start of a process.
    ///
    /// # Errors
    /// When the file cannot be read or is no service account key, or the address is none.
    pub fn from_file(path: &Path, base_url: &str, clock: Clock) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::new(SETTING, format!("key file {}: {error}", path.display())))?;
        let account = ServiceAccount::parse(&text)?;
        let base = http::base_url(SETTING, base_url)?;
        let http = http::client(SETTING, TIMEOUT)?;
        let endpoint = http::endpoint(&base, &["v1", "projects", &account.project_id, "messages:send"]);
        let tokens = Tokens::new(http.clone(), account, clock.clone());
        Ok(Self { http, endpoint, tokens, clock })
    }

    /// Hands one message over.
    ///
    /// # Errors
    /// When nothing is known about the message. What the service says about it is an [`Outcome`].
    pub async fn send(&self, push: Push) -> Result<Outcome, PushError> {
        let body = message(&push);
        let token = self.token(None).await?;
        let first = self.post(&token, &body).await?;
        if !answer::wants_new_token(first.status, &first.body) {
            return self.judge(&first);
        }
        let token = self.token(Some(&token)).await?;
        let second = self.post(&token, &body).await?;
        self.judge(&second)
    }

    async fn token(&self, refused: Option<&SecretString>) -> Result<SecretString, PushError> {
        tokio::time::timeout(TOKEN_TIMEOUT, self.tokens.get(refused))
            .await
            .unwrap_or_else(|_| Err(format!("none within {} s", TOKEN_TIMEOUT.as_secs())))
            .map_err(PushError::Token)
    }

    async fn post(&self, token: &SecretString, body: &Value) -> Result<Answer, PushError> {
        let request = self.http.post(self.endpoint.clone()).bearer_auth(token.expose_secret()).json(body);
        http::exchange(request).await.map_err(PushError::NoAnswer)
    }

    fn judge(&self, answer: &Answer) -> Result<Outcome, PushError> {
        let wait = http::retry_after(&answer.headers, self.clock.now());
        answer::judge(answer.status, &answer.body, wait).map_err(PushError::NoAnswer)
    }
}

/// Android and the web replace a notification by its tag, Apple by its collapse id. Android's own
/// `collapse_key` is left alone: the service keeps only four of them for a device that is offline, and every
/// notice has its own.
fn message(push: &Push) -> Value {
    json!({
        "message": {
            "token": push.token,
            "notification": {"title": push.title, "body": push.body},
            "data": push.data,
            "android": {"notification": {"tag": push.collapse_key}},
            "apns": {"headers": {"apns-collapse-id": push.collapse_key}},
            "webpush": {"notification": {"tag": push.collapse_key}},
        }
    })
}

#[cfg(test)]
mod tests;

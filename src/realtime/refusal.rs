//! Why a command is refused: the same words on both doors.

use serde_json::{Map, Value};

use crate::clock::Instant;

/// Every code there is; `docs/REALTIME.md` says what they mean.
pub const CODES: [&str; 27] = [
    "frame.invalid",
    "frame.unknown_type",
    "INVALID_TOKEN",
    "RESERVATION_NOT_FOUND",
    "NOT_PARTICIPANT",
    "NOT_IN_TIME_WINDOW",
    "SESSION_NOT_LIVE",
    "NOT_JOINED",
    "CHAT_NOT_OPEN",
    "CHAT_CLOSED",
    "MESSAGE_NOT_FOUND",
    "NOT_AUTHOR",
    "EDIT_WINDOW_OVER",
    "TEXT_TOO_LONG",
    "FILE_NOT_FOUND",
    "CLIENT_ID_REUSED",
    "ALREADY_ELSEWHERE",
    "SUPERSEDED",
    "STALE_EPOCH",
    "NO_PEER",
    "SCREEN_BUSY",
    "SCREEN_NOT_GRANTED",
    "SCREEN_NOT_YOURS",
    "RATE_LIMITED",
    "TOO_MANY_ROOMS",
    "UNAVAILABLE",
    "INTERNAL",
];

/// A command that was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub code: &'static str,
    /// What the client needs to know beside: `serverNow`, `opensAt`, `epoch`, `field` ….
    pub more: Map<String, Value>,
}

impl Refusal {
    /// `code`: one of [`CODES`].
    pub fn new(code: &'static str) -> Self {
        debug_assert!(CODES.contains(&code), "{code} is a code that no client knows");
        Self { code, more: Map::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The refusal as an object, with the server's clock.
    pub fn object(mut self, now: Instant) -> Map<String, Value> {
        self.more.insert("code".to_owned(), self.code.into());
        self.more.insert("serverNow".to_owned(), serde_json::json!(now));
        self.more
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

impl std::error::Error for Refusal {}

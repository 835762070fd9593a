//! The list of provider calls received: what a test asserts "confirm was called once" with.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use crate::clock::Instant;
use crate::faults::Endpoint;

/// Older calls are forgotten beyond this many.
const KEPT: usize = 50_000;

/// One call as it came in, and how it ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Counts up from 1 over all endpoints; never reused.
    pub number: u64,
    pub endpoint: Endpoint,
    pub method: String,
    pub path: String,
    pub payment_key: Option<String>,
    pub order_id: Option<String>,
    pub idempotency_key: Option<String>,
    /// The caller's place in its trace (W3C), as it came.
    pub traceparent: Option<String>,
    /// The JSON body, decrypted if it came encrypted; null when there was none or it was no JSON.
    pub body: Value,
    /// The body arrived as a JWE that could be opened.
    pub encrypted: bool,
    /// The HTTP (or SMTP) status answered; `None` while working, or when the connection was cut instead.
    pub status: Option<u16>,
    /// The answer was the stored one of the same idempotency key: nothing was done.
    pub replayed: bool,
    pub at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    kept: VecDeque<Call>,
}

impl Calls {
    /// Enters a call that has just arrived; its number is given here.
    pub(crate) fn open(&mut self, mut call: Call) -> u64 {
        self.last += 1;
        call.number = self.last;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(call);
        self.last
    }

    pub(crate) fn close(&mut self, number: u64, status: Option<u16>, replayed: bool) {
        // Newest first: a call is closed soon after it was opened.
        if let Some(call) = self.kept.iter_mut().rev().find(|c| c.number == number) {
            call.status = status;
            call.replayed = replayed;
        }
    }

    pub(crate) fn list(&self) -> Vec<Call> {
        self.kept.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }
}

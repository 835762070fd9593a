//! The frame of v2 answers: an entity, a list or an error, with the version and a trace id; and lists by pages.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::id;
use crate::toss::errors::{Language, TossError};
use crate::toss::payment::VERSION;

/// How an entity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Plain,
    /// Account numbers with stars in them, as webhooks have them.
    Masked,
    /// Amounts as `5000.0`, as the official example of a webhook has them.
    Decimal,
}

/// An amount of money, in won.
#[derive(Serialize)]
pub(super) struct Money {
    currency: &'static str,
    value: serde_json::Number,
}

impl Money {
    /// # Panics
    /// Never: won of any balance are a finite number.
    pub(super) fn won(amount: i64, written: Written) -> Self {
        let value = match written {
            // Exact: amounts stay far below 2^53.
            Written::Decimal => serde_json::Number::from_f64(amount as f64).expect("finite"),
            Written::Plain | Written::Masked => amount.into(),
        };
        Self { currency: "KRW", value }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, B> {
    version: &'a str,
    trace_id: String,
    entity_type: Option<&'a str>,
    entity_body: Option<B>,
    error: Option<Problem<'a>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    code: &'a str,
    message: &'a str,
}

pub(super) fn entity(kind: &str, body: impl Serialize) -> Vec<u8> {
    frame(Some(kind), Some(body), None)
}

pub(super) fn list(kind: &str, items: &[impl Serialize], has_next: bool, last: Option<&str>) -> Vec<u8> {
    let body = json!({ "hasNext": has_next, "lastCursor": last, "items": items });
    frame(Some(&format!("{kind}-list")), Some(body), None)
}

/// What the body holds beside the id is not known.
pub(super) fn deleted(id: &str) -> Vec<u8> {
    frame(Some("deleted-entity"), Some(json!({ "id": id })), None)
}

pub(crate) fn error(error: &TossError, language: Language) -> Vec<u8> {
    let problem = Problem { code: &error.code, message: error.message(language) };
    frame(None, None::<()>, Some(problem))
}

fn frame(kind: Option<&str>, body: Option<impl Serialize>, error: Option<Problem<'_>>) -> Vec<u8> {
    let envelope =
        Envelope { version: VERSION, trace_id: id::trace_id(), entity_type: kind, entity_body: body, error };
    serde_json::to_vec(&envelope).expect("plain data is valid JSON")
}

/// `limit` (10; up to 10000) and `startingAfter`, the id of the last row of the page before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Page {
    pub(super) limit: Option<usize>,
    pub(super) starting_after: Option<String>,
}

impl Page {
    /// The rows of this page, oldest first, and whether more follow.
    pub(super) fn cut<'a, T>(
        &self,
        rows: impl Iterator<Item = &'a T>,
        id: impl Fn(&T) -> &str,
    ) -> Result<(Vec<&'a T>, bool), TossError> {
        let invalid = || TossError::of("INVALID_REQUEST");
        let limit = self.limit.unwrap_or(10);
        if !(1..=10_000).contains(&limit) {
            return Err(invalid());
        }
        let mut rows: Vec<&T> = rows.collect();
        if let Some(after) = &self.starting_after {
            let at = rows.iter().position(|row| id(row) == after).ok_or_else(invalid)?;
            rows.drain(..=at);
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, more))
    }
}

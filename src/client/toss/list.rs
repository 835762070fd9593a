//! What the lists of API v1 share: an array of rows, asked for by times in Korea.

use chrono::NaiveDateTime;
use reqwest::Url;
use serde_json::Value;

use super::errors::{Call, TossError};
use super::model::ModelError;
use super::{json_of, not_done};
use crate::client::http::{self, Answer};

pub(super) fn url(base: &Url, list: &str) -> Url {
    http::endpoint(base, &["v1", list])
}

pub(super) fn time(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The rows of an answer. One that cannot be read spoils them all: whoever compares books must not miss a row.
pub(super) fn judge<T>(
    answer: &Answer,
    read: impl Fn(Value) -> Result<T, ModelError>,
) -> Result<Vec<T>, TossError> {
    let status = answer.status;
    let json = json_of(status, &answer.body)?;
    if status != 200 {
        return Err(not_done(Call::Read, status, &json));
    }
    let Value::Array(rows) = json else {
        return Err(TossError::NoAnswer("status 200 without a list".to_owned()));
    };
    rows.into_iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| TossError::NoAnswer(format!("status 200 with a broken row: {error}")))
}

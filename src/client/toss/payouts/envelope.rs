//! What an answer of API v2 means: an envelope of version, trace id, entity and error, in the clear or encrypted.

use serde_json::Value;

use super::super::errors::{Call, TossError};
use super::super::key::SecurityKey;
use super::super::model::ModelError;
use super::super::{json_of, jwe, not_done};
use crate::client::http::Answer;

/// The entity of an answer. Anything that is neither an entity nor the provider's own error leaves the outcome
/// unknown.
pub(super) fn judge<T>(
    call: Call,
    answer: &Answer,
    key: &SecurityKey,
    read: impl FnOnce(Value) -> Result<T, ModelError>,
) -> Result<T, TossError> {
    let status = answer.status;
    let mut json = clear(answer, key)?;
    if !(200..=299).contains(&status) {
        if let Some(provider_trace) = json.get("traceId").and_then(Value::as_str) {
            tracing::info!(?call, status, provider_trace, "the trace of a payout call that was not done");
        }
        return Err(not_done(call, status, &json));
    }
    let body = json.get_mut("entityBody").map(Value::take).filter(|body| !body.is_null());
    let body = body.ok_or_else(|| TossError::NoAnswer(format!("status {status} without an entity")))?;
    read(body).map_err(|error| TossError::NoAnswer(format!("status {status} with a broken entity: {error}")))
}

/// The JSON of an answer. What was asked in secret is answered in secret, but errors may come in the clear. The form
/// tells them apart, not the content type: a token never begins with a brace, and the type that the provider gives
/// its tokens is not documented.
fn clear(answer: &Answer, key: &SecurityKey) -> Result<Value, TossError> {
    let status = answer.status;
    let body = answer.body.trim_ascii();
    if body.first().is_none_or(|first| *first == b'{') {
        return json_of(status, body);
    }
    let unreadable =
        |why: String| TossError::NoAnswer(format!("status {status} with an unreadable body: {why}"));
    let token = std::str::from_utf8(body).map_err(|error| unreadable(error.to_string()))?;
    let text = jwe::decrypt(key, token).map_err(|error| unreadable(error.to_string()))?;
    json_of(status, &text)
}

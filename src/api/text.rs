//! Text that people or programs send.

use std::ops::Deref;

use poem_openapi::NewType;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult};
use serde_json::Value;

/// A JSON string. The framework's own `String` also takes numbers and booleans, and so hides a client's mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq, NewType)]
#[oai(from_json = false)]
pub(crate) struct Text(pub String);

impl ParseFromJSON for Text {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Ok(Self(text)),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

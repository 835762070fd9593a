//! Instants that people or programs send.

use chrono::{DateTime, Datelike, Utc};
use poem_openapi::NewType;
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult};
use serde_json::Value;

// No comment of the document: there it is an instant like any other.
// An instant of the years 0 to 9999, which are those of RFC 3339. The framework's own takes years of six digits, for which the database has no
// place, and its driver none in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, NewType)]
#[oai(from_json = false, from_parameter = false, from_multipart = false, to_header = false)]
pub(crate) struct When(pub DateTime<Utc>);

impl When {
    fn of(at: DateTime<Utc>) -> ParseResult<Self> {
        if (0..=9999).contains(&at.year()) {
            Ok(Self(at))
        } else {
            Err(ParseError::custom("the year has four digits"))
        }
    }
}

impl ParseFromJSON for When {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        DateTime::<Utc>::parse_from_json(value).map_err(ParseError::propagate).and_then(Self::of)
    }
}

impl ParseFromParameter for When {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        DateTime::<Utc>::parse_from_parameter(value).map_err(ParseError::propagate).and_then(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_that_nothing_can_hold_are_refused() {
        let json = |text: &str| Some(Value::String(text.to_owned()));
        for text in ["0000-01-01T00:00:00Z", "2026-03-02T09:00:00+09:00", "9999-12-31T23:59:59.999999Z"] {
            let at = When(text.parse().unwrap());
            assert_eq!(When::parse_from_parameter(text).ok(), Some(at));
            assert_eq!(When::parse_from_json(json(text)).ok(), Some(at));
        }
        for text in ["-0001-12-31T23:59:59Z", "+10000-01-01T00:00:00Z", "+70000-01-01T00:00:00Z", "tomorrow"]
        {
            assert!(When::parse_from_parameter(text).is_err(), "{text}");
            assert!(When::parse_from_json(json(text)).is_err(), "{text}");
        }
    }
}

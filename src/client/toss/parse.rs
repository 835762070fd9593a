//! How values are read from the provider's bodies: leniently where nothing hangs on them, strictly where money does.

use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::Asia::Seoul;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::clock::{Instant, to_micros};
use crate::money::Krw;

/// An instant as the provider writes it. Some of its bodies leave the offset out: those are Korean time.
pub fn parse_time(text: &str) -> Option<Instant> {
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc(),
        Err(_) => {
            let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
            Seoul.from_local_datetime(&local).earliest()?.to_utc()
        }
    };
    Some(to_micros(at))
}

/// Whole won with its sign. `5000.0` is whole; `5000.5` is no amount, and guessing would move money.
pub(super) fn whole(number: &Number) -> Option<i64> {
    /// Up to here every integer has its own floating-point number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match (number.as_i64(), number.as_f64()) {
        (Some(amount), _) => Some(amount),
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        (None, Some(amount)) if amount.fract() == 0.0 && amount.abs() < EXACT => Some(amount as i64),
        _ => None,
    }
}

/// Whole won, not negative.
pub(super) fn won<'de, D: Deserializer<'de>>(from: D) -> Result<Krw, D::Error> {
    let number = Number::deserialize(from)?;
    match whole(&number) {
        Some(amount) if amount >= 0 => Ok(Krw(amount)),
        _ => Err(D::Error::custom(format!("{number} is not an amount in whole won"))),
    }
}

/// Whole won of either sign, as the provider wrote it.
pub(super) fn signed_won<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let number = Number::deserialize(from)?;
    whole(&number).ok_or_else(|| D::Error::custom(format!("{number} is not an amount in whole won")))
}

/// [`won`] where the amount is only informative: in another form it counts as absent.
pub(super) fn lenient_won<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Krw>, D::Error> {
    let number = lenient::<D, Number>(from)?;
    Ok(number.and_then(|number| whole(&number)).filter(|amount| *amount >= 0).map(Krw))
}

/// A part that is of no consequence: in a form that we do not know it counts as absent.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).ok())
}

pub(super) fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
    Ok(lenient::<D, String>(from)?.as_deref().and_then(parse_time))
}

//! `GET /v1/transactions`: approvals and cancels between two dates, for reconciliation.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde::Deserialize;

use super::errors::TossError;
use super::payment::Transaction;

/// The query, as it came.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Range {
    start_date: String,
    end_date: String,
    starting_after: Option<String>,
    limit: Option<usize>,
}

/// Rows from `startDate` to `endDate` (Korean wall-clock time; a date alone as the end means the whole day),
/// after the transaction `startingAfter`, at most `limit` (100; up to 5000).
pub(super) fn list<'a>(all: &'a [Transaction], range: &Range) -> Result<Vec<&'a Transaction>, TossError> {
    let invalid = || TossError::of("INVALID_REQUEST");
    let from = moment(&range.start_date, TimeDelta::zero()).ok_or_else(invalid)?;
    let to = moment(&range.end_date, TimeDelta::days(1) - TimeDelta::seconds(1)).ok_or_else(invalid)?;
    let limit = range.limit.unwrap_or(100);
    if limit == 0 || limit > 5_000 || to < from {
        return Err(invalid());
    }
    let skipped = match &range.starting_after {
        None => 0,
        Some(key) => all.iter().position(|t| t.transaction_key == *key).ok_or_else(invalid)? + 1,
    };
    let within = |t: &&Transaction| (from..=to).contains(&t.transaction_at.naive_local());
    Ok(all.iter().skip(skipped).filter(within).take(limit).collect())
}

fn moment(text: &str, of_a_date: TimeDelta) -> Option<NaiveDateTime> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Some(date.and_time(NaiveTime::MIN) + of_a_date);
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()
}

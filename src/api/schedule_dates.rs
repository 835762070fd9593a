//! Dates on which a mentor's weekly hours do not hold, and limits, as they are sent and shown.

use chrono::NaiveDate;
use poem_openapi::{Enum, Object};
use serde_json::json;

use super::problem::Problem;
use super::schedule_body::{clock_text, minutes};
use super::text::Text;
use crate::availability::{self, Limits, Override, Span, Vacation};

/// Opening hours within one date on the mentor's wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "OpeningSpan", rename_all = "camelCase", deny_unknown_fields)]
struct SpanBody {
    /// `HH:MM`, at a quarter of an hour.
    #[oai(validator(min_length = 5, max_length = 5))]
    from: Text,
    /// `HH:MM`, at a quarter of an hour; `24:00` is the end of the day.
    #[oai(validator(min_length = 5, max_length = 5))]
    to: Text,
}

impl SpanBody {
    fn parse(&self) -> Option<Span> {
        Some(Span { from_minute: minutes(&self.from)?, to_minute: minutes(&self.to)? })
    }
}

impl From<Span> for SpanBody {
    fn from(span: Span) -> Self {
        Self { from: Text(clock_text(span.from_minute)), to: Text(clock_text(span.to_minute)) }
    }
}

/// A date with hours of its own instead of those of its weekday. It opens a national holiday, but no vacation.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "ScheduleOverride", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OverrideBody {
    /// `YYYY-MM-DD` on the mentor's wall clock.
    #[oai(validator(min_length = 10, max_length = 10))]
    date: Text,
    /// None: the date is closed. No two overlap.
    #[oai(validator(max_items = 12))]
    windows: Vec<SpanBody>,
}

impl OverrideBody {
    pub fn parse(&self) -> Result<Override, Problem> {
        let spans: Option<Vec<Span>> = self.windows.iter().map(SpanBody::parse).collect();
        let spans = spans
            .ok_or_else(|| invalid("overrides", "have windows with from and to as HH:MM, 00:00 to 24:00"))?;
        Ok(Override { date: date_in("overrides", &self.date)?, spans })
    }
}

/// Dates on the mentor's wall clock, both included, on which nothing can be booked.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "Vacation", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VacationBody {
    /// `YYYY-MM-DD`
    #[oai(validator(min_length = 10, max_length = 10))]
    from: Text,
    /// `YYYY-MM-DD`
    #[oai(validator(min_length = 10, max_length = 10))]
    to: Text,
}

impl VacationBody {
    pub fn parse(&self) -> Result<Vacation, Problem> {
        Ok(Vacation { from: date_in("vacations", &self.from)?, to: date_in("vacations", &self.to)? })
    }
}

/// A country whose national holidays are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "HolidayCountry")]
pub(super) enum Country {
    #[oai(rename = "KR")]
    Korea,
}

impl From<Country> for availability::Country {
    fn from(country: Country) -> Self {
        match country {
            Country::Korea => Self::Korea,
        }
    }
}

impl From<availability::Country> for Country {
    fn from(country: availability::Country) -> Self {
        match country {
            availability::Country::Korea => Self::Korea,
        }
    }
}

/// How many sessions may start on one day, or in one week from Monday on, of the mentor's wall clock: 1 to 672 each;
/// absent: any number. Sessions that took place count, cancelled ones do not.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "ScheduleLimits", rename_all = "camelCase", deny_unknown_fields, skip_serializing_if_is_none)]
pub(super) struct LimitsBody {
    per_day: Option<u32>,
    per_week: Option<u32>,
    /// With one and the same mentee.
    per_mentee_week: Option<u32>,
}

impl From<&LimitsBody> for Limits {
    fn from(body: &LimitsBody) -> Self {
        Self { per_day: body.per_day, per_week: body.per_week, per_mentee_week: body.per_mentee_week }
    }
}

impl From<Limits> for LimitsBody {
    fn from(limits: Limits) -> Self {
        Self { per_day: limits.per_day, per_week: limits.per_week, per_mentee_week: limits.per_mentee_week }
    }
}

pub(super) fn invalid(field: &'static str, rule: &'static str) -> Problem {
    Problem::new("schedule.invalid").field(field).context(json!({ "rule": rule }))
}

fn date_in(field: &'static str, text: &str) -> Result<NaiveDate, Problem> {
    date(text).ok_or_else(|| invalid(field, "have dates as YYYY-MM-DD"))
}

/// Exactly `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    shape.then(|| text.parse().ok()).flatten()
}

impl From<Override> for OverrideBody {
    fn from(given: Override) -> Self {
        let windows = given.spans.into_iter().map(SpanBody::from).collect();
        Self { date: Text(given.date.to_string()), windows }
    }
}

impl From<Vacation> for VacationBody {
    fn from(vacation: Vacation) -> Self {
        Self { from: Text(vacation.from.to_string()), to: Text(vacation.to.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_strictly() {
        assert_eq!(date("2026-03-02").unwrap().to_string(), "2026-03-02");
        for text in
            ["2026-3-2", "2026-02-30", "+026-03-02", "2026-03-2 ", " 2026-3-02", "２０26-03", "20260302"]
        {
            assert_eq!(date(text), None, "{text}");
        }
    }
}

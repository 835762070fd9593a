//! The answer to a listing.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{OfferingId, UserId};

/// Free slots, one after the other and by the viewer's days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    pub offering_id: OfferingId,
    pub mentor_id: UserId,
    /// The mentor's IANA zone.
    pub time_zone: String,
    pub duration_minutes: u32,
    /// Rises whenever the mentor's calendar changes.
    pub calendar_version: i64,
    /// Ascending.
    pub slots: Vec<Slot>,
    /// The zone whose dates `days` are.
    pub viewer_time_zone: String,
    /// Dates with slots, ascending.
    pub days: Vec<Day>,
}

/// One slot, without its buffers. Instants are RFC 3339 in UTC, whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    pub starts_at: String,
    pub ends_at: String,
}

/// The slots that start on one date of the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// `2026-03-02`
    pub date: String,
    /// RFC 3339 with the viewer's offset, so that the wall clock can be read off; ascending as instants.
    pub starts: Vec<String>,
}

pub(super) fn utc(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `starts` are ascending.
pub(super) fn slots(starts: &[Instant], duration_min: u32) -> Vec<Slot> {
    let lasts = TimeDelta::minutes(i64::from(duration_min));
    starts.iter().map(|start| Slot { starts_at: utc(*start), ends_at: utc(*start + lasts) }).collect()
}

/// `starts` are ascending. A clock that is put back over midnight makes a date come twice: then it stands here once.
pub(super) fn by_day(starts: &[Instant], viewer: Tz) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for start in starts {
        let local: DateTime<Tz> = start.with_timezone(&viewer);
        let (date, text) =
            (local.date_naive().to_string(), local.to_rfc3339_opts(SecondsFormat::Secs, false));
        match days.iter_mut().rev().take(2).find(|day| day.date == date) {
            Some(day) => day.starts.push(text),
            None => days.push(Day { date, starts: vec![text] }),
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(zone: Tz, starts: &[&str]) -> Vec<(String, Vec<String>)> {
        let starts: Vec<Instant> = starts.iter().map(|start| start.parse().unwrap()).collect();
        by_day(&starts, zone).into_iter().map(|day| (day.date, day.starts)).collect()
    }

    #[test]
    fn s10_slots_stand_under_the_viewers_date() {
        let starts = ["2026-03-01T18:15:00Z", "2026-03-01T18:30:00Z", "2026-03-02T10:00:00Z"];
        let dates = |zone| {
            days(zone, &starts).into_iter().map(|(date, starts)| (date, starts.len())).collect::<Vec<_>>()
        };
        let on = |date: &str, n| (date.to_owned(), n);
        // Midnight in Kolkata is 18:30 UTC, in Kathmandu 18:15.
        assert_eq!(dates(Tz::Asia__Kolkata), [on("2026-03-01", 1), on("2026-03-02", 2)]);
        assert_eq!(dates(Tz::Asia__Kathmandu), [on("2026-03-02", 3)]);
        // On both sides of the date line.
        assert_eq!(dates(Tz::Pacific__Kiritimati), [on("2026-03-02", 2), on("2026-03-03", 1)]);
        assert_eq!(dates(Tz::Pacific__Pago_Pago), [on("2026-03-01", 3)]);
    }

    #[test]
    fn s06_an_hour_that_comes_twice_is_told_apart_by_its_offset() {
        let found = days(Tz::America__New_York, &["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"]);
        let starts = vec!["2026-11-01T01:30:00-04:00".to_owned(), "2026-11-01T01:30:00-05:00".to_owned()];
        assert_eq!(found, [("2026-11-01".to_owned(), starts)]);
    }

    #[test]
    fn a_date_that_comes_twice_stands_there_once() {
        // St John's put its clocks back at 00:01.
        let starts =
            ["2010-11-07T02:15:00Z", "2010-11-07T02:30:00Z", "2010-11-07T02:45:00Z", "2010-11-07T03:30:00Z"];
        let found = days(Tz::America__St_Johns, &starts);
        let counts: Vec<_> = found.iter().map(|(date, starts)| (date.as_str(), starts.len())).collect();
        assert_eq!(counts, [("2010-11-06", 2), ("2010-11-07", 2)]);
    }
}

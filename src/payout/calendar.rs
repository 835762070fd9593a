//! Days and hours of paying out, on Korea's calendar. Pure. Korea has no summer time, so that every wall clock
//! there is one instant. Public holidays are the provider's to know: it refuses on them, and is asked again later.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Weekday};
use chrono_tz::Asia::Seoul;
use chrono_tz::Tz;

use crate::clock::Instant;
use crate::config::Rules;

/// The day in Korea.
pub fn day(at: Instant) -> NaiveDate {
    at.with_timezone(&Seoul).date_naive()
}

/// An hour of a day in Korea; 24 is the midnight at its end.
fn hour_of(day: NaiveDate, hour: u32) -> Instant {
    let midnight = day.and_time(NaiveTime::MIN) + TimeDelta::hours(i64::from(hour));
    let local: DateTime<Tz> =
        Seoul.from_local_datetime(&midnight).single().expect("Korea has no summer time");
    local.to_utc()
}

/// When the last weekly batch was due: the latest such moment that is not after `now`.
pub fn last_batch(rules: &Rules, now: Instant) -> Instant {
    let today = day(now);
    let back = (7 + today.weekday().num_days_from_monday() - rules.payout_weekday) % 7;
    let due = hour_of(today - TimeDelta::days(i64::from(back)), rules.payout_hour);
    if due <= now { due } else { due - TimeDelta::days(7) }
}

/// When the provider takes EXPRESS payouts: `now` while it does, else the next opening on a weekday.
pub fn opening(rules: &Rules, now: Instant) -> Instant {
    let local = now.with_timezone(&Seoul);
    let mut date = local.date_naive();
    if is_weekday(date) {
        if (rules.express_from_hour..rules.express_to_hour).contains(&local.hour()) {
            return now;
        }
        let today = hour_of(date, rules.express_from_hour);
        if today > now {
            return today;
        }
    }
    date += TimeDelta::days(1);
    while !is_weekday(date) {
        date += TimeDelta::days(1);
    }
    hour_of(date, rules.express_from_hour)
}

/// The first opening of a later day.
pub fn next_day(rules: &Rules, now: Instant) -> Instant {
    opening(rules, hour_of(day(now), 24))
}

fn is_weekday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The Monday, 00:00 in Korea, that begins the week of `at`.
pub fn week_start(at: Instant) -> Instant {
    let today = day(at);
    hour_of(today - TimeDelta::days(i64::from(today.weekday().num_days_from_monday())), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_week_has_one_batch_wednesday_at_ten() {
        let rules = Rules::default();
        // 4 March 2026 is a Wednesday; 10:00 in Seoul is 01:00 UTC.
        for (now, due) in [
            ("2026-03-04T01:00:00Z", "2026-03-04T01:00:00Z"),
            ("2026-03-04T00:59:59Z", "2026-02-25T01:00:00Z"),
            ("2026-03-02T15:00:00Z", "2026-02-25T01:00:00Z"),
            ("2026-03-08T23:00:00Z", "2026-03-04T01:00:00Z"),
        ] {
            assert_eq!(last_batch(&rules, at(now)), at(due), "{now}");
        }
    }

    #[test]
    fn every_weekday_finds_its_batch() {
        for weekday in 0..7 {
            let rules = Rules { payout_weekday: weekday, ..Rules::default() };
            for hours in 0..24 * 14 {
                let now = at("2026-03-02T00:30:00Z") + TimeDelta::hours(hours);
                let due = last_batch(&rules, now);
                assert!(due <= now && now - due < TimeDelta::days(7), "{now} {due}");
                assert_eq!(day(due).weekday().num_days_from_monday(), weekday);
            }
        }
    }

    #[test]
    fn express_is_open_on_weekdays_from_eight_to_three() {
        let rules = Rules::default();
        for (now, opens) in [
            ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
            // Before eight, and at three sharp.
            ("2026-03-01T22:59:59Z", "2026-03-01T23:00:00Z"),
            ("2026-03-02T05:59:59Z", "2026-03-02T05:59:59Z"),
            ("2026-03-02T06:00:00Z", "2026-03-02T23:00:00Z"),
            // Friday evening, Saturday noon.
            ("2026-03-06T06:00:00Z", "2026-03-08T23:00:00Z"),
            ("2026-03-07T03:00:00Z", "2026-03-08T23:00:00Z"),
        ] {
            assert_eq!(opening(&rules, at(now)), at(opens), "{now}");
        }
        assert_eq!(next_day(&rules, at("2026-03-02T00:00:00Z")), at("2026-03-02T23:00:00Z"));
        assert_eq!(next_day(&rules, at("2026-03-06T00:00:00Z")), at("2026-03-08T23:00:00Z"));
    }

    #[test]
    fn a_week_begins_on_monday_in_korea() {
        assert_eq!(week_start(at("2026-03-01T15:00:00Z")), at("2026-03-01T15:00:00Z"));
        assert_eq!(week_start(at("2026-03-01T14:59:59Z")), at("2026-02-22T15:00:00Z"));
        assert_eq!(week_start(at("2026-03-08T14:59:59Z")), at("2026-03-01T15:00:00Z"));
    }
}

//! Wall clocks of people: when they are left alone, and when their digest comes. Pure.

use chrono::{
    DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::Tz;

use crate::clock::Instant;
use crate::notification::Error;

/// The longest time a day that somebody is left alone: whoever wants more switches channels off.
const LONGEST: u16 = 16 * 60;
const DAY: u16 = 24 * 60;
/// The longest stretch that a clock was ever put forward by (a whole day, in Samoa), in minutes.
const LONGEST_GAP: i64 = 24 * 60;
/// When a digest comes for whoever chose nothing.
const DIGEST_HOUR: u8 = 9;

/// From when to when somebody is left alone, every day, by the wall clock of their time zone; over midnight where the
/// end comes before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// Minutes after midnight.
    start: u16,
    end: u16,
}

/// What somebody chose of their day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hours {
    pub quiet: Option<QuietHours>,
    /// 0 to 23; `None`: the usual one.
    pub(super) digest_hour: Option<u8>,
}

impl QuietHours {
    /// Reads two wall clocks of the form `22:00`.
    ///
    /// # Errors
    /// [`Error::QuietHoursInvalid`] for what is no time of day, for a start that is the end, and for more than 16 hours.
    pub fn parse(start: &str, end: &str) -> Result<Self, Error> {
        let (start, end) = minute(start).zip(minute(end)).ok_or(Error::QuietHoursInvalid)?;
        Self::of_minutes(start, end).ok_or(Error::QuietHoursInvalid)
    }

    pub(super) fn of_minutes(start: u16, end: u16) -> Option<Self> {
        let long = (end + DAY).checked_sub(start)? % DAY;
        (start < DAY && end < DAY && (1..=LONGEST).contains(&long)).then_some(Self { start, end })
    }

    pub(super) fn minutes(self) -> (u16, u16) {
        (self.start, self.end)
    }

    /// Both as `22:00`.
    pub fn words(self) -> (String, String) {
        let word = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        (word(self.start), word(self.end))
    }

    /// When they end (UTC), where `at` lies in them.
    ///
    /// They are stretches of time from one wall clock to another, so that a clock that is put back does not open them
    /// again: a start that comes twice is the first one, an end that comes twice is the last. Where the clock is put
    /// forward over a start or an end, it is the moment of that.
    pub fn until(self, at: Instant, zone: Tz) -> Option<Instant> {
        let today = at.with_timezone(&zone).date_naive();
        // A clock that was put back over midnight is a day behind for a while.
        let days = [today.pred_opt(), Some(today), today.succ_opt()];
        days.into_iter().flatten().find_map(|day| {
            let last = if self.start < self.end { Some(day) } else { day.succ_opt() }?;
            let (start, end) = (first(zone, on(day, self.start)?)?, last_of(zone, on(last, self.end)?)?);
            (start <= at && at < end).then_some(end)
        })
    }
}

impl Hours {
    /// # Errors
    /// [`Error::DigestHourInvalid`]
    pub fn new(quiet: Option<QuietHours>, digest_hour: Option<u8>) -> Result<Self, Error> {
        if digest_hour.is_some_and(|hour| hour > 23) {
            return Err(Error::DigestHourInvalid);
        }
        Ok(Self { quiet, digest_hour })
    }

    pub fn digest_hour(self) -> u8 {
        self.digest_hour.unwrap_or(DIGEST_HOUR)
    }

    /// The next time after `at` that a digest comes (UTC).
    pub fn next_digest(self, at: Instant, zone: Tz) -> Instant {
        let today = at.with_timezone(&zone).date_naive();
        let due = |days| {
            let day = today.checked_add_days(Days::new(days))?;
            first(zone, on(day, u16::from(self.digest_hour()) * 60)?)
        };
        // Two days: the hour of tomorrow may have come already where a clock skipped a day.
        (0..=2).filter_map(due).find(|due| *due > at).unwrap_or(at + TimeDelta::days(1))
    }
}

/// The minute of a day that is written as `22:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse::<u16>().ok())?
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn on(day: NaiveDate, minute: u16) -> Option<NaiveDateTime> {
    Some(day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0)?))
}

fn first(zone: Tz, local: NaiveDateTime) -> Option<Instant> {
    resolve(zone, local, LocalResult::earliest)
}

fn last_of(zone: Tz, local: NaiveDateTime) -> Option<Instant> {
    resolve(zone, local, LocalResult::latest)
}

/// The moment of a wall clock. One that the clock skips is the moment at which it does.
fn resolve(
    zone: Tz,
    local: NaiveDateTime,
    pick: fn(LocalResult<DateTime<Tz>>) -> Option<DateTime<Tz>>,
) -> Option<Instant> {
    let there = |minutes| pick(zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))));
    (0..=LONGEST_GAP).find_map(there).map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

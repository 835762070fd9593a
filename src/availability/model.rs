use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::cells::CELL_MIN;
use super::day::{Day, Fault};
use super::engine::Rules;
use super::exceptions::Exceptions;
use super::hours::Hours;
use super::load::Limits;
use crate::id::UserId;

/// Opening hours of one weekday in the mentor's local time. Hours that pass midnight are two windows; windows
/// that touch, across midnight too, are one run, and a slot may cross from one into the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct Window {
    /// 0 is Monday.
    pub weekday: u8,
    /// From local midnight, 0 to 1440, a multiple of 15.
    pub from_minute: u16,
    /// As `from_minute`; the window ends before it.
    pub to_minute: u16,
}

/// Opening hours within one local day, as those of a [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    pub from_minute: u16,
    pub to_minute: u16,
}

/// When a mentor wants to be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// IANA name, such as `Asia/Seoul`.
    pub time_zone: String,
    /// Slots start at this distance from each other, counted from the start of their run: 15, 30 or 60.
    pub slot_interval_min: u32,
    /// From the start of a run to its first slot: a multiple of 15, less than the interval.
    pub slot_offset_min: u32,
    /// Kept free before a session: 0 to 120, a multiple of 15.
    pub buffer_before_min: u32,
    /// Kept free after a session: 0 to 120, a multiple of 15.
    pub buffer_after_min: u32,
    /// A session is booked at least this long before it starts: 0 to 43,200 (30 days), a multiple of 15.
    pub min_notice_min: u32,
    /// A session is booked at most this long before it starts: 1 to 180.
    pub horizon_days: u32,
    /// No two of one weekday overlap.
    pub windows: Vec<Window>,
    /// Dates on which the windows do not hold.
    pub exceptions: Exceptions,
    pub limits: Limits,
}

impl NewSchedule {
    pub const DEFAULT_SLOT_INTERVAL_MIN: u32 = 30;
    pub const DEFAULT_MIN_NOTICE_MIN: u32 = 120;
    pub const DEFAULT_HORIZON_DAYS: u32 = 60;

    /// The rules the engine judges by.
    ///
    /// # Errors
    /// The first field that breaks its rule.
    pub fn rules(&self) -> Result<Rules, Invalid> {
        let zone: Tz = self
            .time_zone
            .parse()
            .map_err(|_| Invalid { field: "timeZone", rule: "is an IANA zone such as Asia/Seoul" })?;
        if !matches!(self.slot_interval_min, 15 | 30 | 60) {
            return Err(Invalid { field: "slotIntervalMinutes", rule: "is 15, 30 or 60" });
        }
        if self.slot_offset_min >= self.slot_interval_min || !self.slot_offset_min.is_multiple_of(CELL_MIN) {
            let rule = "is a multiple of 15, and less than slotIntervalMinutes";
            return Err(Invalid { field: "slotOffsetMinutes", rule });
        }
        for (field, minutes) in
            [("bufferBeforeMinutes", self.buffer_before_min), ("bufferAfterMinutes", self.buffer_after_min)]
        {
            if minutes > 120 || !minutes.is_multiple_of(CELL_MIN) {
                return Err(Invalid { field, rule: "is a multiple of 15 up to 120" });
            }
        }
        if self.min_notice_min > 43_200 || !self.min_notice_min.is_multiple_of(CELL_MIN) {
            return Err(Invalid { field: "minNoticeMinutes", rule: "is a multiple of 15 up to 43,200" });
        }
        if !(1..=180).contains(&self.horizon_days) {
            return Err(Invalid { field: "horizonDays", rule: "lies between 1 and 180" });
        }
        self.limits.check()?;
        Ok(Rules {
            zone,
            buffer_before: i64::from(self.buffer_before_min / CELL_MIN),
            buffer_after: i64::from(self.buffer_after_min / CELL_MIN),
            min_notice: i64::from(self.min_notice_min / CELL_MIN),
            horizon: i64::from(self.horizon_days) * 24 * 60 / i64::from(CELL_MIN),
            hours: Hours {
                week: week(&self.windows)?,
                dates: self.exceptions.dates()?,
                interval: i64::from(self.slot_interval_min / CELL_MIN),
                offset: i64::from(self.slot_offset_min / CELL_MIN),
            },
            limits: self.limits,
        })
    }
}

fn week(windows: &[Window]) -> Result<[Day; 7], Invalid> {
    let wrong = |fault| Invalid {
        field: "windows",
        rule: match fault {
            Fault::Malformed => {
                "have a weekday from 0 to 6 and minutes that are multiples of 15, from 0 to 1440, the first \
                 before the second"
            }
            Fault::Overlap => "do not overlap",
        },
    };
    let mut week = [Day::CLOSED; 7];
    for Window { weekday, from_minute, to_minute } in windows.iter().copied() {
        let day = week.get_mut(usize::from(weekday)).ok_or_else(|| wrong(Fault::Malformed))?;
        day.open(Span { from_minute, to_minute }).map_err(wrong)?;
    }
    Ok(week)
}

/// A mentor's schedule as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub mentor_id: UserId,
    /// Rises by one with every change, from 1.
    pub version: i64,
    pub settings: NewSchedule,
}

/// A field of a schedule that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct Invalid {
    /// The field's name as API clients write it.
    pub field: &'static str,
    /// The rule, as the rest of a sentence that starts with the field.
    pub rule: &'static str,
}

//! A change of a schedule, before it is one.

use sqlx::MySqlExecutor;

use super::error::Error;
use super::exceptions::{Override, Vacation};
use super::holidays::Country;
use super::load::Limits;
use super::model::{NewSchedule, Schedule, Window};
use super::query;
use crate::id::UserId;

/// What a mentor sends. The first fields replace what stood there; those that are `None` leave it as it is, so that a
/// client who does not know them loses nobody a vacation.
#[derive(Clone, Debug)]
pub struct ScheduleChange {
    pub time_zone: String,
    pub slot_interval_min: u32,
    pub buffer_before_min: u32,
    pub buffer_after_min: u32,
    pub min_notice_min: u32,
    pub horizon_days: u32,
    pub windows: Vec<Window>,
    /// Becomes 0 where it is not given, and what stood there does not fit the interval.
    pub slot_offset_min: Option<u32>,
    pub holidays: Option<Vec<Country>>,
    pub overrides: Option<Vec<Override>>,
    pub vacations: Option<Vec<Vacation>>,
    pub limits: Option<Limits>,
}

impl ScheduleChange {
    fn over(self, before: Option<NewSchedule>) -> NewSchedule {
        let (offset, mut exceptions, limits) = before.map_or_else(Default::default, |before| {
            (before.slot_offset_min, before.exceptions, before.limits)
        });
        if let Some(mut holidays) = self.holidays {
            holidays.dedup();
            exceptions.holidays = holidays;
        }
        if let Some(mut overrides) = self.overrides {
            overrides.sort_by_key(|given| given.date);
            exceptions.overrides = overrides;
        }
        if let Some(mut vacations) = self.vacations {
            vacations.sort_unstable();
            exceptions.vacations = vacations;
        }
        let kept = if offset < self.slot_interval_min { offset } else { 0 };
        NewSchedule {
            time_zone: self.time_zone,
            slot_interval_min: self.slot_interval_min,
            slot_offset_min: self.slot_offset_min.unwrap_or(kept),
            buffer_before_min: self.buffer_before_min,
            buffer_after_min: self.buffer_after_min,
            min_notice_min: self.min_notice_min,
            horizon_days: self.horizon_days,
            windows: self.windows,
            exceptions,
            limits: self.limits.unwrap_or(limits),
        }
    }
}

/// The schedule that a change would make of the one with `expected_version` (0: there is none). Writes nothing.
///
/// # Errors
/// `schedule.invalid` with its field, `schedule.stale`.
pub async fn proposed(
    db: impl MySqlExecutor<'_>,
    mentor: UserId,
    change: ScheduleChange,
    expected_version: i64,
) -> Result<NewSchedule, Error> {
    let before: Option<Schedule> = query::schedule(db, mentor).await?;
    if before.as_ref().map_or(0, |before| before.version) != expected_version {
        return Err(Error::Stale);
    }
    let new = change.over(before.map(|before| before.settings));
    new.rules().map_err(Error::Invalid)?;
    Ok(new)
}

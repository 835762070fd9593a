//! Dates on which the hours of the week do not hold. Pure.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::day::{Day, Fault};
use super::holidays::Country;
use super::model::{Invalid, Span};

const MAX_OVERRIDES: usize = 366;
const MAX_SPANS: usize = 12;
const MAX_VACATIONS: usize = 50;
/// Both ends are of the vacation.
const MAX_VACATION_DAYS: i64 = 366;
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;

/// Dates are those of the mentor's wall clock. A vacation is stronger than an override, an override than a holiday, and
/// a holiday than the hours of the week.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exceptions {
    /// Whose national holidays are closed.
    #[serde(default)]
    pub holidays: Vec<Country>,
    /// At most 366, one a date.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// At most 50.
    #[serde(default)]
    pub vacations: Vec<Vacation>,
}

/// A date with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub date: NaiveDate,
    /// Instead of those of the weekday; none: closed. At most 12, no two overlap.
    pub spans: Vec<Span>,
}

/// Closed from the first date to the last, both included; at most 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vacation {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// A date as the number of days since 1970 began.
pub(super) fn day_number(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - 719_163
}

/// Exceptions as the engine reads them: day numbers, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Dates {
    pub holidays: Vec<i64>,
    pub overrides: Vec<(i64, Day)>,
    /// Apart from each other; both ends are of the vacation.
    pub vacations: Vec<(i64, i64)>,
}

impl Exceptions {
    pub(super) fn dates(&self) -> Result<Dates, Invalid> {
        let mut holidays: Vec<i64> =
            self.holidays.iter().flat_map(|country| country.days().iter().copied()).collect();
        holidays.sort_unstable();
        holidays.dedup();
        Ok(Dates { holidays, overrides: self.override_days()?, vacations: self.vacation_days()? })
    }

    fn override_days(&self) -> Result<Vec<(i64, Day)>, Invalid> {
        let wrong = |rule| Invalid { field: "overrides", rule };
        if self.overrides.len() > MAX_OVERRIDES {
            return Err(wrong("are at most 366"));
        }
        let mut days = Vec::with_capacity(self.overrides.len());
        for given in &self.overrides {
            if !YEARS.contains(&given.date.year()) {
                return Err(wrong("have a date between 1970 and 2100"));
            }
            if given.spans.len() > MAX_SPANS {
                return Err(wrong("have at most 12 windows each"));
            }
            let mut day = Day::CLOSED;
            for span in &given.spans {
                day.open(*span).map_err(|fault| {
                    wrong(match fault {
                        Fault::Malformed => {
                            "have windows at quarters of an hour, 00:00 to 24:00, from before to"
                        }
                        Fault::Overlap => "have windows that do not overlap",
                    })
                })?;
            }
            days.push((day_number(given.date), day));
        }
        days.sort_unstable_by_key(|(day, _)| *day);
        if days.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(wrong("have each date once"));
        }
        Ok(days)
    }

    fn vacation_days(&self) -> Result<Vec<(i64, i64)>, Invalid> {
        let wrong = |rule| Invalid { field: "vacations", rule };
        if self.vacations.len() > MAX_VACATIONS {
            return Err(wrong("are at most 50"));
        }
        let mut ranges = Vec::with_capacity(self.vacations.len());
        for Vacation { from, to } in &self.vacations {
            if !YEARS.contains(&from.year()) || !YEARS.contains(&to.year()) {
                return Err(wrong("have dates between 1970 and 2100"));
            }
            let (from, to) = (day_number(*from), day_number(*to));
            if from > to || to - from >= MAX_VACATION_DAYS {
                return Err(wrong("begin before they end, and last at most 366 days"));
            }
            ranges.push((from, to));
        }
        ranges.sort_unstable();
        let mut apart: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match apart.last_mut() {
                Some(last) if from <= last.1 + 1 => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        Ok(apart)
    }
}

impl Dates {
    pub fn on_vacation(&self, day: i64) -> bool {
        let next = self.vacations.partition_point(|(from, _)| *from <= day);
        next > 0 && day <= self.vacations[next - 1].1
    }

    pub fn is_holiday(&self, day: i64) -> bool {
        self.holidays.binary_search(&day).is_ok()
    }

    pub fn override_on(&self, day: i64) -> Option<Day> {
        let found = self.overrides.binary_search_by_key(&day, |(day, _)| *day);
        found.ok().map(|index| self.overrides[index].1)
    }

    /// The last day before `day` on which something else than the week may hold.
    pub fn last_before(&self, day: i64) -> Option<i64> {
        let before = |days: &[i64]| days[..days.partition_point(|other| *other < day)].last().copied();
        let overrides = self.overrides.partition_point(|(other, _)| *other < day);
        let vacations = self.vacations.partition_point(|(from, _)| *from < day);
        [
            before(&self.holidays),
            self.overrides[..overrides].last().map(|(other, _)| *other),
            self.vacations[..vacations].last().map(|(_, to)| (*to).min(day - 1)),
        ]
        .into_iter()
        .flatten()
        .max()
    }
}

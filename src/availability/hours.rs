//! A mentor's hours as a line of local time: which quarters are open, and to which run of hours each belongs.
//!
//! Local time is counted in quarters of an hour of the wall clock since 1970. Hours that touch are one run, across
//! midnight too; starts are counted from where their run begins.

use super::day::{DAY, Day};
use super::engine::Refusal;
use super::exceptions::Dates;

/// 1970 began on a Thursday; weeks begin on Monday.
const EPOCH_WEEKDAY: i64 = 3;

/// Where a run begins that has no beginning: hours without an end, and no date on which it is different. Every midnight
/// would do, as starts are at most an hour apart.
const ALWAYS: i64 = 0;

#[derive(Clone, Debug)]
pub(super) struct Hours {
    /// From Monday on.
    pub week: [Day; 7],
    pub dates: Dates,
    /// Distance of starts, in quarters: 1, 2 or 4.
    pub interval: i64,
    /// From the beginning of a run to its first start, in quarters; less than the interval.
    pub offset: i64,
}

/// An open quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Where the quarter's run begins.
    pub run: i64,
    /// Whether a slot may start here.
    pub on_grid: bool,
}

/// Quarters of local time one after the other.
pub(super) struct Line {
    first: i64,
    spots: Vec<Option<Spot>>,
}

/// The number of the week that a day is in.
pub(super) fn week_of(day: i64) -> i64 {
    (day + EPOCH_WEEKDAY).div_euclid(7)
}

impl Hours {
    fn weekly(&self, day: i64) -> Day {
        self.week[(day + EPOCH_WEEKDAY).rem_euclid(7) as usize]
    }

    fn on(&self, day: i64) -> Day {
        if self.dates.on_vacation(day) {
            return Day::CLOSED;
        }
        match self.dates.override_on(day) {
            Some(hours) => hours,
            None if self.dates.is_holiday(day) => Day::CLOSED,
            None => self.weekly(day),
        }
    }

    /// The rule that closes a quarter: that of the date where the week's hours, or those of the date itself, would open
    /// it; otherwise the hours.
    pub fn why_closed(&self, quarter: i64) -> Refusal {
        let (day, quarter) = (quarter.div_euclid(DAY), quarter.rem_euclid(DAY));
        let own = self.dates.override_on(day);
        let given = own.unwrap_or(self.weekly(day)).is_open(quarter);
        if given && self.dates.on_vacation(day) {
            Refusal::Vacation
        } else if own.is_some_and(|own| !own.is_open(quarter)) && self.weekly(day).is_open(quarter) {
            Refusal::OverrideClosed
        } else if given && own.is_none() && self.dates.is_holiday(day) {
            Refusal::Holiday
        } else {
            Refusal::OutsideHours
        }
    }

    /// The quarters from `first` until before `end`.
    pub fn lay(&self, first: i64, end: i64) -> Line {
        let mut spots = Vec::with_capacity(usize::try_from(end - first).unwrap_or(0));
        let mut run = None;
        let mut day = Day::CLOSED;
        for quarter in first..end {
            let of_day = quarter.rem_euclid(DAY);
            if quarter == first || of_day == 0 {
                day = self.on(quarter.div_euclid(DAY));
            }
            run = day.is_open(of_day).then(|| match run {
                Some(begun) => begun,
                None if quarter == first => self.begins(quarter),
                None => quarter,
            });
            spots.push(
                run.map(|run| Spot {
                    run,
                    on_grid: (quarter - run).rem_euclid(self.interval) == self.offset,
                }),
            );
        }
        Line { first, spots }
    }

    /// Where the run of an open quarter begins.
    fn begins(&self, quarter: i64) -> i64 {
        let mut day = quarter.div_euclid(DAY);
        let mut first = self.on(day).opens(quarter.rem_euclid(DAY));
        let endless = self.week.iter().all(|day| day.is_whole());
        while first == 0 {
            if endless {
                // Days of the week alone are passed at once.
                match self.dates.last_before(day) {
                    Some(last) => day = last + 1,
                    None => return ALWAYS,
                }
            }
            let tail = self.on(day - 1).tail();
            if tail == 0 {
                break;
            }
            day -= 1;
            first = DAY - tail;
        }
        day * DAY + first
    }
}

impl Line {
    pub fn at(&self, quarter: i64) -> Option<Spot> {
        let index = usize::try_from(quarter - self.first).ok()?;
        self.spots.get(index).copied().flatten()
    }
}

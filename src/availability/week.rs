//! A week of local time as a table of quarters: which are open, and to which run of hours each belongs.

use super::model::{Invalid, Window};

const DAY: usize = 96;
const WEEK: usize = 7 * DAY;
/// 1970 began on a Thursday; the table begins on Monday.
const EPOCH_QUARTER: i64 = 3 * DAY as i64;
const QUARTER_SECONDS: i64 = 900;

/// An open quarter of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Quarters of one run have one number.
    pub run: u16,
    /// Whether a slot may start here.
    pub on_grid: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Week(Vec<Option<Spot>>);

impl Week {
    /// `interval`: the distance of slot starts, in quarters.
    pub(super) fn new(windows: &[Window], interval: u32) -> Result<Self, Invalid> {
        let mut open = [false; WEEK];
        for window in windows {
            let (from, to) = (usize::from(window.from_minute), usize::from(window.to_minute));
            if window.weekday > 6 || from >= to || to > 1440 || from % 15 != 0 || to % 15 != 0 {
                return Err(Invalid {
                    field: "windows",
                    rule: "have a weekday from 0 to 6 and minutes that are multiples of 15, from 0 to 1440, \
                           the first before the second",
                });
            }
            let monday = usize::from(window.weekday) * DAY;
            for quarter in &mut open[monday + from / 15..monday + to / 15] {
                if std::mem::replace(quarter, true) {
                    return Err(Invalid { field: "windows", rule: "do not overlap" });
                }
            }
        }
        Ok(Self::from_open(&open, interval as usize))
    }

    fn from_open(open: &[bool; WEEK], interval: usize) -> Self {
        let mut spots = vec![None; WEEK];
        // A week without an end to its hours is one run that starts on Monday at midnight.
        let starts = (0..WEEK).filter(|q| open[*q] && !open[(q + WEEK - 1) % WEEK]);
        let endless = open.iter().all(|open| *open).then_some(0);
        for (start, run) in starts.chain(endless).zip(0u16..) {
            for step in 0..WEEK {
                let quarter = (start + step) % WEEK;
                if !open[quarter] {
                    break;
                }
                spots[quarter] = Some(Spot { run, on_grid: step.is_multiple_of(interval) });
            }
        }
        Self(spots)
    }

    /// The spot at a local time, given as the seconds that the wall clock shows since 1970. `None`: closed, or
    /// the clock does not stand at a quarter (no zone has had such an offset since 1972).
    pub(super) fn at(&self, local_seconds: i64) -> Option<Spot> {
        if local_seconds % QUARTER_SECONDS != 0 {
            return None;
        }
        let quarter = (local_seconds / QUARTER_SECONDS + EPOCH_QUARTER).rem_euclid(WEEK as i64);
        self.0[quarter as usize]
    }
}

//! The rule engine: which slots a mentor offers. The same examination lists slots and judges a reservation.
//!
//! Every cell is turned from UTC into the mentor's wall-clock time, which is always unambiguous, and looked up in
//! the line of the mentor's hours. So a change of the clocks needs no rule of its own: the hour that is left out has no cell,
//! the hour that comes twice has two sets of cells, and a session over the change lasts its minutes in UTC.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use super::cells::{CELL_SECONDS, Cell, CellRange, whole_cells};
use super::hours::Hours;
use super::load::{Booked, Limits};
use crate::clock::Instant;

/// The least notice of a session that its mentor approves: a request is answered an hour before the start at the latest,
/// and nobody is asked with less than a quarter of an hour for the answer.
const REQUEST_NOTICE: i64 = 5;

/// What slots are judged by. Lengths are cells.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) zone: Tz,
    pub(super) buffer_before: i64,
    pub(super) buffer_after: i64,
    pub(super) min_notice: i64,
    pub(super) horizon: i64,
    pub(super) hours: Hours,
    pub(super) limits: Limits,
}

impl Rules {
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The same for sessions that the mentor is asked for first.
    pub(super) fn with_time_to_answer(self) -> Self {
        Self { min_notice: self.min_notice.max(REQUEST_NOTICE), ..self }
    }

    /// Whether the number of sessions matters.
    pub(super) fn counts(&self) -> bool {
        !self.limits.is_none()
    }

    /// The cells a session needs of its mentor: itself and the buffers around it.
    pub fn with_buffers(&self, session: CellRange) -> CellRange {
        session.widened(self.buffer_before, self.buffer_after)
    }
}

/// Why a slot is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The start or the duration is not on the grid of slots.
    Misaligned,
    Past,
    /// Within the mentor's notice.
    TooSoon,
    BeyondHorizon,
    OutsideHours,
    /// The date has hours of its own, and they leave it closed.
    OverrideClosed,
    /// A national holiday.
    Holiday,
    Vacation,
    /// The session or its buffers meet a claim.
    Taken,
    /// The day has as many sessions as the mentor wants.
    LimitDay,
    LimitWeek,
    /// The week has as many sessions with this mentee as the mentor wants.
    LimitMentee,
}

/// Starts of the slots of `duration_min` that begin within `range`, ascending.
pub fn list(
    rules: &Rules,
    duration_min: u32,
    booked: &Booked,
    range: CellRange,
    now: Instant,
) -> Vec<Instant> {
    let Some(length) = whole_cells(duration_min) else { return Vec::new() };
    let bounds = Bounds::new(rules, now);
    let starts = bounds.clip(range);
    if starts.is_empty() {
        return Vec::new();
    }
    let strip = Strip::lay(rules, starts.widened(0, length - 1));
    let bounds = Some(&bounds);
    starts
        .iter()
        .filter(|start| examine(rules, bounds, &strip, booked, start.run(length)).is_ok())
        .map(Cell::start)
        .collect()
}

/// Whether a session of `duration_min` may start at `start`: `Ok` exactly where [`list`] offers it.
pub fn judge(
    rules: &Rules,
    duration_min: u32,
    booked: &Booked,
    start: Instant,
    now: Instant,
) -> Result<(), Refusal> {
    one(rules, Some(&Bounds::new(rules, now)), duration_min, booked, start)
}

/// The same without regard to when it is booked: whether the rules have a place for a session that exists.
pub(super) fn fits(rules: &Rules, duration_min: u32, booked: &Booked, start: Instant) -> Result<(), Refusal> {
    one(rules, None, duration_min, booked, start)
}

fn one(
    rules: &Rules,
    bounds: Option<&Bounds>,
    duration_min: u32,
    booked: &Booked,
    start: Instant,
) -> Result<(), Refusal> {
    let first = Cell::from_instant(start).ok_or(Refusal::Misaligned)?;
    let session = first.run(whole_cells(duration_min).ok_or(Refusal::Misaligned)?);
    examine(rules, bounds, &Strip::lay(rules, session), booked, session)
}

/// The starts within `range` that notice and horizon leave. What lies there can be named as a date.
pub(super) fn bookable(rules: &Rules, range: CellRange, now: Instant) -> CellRange {
    Bounds::new(rules, now).clip(range)
}

/// The one examination; `strip` covers the session.
fn examine(
    rules: &Rules,
    bounds: Option<&Bounds>,
    strip: &Strip,
    booked: &Booked,
    session: CellRange,
) -> Result<(), Refusal> {
    if let Some(bounds) = bounds {
        bounds.check(session.first)?;
    }
    let stretch = strip.at(session.first);
    if stretch.open < session.end.0 - session.first.0 {
        let closed = strip.at(session.first.plus(stretch.open)).local;
        return Err(closed.map_or(Refusal::OutsideHours, |quarter| rules.hours.why_closed(quarter)));
    }
    if !stretch.on_grid {
        return Err(Refusal::Misaligned);
    }
    if booked.busy.meets(rules.with_buffers(session)) {
        return Err(Refusal::Taken);
    }
    stretch.local.map_or(Ok(()), |quarter| booked.load.allows(&rules.limits, quarter))
}

/// The first and last start that may be booked now.
struct Bounds {
    now: Cell,
    earliest: Cell,
    latest: Cell,
}

impl Bounds {
    fn new(rules: &Rules, now: Instant) -> Self {
        let first = Cell::at_or_after(now);
        Self {
            now: first,
            earliest: first.plus(rules.min_notice),
            latest: Cell::at_or_before(now).plus(rules.horizon),
        }
    }

    fn clip(&self, range: CellRange) -> CellRange {
        CellRange { first: range.first.max(self.earliest), end: range.end.min(self.latest.plus(1)) }
    }

    fn check(&self, start: Cell) -> Result<(), Refusal> {
        if start < self.now {
            Err(Refusal::Past)
        } else if start < self.earliest {
            Err(Refusal::TooSoon)
        } else if start > self.latest {
            Err(Refusal::BeyondHorizon)
        } else {
            Ok(())
        }
    }
}

/// A range of cells laid out along the mentor's hours.
struct Strip {
    first: Cell,
    stretches: Vec<Stretch>,
}

#[derive(Clone, Copy, Default)]
struct Stretch {
    /// The cell's quarter of local time.
    local: Option<i64>,
    /// Cells from here on, to the end of the strip at most, that are open and of one run.
    open: i64,
    on_grid: bool,
}

impl Strip {
    fn lay(rules: &Rules, range: CellRange) -> Self {
        let mut stretches: Vec<Stretch> = range
            .iter()
            .map(|cell| Stretch { local: local_quarter(rules.zone, cell), ..Stretch::default() })
            .collect();
        // Local time may run backwards where the clocks change.
        let local = || stretches.iter().filter_map(|stretch| stretch.local);
        if let (Some(earliest), Some(latest)) = (local().min(), local().max()) {
            let line = rules.hours.lay(earliest, latest + 1);
            let mut next: Option<(i64, i64)> = None;
            for stretch in stretches.iter_mut().rev() {
                let spot = stretch.local.and_then(|quarter| line.at(quarter));
                next = spot.map(|spot| match next {
                    Some((run, open)) if run == spot.run => (run, open + 1),
                    _ => (spot.run, 1),
                });
                stretch.open = next.map_or(0, |(_, open)| open);
                stretch.on_grid = spot.is_some_and(|spot| spot.on_grid);
            }
        }
        Self { first: range.first, stretches }
    }

    fn at(&self, cell: Cell) -> Stretch {
        let index = usize::try_from(cell.0 - self.first.0).ok();
        index.and_then(|index| self.stretches.get(index)).copied().unwrap_or_default()
    }
}

/// The quarter of local time in which a cell starts. `None` where the wall clock does not stand at a quarter: no zone
/// has had such an offset since 1979.
pub(super) fn local_quarter(zone: Tz, cell: Cell) -> Option<i64> {
    let at = cell.checked_start()?;
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let local = at.timestamp() + i64::from(offset.local_minus_utc());
    (local % CELL_SECONDS == 0).then_some(local / CELL_SECONDS)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "engine_reference.rs"]
mod reference;

#[cfg(test)]
#[path = "engine_properties.rs"]
mod properties;

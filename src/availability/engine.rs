//! The rule engine: which slots a mentor offers. The same examination lists slots and judges a reservation.
//!
//! Every cell is turned from UTC into the mentor's wall-clock time, which is always unambiguous, and looked up in
//! the week's hours. So a change of the clocks needs no rule of its own: the hour that is left out has no cell,
//! the hour that comes twice has two sets of cells, and a session over the change lasts its minutes in UTC.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use super::cells::{BusyCells, Cell, CellRange, whole_cells};
use super::week::Week;
use crate::clock::Instant;

/// What slots are judged by. Lengths are cells.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(super) zone: Tz,
    pub(super) buffer_before: i64,
    pub(super) buffer_after: i64,
    pub(super) min_notice: i64,
    pub(super) horizon: i64,
    pub(super) week: Week,
}

impl Rules {
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The cells a session needs of its mentor: itself and the buffers around it.
    pub fn with_buffers(&self, session: CellRange) -> CellRange {
        session.widened(self.buffer_before, self.buffer_after)
    }
}

/// Why a slot is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The start or the duration is not on the grid of slots.
    Misaligned,
    Past,
    /// Within the mentor's notice.
    TooSoon,
    BeyondHorizon,
    OutsideHours,
    /// The session or its buffers meet a claim.
    Taken,
}

/// Starts of the slots of `duration_min` that begin within `range`, ascending.
pub fn list(
    rules: &Rules,
    duration_min: u32,
    busy: &BusyCells,
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
    starts
        .iter()
        .filter(|start| examine(rules, &bounds, &strip, busy, start.run(length)).is_ok())
        .map(Cell::start)
        .collect()
}

/// Whether a session of `duration_min` may start at `start`: `Ok` exactly where [`list`] offers it.
pub fn judge(
    rules: &Rules,
    duration_min: u32,
    busy: &BusyCells,
    start: Instant,
    now: Instant,
) -> Result<(), Refusal> {
    let first = Cell::from_instant(start).ok_or(Refusal::Misaligned)?;
    let session = first.run(whole_cells(duration_min).ok_or(Refusal::Misaligned)?);
    examine(rules, &Bounds::new(rules, now), &Strip::lay(rules, session), busy, session)
}

/// The starts within `range` that notice and horizon leave. What lies there can be named as a date.
pub(super) fn bookable(rules: &Rules, range: CellRange, now: Instant) -> CellRange {
    Bounds::new(rules, now).clip(range)
}

/// The one examination; `strip` covers the session.
fn examine(
    rules: &Rules,
    bounds: &Bounds,
    strip: &Strip,
    busy: &BusyCells,
    session: CellRange,
) -> Result<(), Refusal> {
    bounds.check(session.first)?;
    let stretch = strip.at(session.first);
    if stretch.open < session.end.0 - session.first.0 {
        return Err(Refusal::OutsideHours);
    }
    if !stretch.on_grid {
        return Err(Refusal::Misaligned);
    }
    if busy.meets(rules.with_buffers(session)) { Err(Refusal::Taken) } else { Ok(()) }
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

/// A range of cells laid out in the mentor's week.
struct Strip {
    first: Cell,
    stretches: Vec<Stretch>,
}

#[derive(Clone, Copy, Default)]
struct Stretch {
    /// Cells from here on, to the end of the strip at most, that are open and of one run.
    open: i64,
    on_grid: bool,
}

impl Strip {
    fn lay(rules: &Rules, range: CellRange) -> Self {
        let mut stretches =
            vec![Stretch::default(); usize::try_from(range.end.0 - range.first.0).unwrap_or(0)];
        let mut next: Option<(u16, i64)> = None;
        for (stretch, cell) in stretches.iter_mut().rev().zip(range.iter().rev()) {
            let spot = local_seconds(rules.zone, cell).and_then(|local| rules.week.at(local));
            next = spot.map(|spot| match next {
                Some((run, open)) if run == spot.run => (run, open + 1),
                _ => (spot.run, 1),
            });
            *stretch = Stretch {
                open: next.map_or(0, |(_, open)| open),
                on_grid: spot.is_some_and(|spot| spot.on_grid),
            };
        }
        Self { first: range.first, stretches }
    }

    fn at(&self, cell: Cell) -> Stretch {
        let index = usize::try_from(cell.0 - self.first.0).ok();
        index.and_then(|index| self.stretches.get(index)).copied().unwrap_or_default()
    }
}

/// What the wall clock shows when a cell starts, as seconds since 1970 of that clock.
fn local_seconds(zone: Tz, cell: Cell) -> Option<i64> {
    let at = cell.checked_start()?;
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    Some(at.timestamp() + i64::from(offset.local_minus_utc()))
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

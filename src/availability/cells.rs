//! Quarters of an hour in UTC: what slots are made of and claims are counted in.

use chrono::DateTime;

use crate::clock::Instant;

pub const CELL_MIN: u32 = 15;
pub(super) const CELL_SECONDS: i64 = 900;

/// A quarter of an hour in UTC, counted from the beginning of 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(pub i64);

impl Cell {
    /// The cell that starts at this instant; `None` when none does.
    pub fn from_instant(at: Instant) -> Option<Self> {
        let aligned = at.timestamp() % CELL_SECONDS == 0 && at.timestamp_subsec_nanos() == 0;
        aligned.then(|| Self(at.timestamp() / CELL_SECONDS))
    }

    /// The last cell that starts at this instant or before it.
    pub fn at_or_before(at: Instant) -> Self {
        Self(at.timestamp().div_euclid(CELL_SECONDS))
    }

    /// The first cell that starts at this instant or after it.
    pub fn at_or_after(at: Instant) -> Self {
        Self::from_instant(at).unwrap_or_else(|| Self::at_or_before(at).plus(1))
    }

    /// # Panics
    /// Beyond the years a calendar can name (262,000): no cell of a valid instant is there.
    pub fn start(self) -> Instant {
        self.checked_start().expect("a cell starts within the calendar")
    }

    pub(super) fn checked_start(self) -> Option<Instant> {
        DateTime::from_timestamp(self.0.checked_mul(CELL_SECONDS)?, 0)
    }

    /// The cell `cells` later, or earlier when negative.
    #[must_use]
    pub fn plus(self, cells: i64) -> Self {
        Self(self.0 + cells)
    }

    /// `cells` cells from this one on.
    pub fn run(self, cells: i64) -> CellRange {
        CellRange { first: self, end: self.plus(cells) }
    }
}

/// How many cells a number of minutes has; `None` unless it is a positive multiple of 15.
pub fn whole_cells(minutes: u32) -> Option<i64> {
    (minutes > 0 && minutes.is_multiple_of(CELL_MIN)).then(|| i64::from(minutes / CELL_MIN))
}

/// Cells from `first` up to `end`, without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellRange {
    pub first: Cell,
    pub end: Cell,
}

impl CellRange {
    pub fn is_empty(self) -> bool {
        self.end <= self.first
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = Cell> {
        (self.first.0..self.end.0).map(Cell)
    }

    /// The range with `before` and `after` more cells around it.
    #[must_use]
    pub fn widened(self, before: i64, after: i64) -> Self {
        Self { first: self.first.plus(-before), end: self.end.plus(after) }
    }
}

/// The cells of one person that are claimed.
#[derive(Clone, Debug, Default)]
pub struct BusyCells(Vec<Cell>);

impl BusyCells {
    /// Whether any cell of the range is claimed.
    pub fn meets(&self, range: CellRange) -> bool {
        let next = self.0.partition_point(|cell| *cell < range.first);
        self.0.get(next).is_some_and(|cell| *cell < range.end)
    }
}

impl FromIterator<Cell> for BusyCells {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        let mut cells: Vec<Cell> = cells.into_iter().collect();
        cells.sort_unstable();
        cells.dedup();
        Self(cells)
    }
}

//! One day of local time as 96 quarters, each open or closed.

use super::model::Span;

/// Quarters of a day.
pub(super) const DAY: i64 = 96;
const WHOLE: u128 = (1 << DAY) - 1;

/// Bit n is the quarter that begins n · 15 minutes after local midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Day(u128);

/// What is wrong with the hours of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not quarters of an hour from 0 to 1440, the first before the second.
    Malformed,
    Overlap,
}

impl Day {
    pub const CLOSED: Self = Self(0);

    pub fn open(&mut self, span: Span) -> Result<(), Fault> {
        let (from, to) = (u32::from(span.from_minute), u32::from(span.to_minute));
        if from >= to || to > 1440 || !from.is_multiple_of(15) || !to.is_multiple_of(15) {
            return Err(Fault::Malformed);
        }
        let new = (WHOLE >> (96 - (to - from) / 15)) << (from / 15);
        if self.0 & new != 0 {
            return Err(Fault::Overlap);
        }
        self.0 |= new;
        Ok(())
    }

    pub fn is_open(self, quarter: i64) -> bool {
        self.0 >> quarter & 1 == 1
    }

    pub fn is_whole(self) -> bool {
        self.0 == WHOLE
    }

    /// The first of the open quarters that lead to `quarter`, which is open, without a closed one between.
    pub fn opens(self, quarter: i64) -> i64 {
        let closed_before = !self.0 & ((1 << quarter) - 1);
        i64::from(u128::BITS - closed_before.leading_zeros())
    }

    /// How many open quarters the day ends with.
    pub fn tail(self) -> i64 {
        i64::from((!(self.0 << (u128::BITS - 96))).leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(spans: &[(u16, u16)]) -> Result<Day, Fault> {
        let mut day = Day::CLOSED;
        for (from_minute, to_minute) in spans {
            day.open(Span { from_minute: *from_minute, to_minute: *to_minute })?;
        }
        Ok(day)
    }

    #[test]
    fn hours_are_quarters_that_do_not_overlap() {
        let office = day(&[(540, 720), (780, 1080)]).unwrap();
        let open: Vec<i64> = (0..DAY).filter(|quarter| office.is_open(*quarter)).collect();
        assert_eq!(open, (36..48).chain(52..72).collect::<Vec<_>>());
        assert!(day(&[(0, 1440)]).unwrap().is_whole());
        assert!(day(&[(720, 1440), (0, 720)]).unwrap().is_whole());
        assert_eq!(day(&[(540, 720), (705, 780)]), Err(Fault::Overlap));
        for wrong in [(540, 540), (600, 540), (541, 600), (540, 601), (0, 1455)] {
            assert_eq!(day(&[wrong]), Err(Fault::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn runs_are_followed_to_both_ends() {
        let split = day(&[(0, 60), (540, 720), (720, 780), (1380, 1440)]).unwrap();
        assert_eq!([0, 3, 36, 51, 92, 95].map(|quarter| split.opens(quarter)), [0, 0, 36, 36, 92, 92]);
        assert_eq!(split.tail(), 4);
        assert_eq!((Day::CLOSED.tail(), day(&[(0, 1440)]).unwrap().tail()), (0, 96));
        assert_eq!(day(&[(0, 1440)]).unwrap().opens(95), 0);
    }
}

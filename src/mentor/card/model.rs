use chrono::NaiveDate;

use crate::clock::Instant;

/// Reviews that every average is drawn towards, and what each of them gives: three and a half stars.
const PRIOR_REVIEWS: i64 = 5;
const PRIOR_THOUSANDTHS: i64 = 3_500;

/// How many gave a mentor 1, 2, 3, 4 and 5 stars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stars(pub [i64; 5]);

impl Stars {
    fn count(self) -> i64 {
        self.0.iter().sum()
    }

    fn total(self) -> i64 {
        (1..).zip(self.0).map(|(stars, count): (i64, i64)| stars * count).sum()
    }

    /// The average in tenths of a star, half a tenth rounded up, as it is shown; 0 without reviews.
    pub(in crate::mentor) fn tenths(self) -> i64 {
        match self.count() {
            0 => 0,
            count => (20 * self.total() + count) / (2 * count),
        }
    }

    /// What lists are ordered by: thousandths of a star, as if five more had given three and a half. So one review of five
    /// stars does not stand before fifty that average 4.9. 0 without reviews.
    pub(in crate::mentor) fn rank(self) -> i64 {
        match self.count() {
            0 => 0,
            count => (1_000 * self.total() + PRIOR_REVIEWS * PRIOR_THOUSANDTHS) / (count + PRIOR_REVIEWS),
        }
    }
}

/// What a card says that stands in other rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mentor) struct Sources {
    pub approved_at: Instant,
    pub languages: String,
    /// In its plain writing.
    pub search_text: String,
    /// Won; of what everybody can book.
    pub lowest_price_krw: Option<i64>,
    /// Minutes; of what everybody can book.
    pub shortest_min: Option<u32>,
    /// Whether the mentor is asked first about all of it.
    pub by_request: bool,
}

/// What the free days of a mentor are made from, and for how long they are true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Freshness {
    /// Minutes; `None` where there is nothing that everybody can book.
    pub shortest_min: Option<u32>,
    /// Whether the mentor is asked first about all that everybody can book.
    pub by_request: bool,
    /// Rises with whatever slots depend on beside the calendar.
    pub revision: i64,
    /// The calendar's version that they were made from.
    pub free_calendar: i64,
    /// The revision that they were made from.
    pub free_revision: i64,
    /// When time alone makes them old (UTC).
    pub refresh_at: Option<Instant>,
}

/// When a mentor's shortest session can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// Ascending.
    pub days: Vec<FreeDay>,
    pub next: Option<Instant>,
    /// The calendar's version that was read before everything else.
    pub calendar: i64,
    pub revision: i64,
    pub refresh_at: Option<Instant>,
}

/// The free starts of one day in UTC: a bit per quarter of an hour, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FreeDay {
    pub day: NaiveDate,
    /// 00:00 to 11:45.
    pub forenoon: u64,
    /// 12:00 to 23:45.
    pub afternoon: u64,
}

/// Quarters of an hour in half a day.
const HALF: u32 = 48;

impl FreeDay {
    /// The days of these starts, which are ascending and stand on quarters of an hour.
    pub fn of(starts: &[Instant]) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for start in starts {
            let day = start.date_naive();
            if days.last().is_none_or(|last| last.day != day) {
                days.push(Self { day, forenoon: 0, afternoon: 0 });
            }
            let last = days.last_mut().expect("it was just pushed");
            let quarter = quarter(*start);
            if quarter < HALF {
                last.forenoon |= 1 << quarter;
            } else {
                last.afternoon |= 1 << (quarter - HALF);
            }
        }
        days
    }

    /// The days that `from..to` touches first and last, with the quarters of each that start within it. `from` is before
    /// `to`.
    pub(in crate::mentor) fn edges(from: Instant, to: Instant) -> (Self, Self) {
        let last = to - chrono::TimeDelta::microseconds(1);
        // The first quarter that starts at `from` or after it; the last one that starts before `to`.
        let lower = quarter(from) + u32::from(from != start_of(from));
        let upper = quarter(last) + 1;
        let (first_day, last_day) = (from.date_naive(), last.date_naive());
        if first_day == last_day {
            let day = Self::quarters(first_day, lower, upper);
            return (day, day);
        }
        (Self::quarters(first_day, lower, 2 * HALF), Self::quarters(last_day, 0, upper))
    }

    fn quarters(day: NaiveDate, from: u32, to: u32) -> Self {
        let bits = |from: u32, to: u32| (from..to).fold(0, |bits, quarter| bits | 1_u64 << quarter);
        Self {
            day,
            forenoon: bits(from.min(HALF), to.min(HALF)),
            afternoon: bits(from.max(HALF) - HALF, to.max(HALF) - HALF),
        }
    }
}

/// The quarter of its day (UTC) in which an instant lies.
fn quarter(at: Instant) -> u32 {
    u32::try_from(at.timestamp().rem_euclid(86_400) / 900).expect("a day has 96 quarters")
}

/// The start of the quarter in which an instant lies.
fn start_of(at: Instant) -> Instant {
    Instant::from_timestamp(at.timestamp().div_euclid(900) * 900, 0).expect("a quarter of a valid instant")
}

/// What became of a mentor's bookings of late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Facts {
    /// Requests that were answered, or ran out.
    pub answers: i64,
    /// The median time until then, in minutes; one that ran out counts in full.
    pub answer_min: Option<i64>,
    /// Sessions that were paid for and ended one way or the other by the mentor's doing: held, cancelled by the mentor, or
    /// missed by the mentor.
    pub sessions: i64,
    /// Those that were held.
    pub completed: i64,
    /// Those that the mentor missed.
    pub absences: i64,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_review_does_not_stand_before_fifty() {
        let one = Stars([0, 0, 0, 0, 1]);
        let fifty = Stars([0, 0, 0, 5, 45]);
        assert_eq!((one.tenths(), fifty.tenths()), (50, 49));
        assert!(one.rank() < fifty.rank());
        assert_eq!((Stars::default().tenths(), Stars::default().rank()), (0, 0));
        assert!(Stars([9, 0, 0, 0, 0]).rank() > 0, "the worst stand before those whom nobody rated");
    }

    #[test]
    fn edges_hold_the_quarters_that_start_within() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let (first, last) = FreeDay::edges(at("2026-03-02T00:00:00Z"), at("2026-03-03T00:00:00Z"));
        assert_eq!((first, first.forenoon, first.afternoon), (last, (1 << 48) - 1, (1 << 48) - 1));
        let (first, last) = FreeDay::edges(at("2026-03-02T00:00:01Z"), at("2026-03-02T00:15:00Z"));
        assert_eq!((first, first.forenoon, first.afternoon), (last, 0, 0), "no quarter starts within");
        let (first, last) = FreeDay::edges(at("2026-03-02T23:45:00Z"), at("2026-03-04T00:15:01Z"));
        assert_eq!((first.afternoon, last.forenoon, last.afternoon), (1 << 47, 0b11, 0));
    }

    proptest! {
        #[test]
        fn a_start_is_found_exactly_within(start in 0_i64..400, from in 0_i64..6_000_000, lasts in 1_i64..6_000_000) {
            let monday: Instant = "2026-03-02T00:00:00Z".parse().unwrap();
            let start = monday + TimeDelta::minutes(15 * start);
            let from = monday + TimeDelta::milliseconds(60 * from);
            let to = from + TimeDelta::milliseconds(60 * lasts);
            let [day] = FreeDay::of(&[start])[..] else { panic!("one day") };
            let (first, last) = FreeDay::edges(from, to);
            let meets = |edge: &FreeDay| {
                edge.day == day.day && (edge.forenoon & day.forenoon != 0 || edge.afternoon & day.afternoon != 0)
            };
            let found = (first.day < day.day && day.day < last.day) || meets(&first) || meets(&last);
            prop_assert_eq!(found, from <= start && start < to);
        }
    }
}

//! Korean business days: Monday to Friday but for the holidays a test has named.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

use crate::clock::{Instant, kst};

#[derive(Debug, Default)]
pub(crate) struct Calendar {
    pub(crate) holidays: BTreeSet<NaiveDate>,
}

impl Calendar {
    pub(crate) fn is_business_day(&self, date: NaiveDate) -> bool {
        !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.contains(&date)
    }

    /// The business day that is `days` business days after `date`; `date` itself for none.
    pub(crate) fn after(&self, date: NaiveDate, days: u32) -> NaiveDate {
        let mut at = date;
        let mut left = days;
        while left > 0 {
            at += TimeDelta::days(1);
            if self.is_business_day(at) {
                left -= 1;
            }
        }
        at
    }
}

/// The date in Korea.
pub(crate) fn today(now: Instant) -> NaiveDate {
    kst(now).date_naive()
}

/// The Monday on or before `date`.
pub(crate) fn monday(date: NaiveDate) -> NaiveDate {
    date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn weekends_and_holidays_are_passed_over() {
        let mut calendar = Calendar::default();
        // A Friday.
        assert_eq!(calendar.after(date("2026-11-20"), 2), date("2026-11-24"));
        calendar.holidays.insert(date("2026-11-23"));
        assert_eq!(calendar.after(date("2026-11-20"), 2), date("2026-11-25"));
        assert_eq!(calendar.after(date("2026-11-21"), 0), date("2026-11-21"));
        assert_eq!(monday(date("2026-11-22")), date("2026-11-16"));
    }
}

//! National holidays, as far ahead as they are fixed.
//!
//! Korea: the days of the decree on public holidays of public offices (관공서의 공휴일에 관한 규정) and of the Public
//! Holidays Act as amended in 2026, which added Labour Day and Constitution Day; with substitute days, election days and
//! the temporary holiday of January 2025. Taken in November 2026 from the table of the Python package `holidays` 0.109
//! (South Korea, public); the tests below hold it against the rules of the decree. A temporary holiday that the
//! government declares later is added here; until then a mentor sets an override.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::exceptions::day_number;

/// A country whose national holidays are known, by its ISO 3166 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Country {
    #[serde(rename = "KR")]
    Korea,
}

/// Of each year the months and days; Sundays that are nothing else are not here.
type Table = &'static [(i32, &'static str)];

static KOREA: Table = &[
    (
        2025,
        "1/1 1/27 1/28 1/29 1/30 3/1 3/3 5/5 5/6 6/3 6/6 \
         8/15 10/3 10/5 10/6 10/7 10/8 10/9 12/25",
    ),
    (
        2026,
        "1/1 2/16 2/17 2/18 3/1 3/2 5/1 5/5 5/24 5/25 6/3 6/6 7/17 \
         8/15 8/17 9/24 9/25 9/26 10/3 10/5 10/9 12/25",
    ),
    (
        2027,
        "1/1 2/6 2/7 2/8 2/9 3/1 5/1 5/3 5/5 5/13 6/6 7/17 7/19 8/15 \
         8/16 9/14 9/15 9/16 10/3 10/4 10/9 10/11 12/25 12/27",
    ),
    (
        2028,
        "1/1 1/26 1/27 1/28 3/1 4/12 5/1 5/2 5/5 6/6 7/17 \
         8/15 10/2 10/3 10/4 10/5 10/9 12/25",
    ),
];

static KOREAN_DAYS: LazyLock<Vec<i64>> = LazyLock::new(|| days(KOREA));

fn days(table: Table) -> Vec<i64> {
    let date = |year: i32, text: &str| {
        let date = NaiveDate::parse_from_str(&format!("{year}/{text}"), "%Y/%m/%d");
        day_number(date.expect("the table has dates"))
    };
    table.iter().flat_map(|(year, dates)| dates.split(' ').map(|text| date(*year, text))).collect()
}

impl Country {
    /// Day numbers, ascending.
    pub(super) fn days(self) -> &'static [i64] {
        match self {
            Self::Korea => &KOREAN_DAYS,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;

    use super::*;

    fn is_holiday(text: &str) -> bool {
        Country::Korea.days().contains(&day_number(text.parse().unwrap()))
    }

    #[test]
    fn the_days_stand_in_order_and_each_once() {
        assert!(Country::Korea.days().windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(KOREA.iter().map(|(year, _)| *year).collect::<Vec<_>>(), [2025, 2026, 2027, 2028]);
    }

    #[test]
    fn days_with_a_fixed_date_are_there_every_year() {
        for year in 2025..=2028 {
            for day in ["01-01", "03-01", "05-05", "06-06", "08-15", "10-03", "10-09", "12-25"] {
                assert!(is_holiday(&format!("{year}-{day}")), "{year}-{day}");
            }
            for day in ["05-01", "07-17"] {
                assert_eq!(is_holiday(&format!("{year}-{day}")), year >= 2026, "{year}-{day}");
            }
        }
    }

    #[test]
    fn a_day_that_falls_on_a_weekend_has_its_substitute() {
        // Independence, Liberation, Foundation, Hangul and Children's Day, Christmas, and from 2026 on Labour and
        // Constitution Day: on a Saturday or Sunday the next working day is free. New Year and Memorial Day have none.
        let dates = ["03-01", "08-15", "10-03", "10-09", "05-05", "12-25", "05-01", "07-17"];
        for year in 2025..=2028 {
            for day in dates {
                let date: NaiveDate = format!("{year}-{day}").parse().unwrap();
                let ahead = match date.weekday().num_days_from_monday() {
                    5 => 2,
                    6 => 1,
                    _ => continue,
                };
                let monday = date + chrono::Days::new(ahead);
                assert!(is_holiday(&monday.to_string()), "{date} and {monday}");
            }
        }
        assert!(!is_holiday("2026-06-08") && !is_holiday("2028-01-03"));
    }

    #[test]
    fn lunar_days_elections_and_temporary_days_are_there() {
        for days in [
            ["2025-01-27", "2025-01-28", "2025-01-30"],
            ["2025-10-05", "2025-10-07", "2025-10-08"],
            ["2026-02-16", "2026-02-17", "2026-02-18"],
            ["2026-09-24", "2026-09-25", "2026-09-26"],
            ["2027-02-06", "2027-02-08", "2027-02-09"],
            ["2028-10-02", "2028-10-04", "2028-10-05"],
            ["2025-06-03", "2026-06-03", "2028-04-12"],
            ["2026-05-25", "2027-05-13", "2028-05-02"],
        ] {
            assert!(days.into_iter().all(is_holiday), "{days:?}");
        }
        assert!(!is_holiday("2026-03-03") && !is_holiday("2026-09-28") && !is_holiday("2029-01-01"));
    }
}

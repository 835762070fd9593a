//! The rules, as queries. What a key or a constraint of the database refuses is not looked for again.

mod bookings;
mod captures;
mod entries;
mod lines;
mod payouts;
mod reviews;

use super::model::{Check, Driver};

const ALL: [&[Check]; 6] =
    [bookings::CHECKS, captures::CHECKS, entries::CHECKS, lines::CHECKS, payouts::CHECKS, reviews::CHECKS];

/// Every check, by subject.
pub fn all() -> Vec<&'static Check> {
    ALL.into_iter().flatten().collect()
}

/// Those that go through the rows of one driver.
pub fn of(driver: Driver) -> Vec<&'static Check> {
    ALL.into_iter().flatten().filter(|check| check.driver == driver).collect()
}

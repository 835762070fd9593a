//! The rules, as queries. What a key or a constraint of the database refuses is not looked for again.

mod bookings;
mod captures;
mod entries;
mod lines;
mod payouts;

use super::model::Check;

/// Every check, by subject.
pub const ALL: [&[Check]; 5] =
    [bookings::CHECKS, captures::CHECKS, entries::CHECKS, lines::CHECKS, payouts::CHECKS];

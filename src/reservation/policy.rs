//! What a cancellation gives back. Pure; the version is frozen at booking.

use chrono::TimeDelta;

use super::model::{Reservation, Side, State};
use crate::clock::Instant;
use crate::config::Rules;
use crate::money::{BasisPoints, Krw};

/// The policy of new bookings.
pub const CURRENT: i16 = 1;

struct Tier {
    /// The tier holds while at least this much time is left; the boundary itself belongs to it.
    at_least: TimeDelta,
    refund: BasisPoints,
}

/// Version 1, from the product's default rules: 24 h and more 100 %, 3 h and more 50 %, less nothing.
const V1: [Tier; 2] = [
    Tier { at_least: TimeDelta::hours(24), refund: BasisPoints::ALL },
    Tier { at_least: TimeDelta::hours(3), refund: BasisPoints(5_000) },
];

/// What would be given back, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub refund: Krw,
    pub share: BasisPoints,
    /// After this instant (UTC) the next tier holds; `None` when nothing will change.
    pub valid_until: Option<Instant>,
}

/// What a cancellation at `now` by `side` gives back of what was captured. Before a capture: nothing was taken,
/// so nothing is given back.
pub fn quote(reservation: &Reservation, side: Side, now: Instant) -> Quote {
    if !matches!(reservation.state, State::Confirmed | State::InSession) {
        return Quote { refund: Krw::ZERO, share: BasisPoints::NONE, valid_until: None };
    }
    if side != Side::Mentee {
        return Quote { refund: reservation.price_krw, share: BasisPoints::ALL, valid_until: None };
    }
    let left = reservation.starts_at - now;
    let tier = V1.iter().find(|tier| left >= tier.at_least);
    let share = tier.map_or(BasisPoints::NONE, |tier| tier.refund);
    Quote {
        refund: reservation.price_krw.share(share),
        share,
        valid_until: tier.map(|tier| reservation.starts_at - tier.at_least),
    }
}

/// Until when (UTC) either side may report a problem: counted from the end of a session that took place or should
/// have, and from the moment of a cancellation or a no-show. `None` before the session has begun, and where nothing
/// was paid for.
pub fn problems_until(rules: &Rules, r: &Reservation) -> Option<Instant> {
    match r.state {
        State::InSession | State::Completed => Some(r.ends_at + rules.problem_window()),
        State::Cancelled | State::NoShow => Some(r.updated_at + rules.problem_window()),
        _ => None,
    }
}

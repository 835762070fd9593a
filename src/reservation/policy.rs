//! What a cancellation gives back. Pure.
//!
//! A policy is a name that an offering carries, and behind it a list of versions that only grows. A reservation
//! freezes the number of one version when the slot is taken: a later version, or another policy of the offering,
//! changes nothing for it.
//!
//! A boundary is an exact instant in UTC, so many hours of 3,600 s before the start, and belongs to the better tier:
//! with 24 h 00 m 00 s left all is given back, with a microsecond less it is half. It is counted in elapsed time and
//! not on the mentor's wall clock: over a change to summer time the boundary of "24 h" is at another time of day than
//! the session. The mentor's zone stands beside the instants for showing them.

use chrono::TimeDelta;

use super::model::{Reservation, Side, State};
use crate::clock::Instant;
use crate::config::Rules;
use crate::mentor::RefundPolicy;
use crate::money::{BasisPoints, Krw};

#[derive(Clone, Copy)]
struct Tier {
    /// The tier holds while at least this much time is left; the boundary itself belongs to it.
    at_least: TimeDelta,
    refund: BasisPoints,
}

const fn tier(hours: i64, refund: u32) -> Tier {
    Tier { at_least: TimeDelta::hours(hours), refund: BasisPoints(refund) }
}

struct Version {
    /// Stands in reservations: never used for anything else again.
    number: i16,
    policy: RefundPolicy,
    /// The best first. Less time than the last one asks for gives nothing back.
    tiers: &'static [Tier],
}

/// Append-only: a changed policy is a new version with the next number.
const VERSIONS: &[Version] = &[
    // The product's default rules: 24 h and more 100 %, 3 h and more 50 %, less nothing.
    Version { number: 1, policy: RefundPolicy::Standard, tiers: &[tier(24, 10_000), tier(3, 5_000)] },
    Version { number: 2, policy: RefundPolicy::Flexible, tiers: &[tier(6, 10_000), tier(1, 5_000)] },
    Version { number: 3, policy: RefundPolicy::Strict, tiers: &[tier(7 * 24, 10_000), tier(48, 5_000)] },
];

/// The version of a policy that new bookings freeze.
pub fn current(policy: RefundPolicy) -> i16 {
    let newest = VERSIONS.iter().rev().find(|version| version.policy == policy);
    newest.expect("every policy has a version").number
}

fn version(number: i16) -> Option<&'static Version> {
    VERSIONS.iter().find(|version| version.number == number)
}

/// What would be given back, and until when that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub refund: Krw,
    /// Of the price. What was given back before leaves less than that.
    pub share: BasisPoints,
    /// After this instant (UTC) the next tier holds; `None` when nothing will change.
    pub valid_until: Option<Instant>,
    /// What holds then.
    pub next: Option<Offer>,
}

/// An amount and the share of the price it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub refund: Krw,
    pub share: BasisPoints,
}

/// What a cancellation at `now` by `side` gives back of what was captured, when `given` won of it were given back, or
/// promised, before. Before a capture nothing was taken, so nothing is given back. Whoever is not the mentee gives
/// everything back.
///
/// A version that this build does not know, because a newer one made the reservation, is read in the payer's favour.
pub fn quote(r: &Reservation, side: Side, now: Instant, given: Krw) -> Quote {
    let fixed = |share| Quote { refund: part(r, share, given), share, valid_until: None, next: None };
    if !r.is_paid() {
        return Quote { refund: Krw::ZERO, ..fixed(BasisPoints::NONE) };
    }
    let Some(tiers) = tiers_of(r).filter(|_| side == Side::Mentee) else {
        return fixed(BasisPoints::ALL);
    };
    let left = r.starts_at - now;
    let Some(at) = tiers.iter().position(|tier| left >= tier.at_least) else {
        return fixed(BasisPoints::NONE);
    };
    let next = tiers.get(at + 1).map_or(BasisPoints::NONE, |tier| tier.refund);
    Quote {
        valid_until: Some(r.starts_at - tiers[at].at_least),
        next: Some(Offer { refund: part(r, next, given), share: next }),
        ..fixed(tiers[at].refund)
    }
}

/// The tiers that hold for a reservation: those of its version, none above the share that a move left, and each share
/// once. `None` for a version that this build does not know.
fn tiers_of(r: &Reservation) -> Option<Vec<Tier>> {
    let version = version(r.policy_version)?;
    let most = r.refund_cap_bps.map_or(BasisPoints::ALL, BasisPoints);
    let mut tiers: Vec<Tier> = Vec::new();
    for tier in version.tiers {
        let refund = tier.refund.min(most);
        match tiers.last_mut() {
            Some(last) if last.refund == refund => last.at_least = tier.at_least,
            _ if refund == BasisPoints::NONE => {}
            _ => tiers.push(Tier { refund, ..*tier }),
        }
    }
    Some(tiers)
}

/// The cap that a move of its mentee at `now` leaves: what a cancellation would have given at this moment. So whoever
/// has lost a part of the right to a refund does not win it back by moving the session away.
pub(super) fn cap_after_move(r: &Reservation, now: Instant) -> Option<u32> {
    let share = quote(r, Side::Mentee, now, Krw::ZERO).share;
    (share < BasisPoints::ALL).then_some(share.0)
}

/// A share of the price, as far as it is left.
fn part(r: &Reservation, share: BasisPoints, given: Krw) -> Krw {
    r.price_krw.share(share).min(r.price_krw.minus(given)).max(Krw::ZERO)
}

/// What a reservation froze, in instants and won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub policy: RefundPolicy,
    /// The best first; the last one ends with the start of the session.
    pub tiers: Vec<Term>,
}

/// What a mentee who cancels gets back, up to an instant that still belongs to it (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub until: Instant,
    pub refund: Krw,
    pub share: BasisPoints,
}

/// The tiers of a reservation. `None` for a version that this build does not know.
pub fn terms(r: &Reservation) -> Option<Terms> {
    let policy = version(r.policy_version)?.policy;
    let term =
        |at_least, share| Term { until: r.starts_at - at_least, refund: r.price_krw.share(share), share };
    let mut tiers: Vec<Term> = tiers_of(r)?.iter().map(|tier| term(tier.at_least, tier.refund)).collect();
    tiers.push(term(TimeDelta::zero(), BasisPoints::NONE));
    Some(Terms { policy, tiers })
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

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

//! The tiers as a property: for every policy, price and moment.

use proptest::prelude::*;

use super::*;
use crate::id::{OfferingId, ReservationId, UserId};

fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

fn confirmed(policy_version: i16, price: i64, starts_at: Instant) -> Reservation {
    Reservation {
        id: ReservationId::generate(),
        offering_id: OfferingId::generate(),
        mentor_id: UserId::generate(),
        mentee_id: UserId::generate(),
        title: "Rust".to_owned(),
        price_krw: Krw(price),
        duration_min: 60,
        time_zone: "America/New_York".to_owned(),
        policy_version,
        starts_at,
        ends_at: starts_at + TimeDelta::hours(1),
        schedule_version: 1,
        state: State::Confirmed,
        version: 3,
        request_deadline: None,
        hold_until: None,
        payment_failed: false,
        refund_krw: None,
        extends_id: None,
        ended_at: None,
        needs_approval: false,
        moves_freely: true,
        move_id: None,
        move_by: None,
        move_to: None,
        move_until: None,
        move_proposals: 0,
        refund_cap_bps: None,
        absent: None,
        created_at: starts_at - TimeDelta::days(30),
        updated_at: starts_at - TimeDelta::days(30),
    }
}

#[test]
fn versions_are_a_list_that_only_grows() {
    for (i, version) in VERSIONS.iter().enumerate() {
        assert_eq!(usize::try_from(version.number), Ok(i + 1), "numbered in order");
        assert!(version.tiers.windows(2).all(|t| t[0].at_least > t[1].at_least && t[0].refund > t[1].refund));
        assert!(version.tiers.iter().all(|t| t.refund <= BasisPoints::ALL));
    }
    // What reservations froze stays what it was.
    let frozen = [
        (1, "standard", vec![(24, 10_000), (3, 5_000)]),
        (2, "flexible", vec![(6, 10_000), (1, 5_000)]),
        (3, "strict", vec![(168, 10_000), (48, 5_000)]),
    ];
    for (number, policy, tiers) in frozen {
        let version = version(number).expect("it stays");
        assert_eq!(version.policy.name(), policy);
        let is: Vec<_> = version.tiers.iter().map(|t| (t.at_least.num_hours(), t.refund.0)).collect();
        assert_eq!(is, tiers);
    }
    assert_eq!(current(RefundPolicy::default()), 1);
}

#[test]
fn hours_are_elapsed_time_also_over_a_change_to_summer_time() {
    // New York springs forward on 8 March 2026 at 07:00 UTC: 10:00 there on the 8th is 23 h after 10:00 on the 7th.
    let r = confirmed(1, 50_000, at("2026-03-08T14:00:00Z"));
    let wall_clock_day_before = at("2026-03-07T15:00:00Z");
    assert_eq!(quote(&r, Side::Mentee, wall_clock_day_before, Krw::ZERO).refund, Krw(25_000));
    assert_eq!(quote(&r, Side::Mentee, at("2026-03-07T14:00:00Z"), Krw::ZERO).refund, Krw(50_000));
}

#[test]
fn nothing_is_given_back_of_what_was_not_taken() {
    let mut r = confirmed(1, 50_000, at("2026-03-08T14:00:00Z"));
    for state in [State::Requested, State::AwaitingPayment, State::Paying, State::Expired] {
        r.state = state;
        for side in [Side::Mentee, Side::Mentor, Side::Admin, Side::Provider] {
            assert_eq!(quote(&r, side, r.created_at, Krw::ZERO).refund, Krw::ZERO);
        }
    }
}

#[test]
fn a_version_of_a_later_build_is_read_in_the_payers_favour() {
    let r = confirmed(i16::MAX, 50_000, at("2026-03-08T14:00:00Z"));
    assert_eq!(quote(&r, Side::Mentee, r.starts_at, Krw::ZERO).refund, Krw(50_000));
    assert_eq!(terms(&r), None);
}

proptest! {
    #[test]
    fn a_refund_is_a_part_of_what_is_left_and_less_time_never_gives_more(
        number in 1_i16..=3,
        price in 0_i64..=10_000_000,
        given in 0_i64..=10_000_000,
        left in 0_i64..=20 * 86_400_000_000,
        later in 0_i64..=20 * 86_400_000_000,
    ) {
        let given = given.min(price);
        let r = confirmed(number, price, at("2026-03-08T14:00:00Z"));
        let ask = |left| quote(&r, Side::Mentee, r.starts_at - TimeDelta::microseconds(left), Krw(given));
        let now = ask(left);
        prop_assert!(now.refund >= Krw::ZERO && now.refund <= Krw(price - given));
        prop_assert!(ask(left.max(later)).refund >= ask(left.min(later)).refund);
        for side in [Side::Mentor, Side::Admin, Side::Provider] {
            let all = quote(&r, side, r.starts_at, Krw(given));
            prop_assert_eq!(all.refund, Krw(price - given));
        }
        // The instant it names is the last one at which it holds.
        if let (Some(until), Some(next)) = (now.valid_until, now.next) {
            prop_assert!(until >= r.starts_at - TimeDelta::microseconds(left));
            let last = quote(&r, Side::Mentee, until, Krw(given));
            let after = quote(&r, Side::Mentee, until + TimeDelta::microseconds(1), Krw(given));
            prop_assert_eq!((last.refund, last.share), (now.refund, now.share));
            prop_assert_eq!((after.refund, after.share), (next.refund, next.share));
            prop_assert!(after.share < last.share);
        }
    }

    #[test]
    fn the_tiers_that_are_shown_are_those_that_are_given(number in 1_i16..=3, price in 0_i64..=10_000_000) {
        let r = confirmed(number, price, at("2026-03-08T14:00:00Z"));
        let mut from = r.created_at;
        for term in terms(&r).expect("known").tiers {
            for moment in [from, term.until] {
                let asked = quote(&r, Side::Mentee, moment, Krw::ZERO);
                prop_assert_eq!((asked.refund, asked.share), (term.refund, term.share));
            }
            from = term.until + TimeDelta::microseconds(1);
        }
    }
}

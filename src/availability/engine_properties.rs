//! Listing, judging and explaining agree with each other and with the slow reference, whatever is drawn: rules, zones of
//! all kinds, days with and without a change of the clocks, exceptions, limits, bookings.
//!
//! `KONNECT_SLOT_CASES` draws more of them.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Offset, TimeDelta, TimeZone};
use proptest::prelude::*;

use super::super::cells::BusyCells;
use super::super::exceptions::{Exceptions, Override, Vacation};
use super::super::explain::{Question, Reason, judged, moments};
use super::super::holidays::Country;
use super::super::load::{Booked, Load, Session};
use super::super::model::{NewSchedule, Span, Window};
use super::reference::World;
use super::*;
use crate::config::effort;
use crate::id::UserId;

/// In all; half of them go to each of the two great properties.
const CASES: u32 = 3_000;
/// Cells that are compared in one case: a quarter of a day.
const CELLS: i64 = 24;

fn cases() -> ProptestConfig {
    let cases = effort("KONNECT_SLOT_CASES").and_then(|cases| cases.try_into().ok()).unwrap_or(CASES);
    ProptestConfig {
        cases: (cases / 2).max(1),
        failure_persistence: None,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    }
}

/// Whole, half and three-quarter hours, both sides of the date line, clocks that change by an hour, half an hour, a day,
/// twice around Ramadan, or backwards in summer.
const ZONES: [Tz; 21] = [
    Tz::UTC,
    Tz::Asia__Seoul,
    Tz::Asia__Kolkata,
    Tz::Asia__Kathmandu,
    Tz::Asia__Pyongyang,
    Tz::Asia__Tehran,
    Tz::Australia__Lord_Howe,
    Tz::Australia__Eucla,
    Tz::Pacific__Chatham,
    Tz::Pacific__Apia,
    Tz::Pacific__Kiritimati,
    Tz::Pacific__Pago_Pago,
    Tz::Pacific__Kwajalein,
    Tz::America__New_York,
    Tz::America__St_Johns,
    Tz::America__Caracas,
    Tz::America__Asuncion,
    Tz::America__Santiago,
    Tz::Africa__Casablanca,
    Tz::Europe__Dublin,
    Tz::Antarctica__Troll,
];

fn offset(zone: Tz, at: Instant) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

/// The noon before the next change of the clocks, within a year.
fn before_change(zone: Tz, from: Instant) -> Instant {
    let days = (0..366).map(|day| from + TimeDelta::days(day));
    days.into_iter().find(|day| offset(zone, *day) != offset(zone, *day + TimeDelta::days(1))).unwrap_or(from)
}

/// A zone and a moment of interest: near a change of the clocks, near the end of the day there, near Korean holidays,
/// or any.
fn places() -> impl Strategy<Value = (Tz, Instant)> {
    // Kiritimati was 40 minutes off the hour until 1979.
    // St John's changed its clocks a minute after midnight until 2011: no quarter of an hour begins then.
    let years = |zone| if zone == Tz::America__St_Johns { 2012..2037 } else { 1980..2037 };
    let zone = prop::sample::select(ZONES.to_vec());
    let drawn = zone.prop_flat_map(move |zone| (Just(zone), years(zone), 0i64..365, 0i64..96, 0u8..8));
    drawn.prop_map(|(zone, year, day, quarter, kind)| {
        let first = |year| NaiveDate::from_ymd_opt(year, 1, 1).expect("a date").and_hms_opt(0, 0, 0);
        let noon =
            |year| first(year).expect("midnight").and_utc() + TimeDelta::days(day) + TimeDelta::hours(12);
        let at = match kind {
            0..=4 => before_change(zone, noon(year)),
            5 => noon(2025 + year % 4),
            _ => noon(year),
        };
        (zone, at + TimeDelta::minutes(15 * quarter))
    })
}

/// Up to `most` spans of a day; those that would overlap an earlier one are left out.
fn spans(most: usize) -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec((0u16..96, 1u16..60), 0..=most).prop_map(|drawn| {
        let mut spans: Vec<Span> = Vec::new();
        for (from, length) in drawn {
            let new = Span { from_minute: from * 15, to_minute: (from + length).min(96) * 15 };
            if spans.iter().all(|s| s.to_minute <= new.from_minute || new.to_minute <= s.from_minute) {
                spans.push(new);
            }
        }
        spans
    })
}

/// Hours of the week; now and then without an end.
fn weeks() -> impl Strategy<Value = Vec<Window>> {
    let of = |days: Vec<Vec<Span>>| {
        let windows = days.into_iter().zip(0u8..).flat_map(|(spans, weekday)| {
            spans.into_iter().map(move |Span { from_minute, to_minute }| Window {
                weekday,
                from_minute,
                to_minute,
            })
        });
        windows.collect::<Vec<_>>()
    };
    let whole = vec![Span { from_minute: 0, to_minute: 1440 }];
    prop_oneof![
        60 => prop::collection::vec(spans(3), 7).prop_map(of),
        1 => Just(of(vec![whole; 7])),
    ]
}

/// Exceptions around a date.
fn exceptions(around: NaiveDate) -> impl Strategy<Value = Exceptions> {
    let own = prop::collection::vec((-2i64..=2, spans(2)), 0..=3);
    let away = prop::collection::vec((-6i64..=2, 0i64..=5), 0..=1);
    (own, away, any::<bool>()).prop_map(move |(own, away, holidays)| {
        let day = |days| around + TimeDelta::days(days);
        let own: BTreeMap<i64, Vec<Span>> = own.into_iter().collect();
        Exceptions {
            holidays: if holidays { vec![Country::Korea] } else { vec![] },
            overrides: own.into_iter().map(|(days, spans)| Override { date: day(days), spans }).collect(),
            vacations: away
                .into_iter()
                .map(|(from, length)| Vacation { from: day(from), to: day(from + length) })
                .collect(),
        }
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let some = |most| prop_oneof![3 => Just(None), 1 => (1u32..=most).prop_map(Some)];
    (some(2), some(3), some(2)).prop_map(|(per_day, per_week, per_mentee_week)| Limits {
        per_day,
        per_week,
        per_mentee_week,
    })
}

prop_compose! {
    fn schedules(zone: Tz, around: NaiveDate)(
        interval in prop::sample::select(vec![15u32, 30, 60]),
        offset in 0u32..4,
        before in prop_oneof![Just(0u32), 0u32..=8],
        after in prop_oneof![Just(0u32), 0u32..=8],
        notice in prop_oneof![Just(0u32), 0u32..40],
        horizon_days in 1u32..=4,
        windows in weeks(),
        exceptions in exceptions(around),
        limits in limits(),
    ) -> NewSchedule {
        NewSchedule {
            time_zone: zone.name().to_owned(),
            slot_interval_min: interval,
            slot_offset_min: offset * 15 % interval,
            buffer_before_min: before * 15,
            buffer_after_min: after * 15,
            min_notice_min: notice * 15,
            horizon_days,
            windows,
            exceptions,
            limits,
        }
    }
}

/// A world, the cells that are looked at, and a length of sessions.
fn worlds() -> impl Strategy<Value = (World, CellRange, u32)> {
    let schedule = |(zone, at): (Tz, Instant)| {
        let around = at.with_timezone(&zone).date_naive();
        let sessions = prop::collection::vec((-500i64..500, 1i64..8, 0usize..2), 0..6);
        let asks = prop::option::of(0usize..2);
        let drawn =
            (schedules(zone, around), sessions, asks, -900i64..4 * 86_400, prop_oneof![1u32..=8, 1u32..=32]);
        drawn.prop_map(move |(new, sessions, asks, before, quarters)| {
            let people = [UserId(uuid::Uuid::from_u128(1)), UserId(uuid::Uuid::from_u128(2))];
            let range = Cell::at_or_after(at).run(CELLS);
            let cells = |from, length| range.first.plus(from).run(length);
            let world = World {
                new,
                zone,
                busy: sessions.iter().map(|(from, length, _)| cells(*from, *length)).collect(),
                sessions: sessions
                    .iter()
                    .map(|(from, _, of)| Session {
                        starts_at: range.first.plus(*from).start(),
                        mentee_id: people[*of],
                    })
                    .collect(),
                mentee: asks.map(|of| people[of]),
                now: at - TimeDelta::seconds(before),
                seen: Default::default(),
                runs: Default::default(),
            };
            (world, range, quarters * 15)
        })
    };
    places().prop_flat_map(schedule)
}

impl World {
    fn booked(&self) -> Booked {
        let busy: BusyCells = self.busy.iter().flat_map(|range| range.iter()).collect();
        Booked { busy, load: Load::count(self.zone, self.mentee, &self.sessions) }
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn list_and_judge_say_what_the_reference_says((world, range, duration) in worlds()) {
        let (rules, booked, now) = (world.new.rules().expect("drawn valid"), world.booked(), world.now);
        let listed = list(&rules, duration, &booked, range, now);
        for start in range.iter().map(Cell::start) {
            let judged = judge(&rules, duration, &booked, start, now);
            prop_assert_eq!(judged, world.judge(duration, start), "{} in {}", start, world.zone);
            prop_assert_eq!(judged.is_ok(), listed.contains(&start), "{} in {}", start, world.zone);
        }
        prop_assert!(listed.is_sorted() && listed.iter().all(|start| range.iter().any(|c| c.start() == *start)));
        let middle = range.first.plus(CELLS / 3);
        let mut parts = list(&rules, duration, &booked, CellRange { end: middle, ..range }, now);
        parts.extend(list(&rules, duration, &booked, CellRange { first: middle, ..range }, now));
        prop_assert_eq!(listed, parts, "a range lists what its parts list");
    }

    #[test]
    fn explaining_a_date_says_what_judging_says((world, range, duration) in worlds()) {
        let (rules, booked, now) = (world.new.rules().expect("drawn valid"), world.booked(), world.now);
        let date = world.local(range.first.start()).date();
        let moments = moments(world.zone, Question::Date(date)).expect("of our time");
        let explained = judged(&rules, duration, &booked, &moments, now);
        // Every quarter that the wall clock shows on the date is there once, and nothing else.
        let noon = date.and_hms_opt(12, 0, 0).expect("noon").and_utc();
        let around = Cell::at_or_before(noon - TimeDelta::hours(40)).run(80 * 4);
        let mut expected: Vec<Instant> =
            around.iter().map(Cell::start).filter(|start| world.local(*start).date() == date).collect();
        let mut starts: Vec<Instant> = explained.iter().filter_map(|time| time.start).collect();
        prop_assert!(explained.is_sorted_by_key(|time| time.local));
        starts.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(starts, expected, "{} in {}", date, world.zone);
        let listed = list(&rules, duration, &booked, around, now);
        for time in explained {
            match time.start {
                None => {
                    prop_assert_eq!(time.reason, Some(Reason::DstGap));
                    prop_assert!(around.iter().all(|cell| world.local(cell.start()) != time.local));
                }
                Some(start) => {
                    prop_assert_eq!(world.local(start), time.local);
                    prop_assert_eq!(time.reason.is_none(), listed.contains(&start), "{}", start);
                    let judged = judge(&rules, duration, &booked, start, now);
                    prop_assert_eq!(time.reason, judged.err().map(Reason::Refused));
                }
            }
        }
    }
}

#[test]
fn s05_the_hour_left_out_is_a_gap_when_it_is_asked_for_by_the_wall_clock() {
    let gap = "2026-03-08T02:30:00".parse().expect("a local time");
    let moments = moments(Tz::America__New_York, Question::Local(gap)).expect("of our time");
    assert_eq!(moments, [(gap, None)]);
}

#[test]
fn s06_the_hour_that_comes_twice_is_explained_twice() {
    let twice = "2026-11-01T01:30:00".parse().expect("a local time");
    let moments = moments(Tz::America__New_York, Question::Local(twice)).expect("of our time");
    let at = |text: &str| Some(text.parse::<Instant>().expect("an instant"));
    assert_eq!(moments, [(twice, at("2026-11-01T05:30:00Z")), (twice, at("2026-11-01T06:30:00Z"))]);
}

#[test]
fn s10_a_date_that_the_date_line_swallowed_is_all_gap() {
    let date = NaiveDate::from_ymd_opt(2011, 12, 30).expect("a date");
    let moments = moments(Tz::Pacific__Apia, Question::Date(date)).expect("of our time");
    assert_eq!(moments.len(), 96);
    assert!(moments.iter().all(|(_, start)| start.is_none()));
}

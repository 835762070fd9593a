use chrono::{Datelike, TimeDelta, Timelike};
use proptest::prelude::*;

use super::super::model::{NewSchedule, Window};
use super::*;

const MONDAY: u8 = 0;
const SATURDAY: u8 = 5;
const SUNDAY: u8 = 6;

fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

/// Hours from and to, as whole hours.
fn hours(weekday: u8, from: u16, to: u16) -> Window {
    Window { weekday, from_minute: from * 60, to_minute: to * 60 }
}

fn schedule(zone: &str, interval: u32, windows: Vec<Window>) -> NewSchedule {
    NewSchedule {
        time_zone: zone.to_owned(),
        slot_interval_min: interval,
        buffer_before_min: 0,
        buffer_after_min: 0,
        min_notice_min: 0,
        horizon_days: 60,
        windows,
    }
}

fn rules(zone: &str, interval: u32, windows: Vec<Window>) -> Rules {
    schedule(zone, interval, windows).rules().expect("a valid schedule")
}

fn between(from: &str, to: &str) -> CellRange {
    CellRange { first: Cell::at_or_after(at(from)), end: Cell::at_or_after(at(to)) }
}

/// Slots of a free calendar, asked a week before, as `2026-03-08T06:30`.
fn slots(rules: &Rules, duration: u32, from: &str, to: &str) -> Vec<String> {
    let now = at(from) - TimeDelta::days(7);
    let starts = list(rules, duration, &BusyCells::default(), between(from, to), now);
    starts.iter().map(|start| start.format("%Y-%m-%dT%H:%M").to_string()).collect()
}

#[test]
fn s05_the_hour_left_out_in_spring_has_no_slots() {
    // New York, 8 March 2026: 01:59 EST is followed by 03:00 EDT.
    let gap = rules("America/New_York", 30, vec![hours(SUNDAY, 2, 3)]);
    assert!(slots(&gap, 30, "2026-03-08T00:00:00Z", "2026-03-09T12:00:00Z").is_empty());
    let week_after = slots(&gap, 30, "2026-03-15T00:00:00Z", "2026-03-16T00:00:00Z");
    assert_eq!(week_after, ["2026-03-15T06:00", "2026-03-15T06:30"]);
    let judged =
        judge(&gap, 30, &BusyCells::default(), at("2026-03-08T07:00:00Z"), at("2026-03-01T00:00:00Z"));
    assert_eq!(judged, Err(Refusal::OutsideHours));
}

#[test]
fn s05_windows_on_both_sides_of_the_gap_stay_apart() {
    // 01:45 and 03:00 are neighbours on that day, but of two windows.
    let apart = rules("America/New_York", 60, vec![hours(SUNDAY, 1, 2), hours(SUNDAY, 3, 4)]);
    let day = ("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z");
    assert!(slots(&apart, 90, day.0, day.1).is_empty());
    assert_eq!(slots(&apart, 60, day.0, day.1), ["2026-03-08T06:00", "2026-03-08T07:00"]);
}

#[test]
fn s06_the_hour_that_comes_twice_has_two_sets_of_slots() {
    // New York, 1 November 2026: 01:59 EDT is followed by 01:00 EST.
    let fold = rules("America/New_York", 30, vec![hours(SUNDAY, 1, 2)]);
    let found = slots(&fold, 30, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
    assert_eq!(found, ["2026-11-01T05:00", "2026-11-01T05:30", "2026-11-01T06:00", "2026-11-01T06:30"]);
    let first = Cell::from_instant(at("2026-11-01T05:30:00Z")).expect("aligned").run(2);
    let busy: BusyCells = first.iter().collect();
    let now = at("2026-10-25T00:00:00Z");
    assert_eq!(judge(&fold, 30, &busy, at("2026-11-01T05:30:00Z"), now), Err(Refusal::Taken));
    assert_eq!(judge(&fold, 30, &busy, at("2026-11-01T06:30:00Z"), now), Ok(()));
}

#[test]
fn s07_a_session_over_the_change_lasts_its_minutes() {
    let night = rules("America/New_York", 60, vec![hours(SUNDAY, 0, 5)]);
    // Spring: 00:00 to 05:00 on the wall are four hours.
    let spring = slots(&night, 120, "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z");
    assert_eq!(spring, ["2026-03-08T05:00", "2026-03-08T06:00", "2026-03-08T07:00"]);
    // Autumn: they are six.
    let autumn = slots(&night, 120, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
    assert_eq!(autumn.len(), 5);
    assert_eq!(autumn.last().map(String::as_str), Some("2026-11-01T08:00"));
}

#[test]
fn s07_notice_that_ends_on_that_day_counts_real_minutes() {
    let mut night = schedule("America/New_York", 60, vec![hours(SUNDAY, 0, 5)]);
    night.min_notice_min = 120;
    let night = night.rules().expect("valid");
    // 00:30 EST; two hours later it is 03:30 EDT.
    let now = at("2026-03-08T05:30:00Z");
    let starts =
        list(&night, 60, &BusyCells::default(), between("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"), now);
    assert_eq!(starts, [at("2026-03-08T08:00:00Z")]);
    assert_eq!(
        judge(&night, 60, &BusyCells::default(), at("2026-03-08T07:00:00Z"), now),
        Err(Refusal::TooSoon)
    );
}

#[test]
fn s10_zones_with_half_and_quarter_hours_keep_their_grid() {
    let kolkata = rules("Asia/Kolkata", 60, vec![hours(MONDAY, 9, 11)]);
    let found = slots(&kolkata, 60, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(found, ["2026-06-01T03:30", "2026-06-01T04:30"]);
    let kathmandu = rules("Asia/Kathmandu", 60, vec![hours(MONDAY, 9, 11)]);
    let found = slots(&kathmandu, 60, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(found, ["2026-06-01T03:15", "2026-06-01T04:15"]);
    // Lord Howe moves its clocks by half an hour: on 4 October 2026, 02:00 becomes 02:30.
    let lord_howe = rules("Australia/Lord_Howe", 30, vec![hours(SUNDAY, 1, 4)]);
    let found = slots(&lord_howe, 30, "2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z");
    assert_eq!(found.len(), 5);
    assert_eq!(found[0], "2026-10-03T14:30");
}

#[test]
fn s10_hours_past_midnight_are_one_run_from_week_to_week() {
    let late = rules(
        "Pacific/Kiritimati",
        60,
        vec![Window { weekday: SUNDAY, from_minute: 22 * 60 + 30, to_minute: 1440 }, hours(MONDAY, 0, 1)],
    );
    // Kiritimati is 14 hours ahead: Sunday 22:30 there is Sunday 08:30 UTC. Starts count from the run's start.
    let found = slots(&late, 60, "2026-06-07T00:00:00Z", "2026-06-08T00:00:00Z");
    assert_eq!(found, ["2026-06-07T08:30", "2026-06-07T09:30"]);
}

#[test]
fn refusals_name_the_rule() {
    let mut office = schedule("Asia/Seoul", 30, vec![hours(SATURDAY, 9, 12)]);
    office.min_notice_min = 120;
    office.buffer_after_min = 15;
    office.horizon_days = 14;
    let office = office.rules().expect("valid");
    // Saturday 6 June 2026, 09:00 in Seoul is 00:00 UTC.
    let claimed = Cell::from_instant(at("2026-06-06T02:00:00Z")).expect("aligned");
    let busy: BusyCells = claimed.run(2).iter().collect();
    let judge = |start: &str, now: &str| judge(&office, 60, &busy, at(start), at(now));
    let now = "2026-06-01T00:00:00Z";
    assert_eq!(judge("2026-06-06T00:30:00Z", now), Ok(()));
    assert_eq!(judge("2026-06-06T00:30:01Z", now), Err(Refusal::Misaligned));
    assert_eq!(judge("2026-06-06T00:15:00Z", now), Err(Refusal::Misaligned));
    assert_eq!(judge("2026-05-30T00:00:00Z", now), Err(Refusal::Past));
    assert_eq!(judge("2026-06-06T00:00:00Z", "2026-06-05T22:00:00.000001Z"), Err(Refusal::TooSoon));
    assert_eq!(judge("2026-06-06T00:00:00Z", "2026-06-05T22:00:00Z"), Ok(()));
    assert_eq!(judge("2026-06-20T00:00:00Z", now), Err(Refusal::BeyondHorizon));
    assert_eq!(judge("2026-06-06T02:30:00Z", now), Err(Refusal::OutsideHours));
    assert_eq!(judge("2026-06-06T01:00:00Z", now), Err(Refusal::Taken), "the buffer meets the claim");
}

#[test]
fn a_schedule_names_the_field_that_is_wrong() {
    let field = |change: fn(&mut NewSchedule)| {
        let mut new = schedule("Asia/Seoul", 30, vec![hours(MONDAY, 9, 12)]);
        change(&mut new);
        new.rules().err().map(|invalid| invalid.field)
    };
    assert_eq!(field(|_| ()), None);
    assert_eq!(field(|new| new.time_zone = "Seoul".to_owned()), Some("timeZone"));
    assert_eq!(field(|new| new.slot_interval_min = 20), Some("slotIntervalMinutes"));
    assert_eq!(field(|new| new.buffer_before_min = 135), Some("bufferBeforeMinutes"));
    assert_eq!(field(|new| new.buffer_after_min = 10), Some("bufferAfterMinutes"));
    assert_eq!(field(|new| new.min_notice_min = 1), Some("minNoticeMinutes"));
    assert_eq!(field(|new| new.horizon_days = 181), Some("horizonDays"));
    assert_eq!(field(|new| new.windows.push(hours(MONDAY, 11, 13))), Some("windows"));
    assert_eq!(field(|new| new.windows.push(hours(7, 11, 13))), Some("windows"));
    assert_eq!(field(|new| new.windows[0].to_minute = 545), Some("windows"));
    assert_eq!(field(|new| new.windows[0].to_minute = 1455), Some("windows"));
}

#[test]
fn hours_without_an_end_are_one_run() {
    let always = rules("Asia/Seoul", 60, (0..7).map(|day| hours(day, 0, 24)).collect());
    assert_eq!(slots(&always, 480, "2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z").len(), 7 * 24);
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Asia/Seoul",
        "UTC",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "America/Asuncion",
        "Pacific/Kiritimati",
    ])
}

/// Up to 14 windows; those that would overlap an earlier one are left out.
fn windows() -> impl Strategy<Value = Vec<Window>> {
    let one = (0u8..7, 0u16..96, 1u16..40);
    prop::collection::vec(one, 0..14).prop_map(|drawn| {
        let mut windows: Vec<Window> = Vec::new();
        for (weekday, from, length) in drawn {
            let to = (from + length).min(96);
            let new = Window { weekday, from_minute: from * 15, to_minute: to * 15 };
            if windows.iter().all(|w| {
                w.weekday != weekday || w.to_minute <= new.from_minute || new.to_minute <= w.from_minute
            }) {
                windows.push(new);
            }
        }
        windows
    })
}

prop_compose! {
    fn schedules()(
        zone in zones(),
        interval in prop::sample::select(vec![15u32, 30, 60]),
        before in 0u32..=8,
        after in 0u32..=8,
        notice in 0u32..100,
        horizon_days in 1u32..=12,
        windows in windows(),
    ) -> NewSchedule {
        NewSchedule {
            time_zone: zone.to_owned(),
            slot_interval_min: interval,
            buffer_before_min: before * 15,
            buffer_after_min: after * 15,
            min_notice_min: notice * 15,
            horizon_days,
            windows,
        }
    }
}

/// Days with and without a change of the clocks somewhere in the zones above, 2026 and 2027.
fn days() -> impl Strategy<Value = Instant> {
    prop::sample::select(vec![
        "2026-03-07T00:00:00Z",
        "2026-10-31T00:00:00Z",
        "2026-04-04T00:00:00Z",
        "2026-10-02T00:00:00Z",
        "2027-02-06T00:00:00Z",
        "2026-06-15T00:00:00Z",
        "2026-12-30T00:00:00Z",
    ])
    .prop_map(at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn listing_and_judging_never_disagree(
        new in schedules(),
        day in days(),
        seconds_before in 0i64..4 * 86_400,
        quarters in 1u32..=16,
        taken in prop::collection::vec((0i64..300, 1i64..12), 0..12),
    ) {
        let rules = new.rules().expect("drawn valid");
        let now = day - TimeDelta::seconds(seconds_before);
        let range = Cell::at_or_after(day).run(288);
        let busy: BusyCells =
            taken.iter().flat_map(|(from, length)| range.first.plus(*from).run(*length).iter()).collect();
        let duration = quarters * 15;
        let listed = list(&rules, duration, &busy, range, now);
        let judged: Vec<Instant> = range
            .iter()
            .map(Cell::start)
            .filter(|start| judge(&rules, duration, &busy, *start, now).is_ok())
            .collect();
        prop_assert_eq!(&listed, &judged);
        for start in listed {
            let session = Cell::at_or_before(start).run(i64::from(quarters));
            let around = rules.with_buffers(session);
            prop_assert!(around.iter().all(|cell| !busy.meets(cell.run(1))));
            prop_assert!(start >= now + TimeDelta::minutes(i64::from(new.min_notice_min)));
            prop_assert!(start <= now + TimeDelta::days(i64::from(new.horizon_days)));
            for cell in session.iter() {
                prop_assert!(is_open(&new, cell), "{} is closed", cell.start());
            }
        }
    }

    #[test]
    fn a_range_lists_what_its_halves_list(new in schedules(), day in days(), cut in 0i64..288) {
        let rules = new.rules().expect("drawn valid");
        let range = Cell::at_or_after(day).run(288);
        let middle = range.first.plus(cut);
        let of = |range| list(&rules, 60, &BusyCells::default(), range, day);
        let mut halves = of(CellRange { first: range.first, end: middle });
        halves.extend(of(CellRange { first: middle, end: range.end }));
        prop_assert_eq!(of(range), halves);
    }
}

/// Written the other way round, straight from the windows.
fn is_open(new: &NewSchedule, cell: Cell) -> bool {
    let zone: Tz = new.time_zone.parse().expect("a zone");
    let local = cell.start().with_timezone(&zone);
    let minute = local.hour() * 60 + local.minute();
    new.windows.iter().any(|w| {
        u32::from(w.weekday) == local.weekday().num_days_from_monday()
            && (u32::from(w.from_minute)..u32::from(w.to_minute)).contains(&minute)
    })
}

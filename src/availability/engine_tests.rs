use chrono::TimeDelta;

use super::super::cells::BusyCells;
use super::super::exceptions::{Exceptions, Override, Vacation};
use super::super::holidays::Country;
use super::super::load::{Load, Session};
use super::super::model::{NewSchedule, Span, Window};
use super::*;
use crate::id::UserId;

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
        slot_offset_min: 0,
        buffer_before_min: 0,
        buffer_after_min: 0,
        min_notice_min: 0,
        horizon_days: 60,
        windows,
        exceptions: Exceptions::default(),
        limits: Limits::default(),
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
    let starts = list(rules, duration, &Booked::default(), between(from, to), now);
    starts.iter().map(|start| start.format("%Y-%m-%dT%H:%M").to_string()).collect()
}

#[test]
fn s05_the_hour_left_out_in_spring_has_no_slots() {
    // New York, 8 March 2026: 01:59 EST is followed by 03:00 EDT.
    let gap = rules("America/New_York", 30, vec![hours(SUNDAY, 2, 3)]);
    assert!(slots(&gap, 30, "2026-03-08T00:00:00Z", "2026-03-09T12:00:00Z").is_empty());
    let week_after = slots(&gap, 30, "2026-03-15T00:00:00Z", "2026-03-16T00:00:00Z");
    assert_eq!(week_after, ["2026-03-15T06:00", "2026-03-15T06:30"]);
    let judged = judge(&gap, 30, &Booked::default(), at("2026-03-08T07:00:00Z"), at("2026-03-01T00:00:00Z"));
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
    let busy = Booked::from(first.iter().collect::<BusyCells>());
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
        list(&night, 60, &Booked::default(), between("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"), now);
    assert_eq!(starts, [at("2026-03-08T08:00:00Z")]);
    assert_eq!(judge(&night, 60, &Booked::default(), at("2026-03-08T07:00:00Z"), now), Err(Refusal::TooSoon));
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
    let busy = Booked::from(claimed.run(2).iter().collect::<BusyCells>());
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
    assert_eq!(field(|new| new.slot_offset_min = 15), None);
    assert_eq!(field(|new| new.slot_offset_min = 30), Some("slotOffsetMinutes"));
    assert_eq!(field(|new| new.slot_offset_min = 10), Some("slotOffsetMinutes"));
    assert_eq!(field(|new| new.limits.per_day = Some(0)), Some("limits"));
    assert_eq!(field(|new| new.limits.per_mentee_week = Some(673)), Some("limits"));
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
fn a_schedule_names_the_exception_that_is_wrong() {
    let rule = |overrides: Vec<Override>, vacations: Vec<Vacation>| {
        let mut new = schedule("Asia/Seoul", 30, vec![]);
        new.exceptions = Exceptions { holidays: vec![], overrides, vacations };
        new.rules().err().map(|invalid| invalid.to_string())
    };
    let (morning, late) = (span(9, 12), span(11, 13));
    let days = |days: i64| (0..days).map(|n| own("2026-01-01", &[morning]).after(n)).collect::<Vec<_>>();
    assert_eq!(rule(days(366), vec![away("2026-01-01", "2027-01-01")]), None);
    let wrong = |overrides| rule(overrides, vec![]).expect("refused");
    assert_eq!(wrong(days(367)), "overrides are at most 366");
    assert!(wrong(vec![own("2026-03-02", &[]), own("2026-03-02", &[morning])]).contains("each date once"));
    assert!(wrong(vec![own("2026-03-02", &[morning, late])]).contains("do not overlap"));
    assert!(wrong(vec![own("2026-03-02", &[span(12, 9)])]).contains("quarters of an hour"));
    assert!(wrong(vec![own("1969-12-31", &[])]).contains("between 1970 and 2100"));
    let wrong = |vacation| rule(vec![], vacation).expect("refused");
    assert!(wrong(vec![away("2026-03-02", "2026-03-01")]).contains("begin before they end"));
    assert!(wrong(vec![away("2026-01-01", "2027-01-02")]).contains("at most 366 days"));
    assert!(wrong(vec![away("2026-01-01", "2101-01-01")]).contains("between 1970 and 2100"));
    assert_eq!(wrong(vec![away("2026-01-01", "2026-01-02"); 51]), "vacations are at most 50");
}

fn span(from: u16, to: u16) -> Span {
    Span { from_minute: from * 60, to_minute: to * 60 }
}

fn own(date: &str, spans: &[Span]) -> Override {
    Override { date: date.parse().expect("a date"), spans: spans.to_vec() }
}

fn away(from: &str, to: &str) -> Vacation {
    Vacation { from: from.parse().expect("a date"), to: to.parse().expect("a date") }
}

impl Override {
    fn after(mut self, days: i64) -> Self {
        self.date += TimeDelta::days(days);
        self
    }
}

/// Seoul, weekdays 09:00 to 12:00, every half hour.
fn mornings() -> NewSchedule {
    schedule("Asia/Seoul", 30, (0..5).map(|day| hours(day, 9, 12)).collect())
}

/// What an hour in Seoul is judged, asked a week before.
fn judged(new: &NewSchedule, booked: &Booked, start: &str) -> Result<(), Refusal> {
    let start = at(&format!("{start}:00+09:00"));
    judge(&new.rules().expect("valid"), 60, booked, start, start - TimeDelta::days(7))
}

#[test]
fn c4_a_date_has_hours_of_its_own() {
    let mut new = mornings();
    new.exceptions.overrides =
        vec![own("2026-06-02", &[span(14, 16)]), own("2026-06-03", &[]), own("2026-06-06", &[span(9, 10)])];
    let judged = |start: &str| judged(&new, &Booked::default(), start);
    assert_eq!(judged("2026-06-01T09:00"), Ok(()), "Monday is as always");
    assert_eq!(judged("2026-06-02T09:00"), Err(Refusal::OverrideClosed), "Tuesday has other hours");
    assert_eq!(judged("2026-06-02T15:00"), Ok(()));
    assert_eq!(judged("2026-06-02T13:00"), Err(Refusal::OutsideHours), "which the week does not have either");
    assert_eq!(judged("2026-06-03T09:00"), Err(Refusal::OverrideClosed), "Wednesday is closed");
    assert_eq!(judged("2026-06-06T09:00"), Ok(()), "Saturday is open for once");
    assert_eq!(judged("2026-06-06T09:30"), Err(Refusal::OutsideHours));
}

#[test]
fn c4_a_session_may_cross_from_one_date_into_the_other() {
    let mut new = schedule("Asia/Seoul", 60, vec![]);
    let evening = Span { from_minute: 22 * 60 + 30, to_minute: 1440 };
    new.exceptions.overrides = vec![own("2026-06-02", &[evening]), own("2026-06-03", &[span(0, 2)])];
    let rules = new.rules().expect("valid");
    let found = slots(&rules, 90, "2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z");
    assert_eq!(
        found,
        ["2026-06-02T13:30", "2026-06-02T14:30", "2026-06-02T15:30"],
        "one run from 22:30 to 02:00"
    );
}

#[test]
fn c4_holidays_close_unless_the_date_has_hours() {
    let mut new = mornings();
    assert_eq!(judged(&new, &Booked::default(), "2026-03-02T09:00"), Ok(()), "nobody asked for holidays");
    new.exceptions.holidays = vec![Country::Korea];
    new.exceptions.overrides = vec![own("2026-05-05", &[span(10, 12)])];
    let judged = |start: &str| judged(&new, &Booked::default(), start);
    assert_eq!(judged("2026-03-02T09:00"), Err(Refusal::Holiday), "the substitute of Sunday the 1st");
    assert_eq!(judged("2026-03-03T09:00"), Ok(()));
    assert_eq!(judged("2026-05-05T10:00"), Ok(()), "opened by its date");
    assert_eq!(judged("2026-05-05T09:00"), Err(Refusal::OverrideClosed));
    assert_eq!(judged("2026-03-01T09:00"), Err(Refusal::OutsideHours), "a Sunday anyway");
}

#[test]
fn c4_nothing_opens_a_day_of_a_vacation() {
    let mut new = mornings();
    new.exceptions.holidays = vec![Country::Korea];
    new.exceptions.overrides = vec![own("2026-05-05", &[span(10, 12)])];
    new.exceptions.vacations = vec![away("2026-05-06", "2026-05-08"), away("2026-05-04", "2026-05-05")];
    let judged = |start: &str| judged(&new, &Booked::default(), start);
    for day in 4..=8 {
        assert_eq!(judged(&format!("2026-05-0{day}T10:00")), Err(Refusal::Vacation), "the {day}th");
    }
    assert_eq!(judged("2026-05-11T10:00"), Ok(()));
    assert_eq!(judged("2026-05-01T10:00"), Err(Refusal::Holiday));
    assert_eq!(judged("2026-05-06T14:00"), Err(Refusal::OutsideHours));
}

#[test]
fn c5_starts_are_counted_from_the_run_and_its_offset() {
    let mut new = schedule("Asia/Seoul", 60, vec![hours(MONDAY, 9, 12)]);
    new.slot_offset_min = 45;
    let rules = new.rules().expect("valid");
    let found = slots(&rules, 30, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(found, ["2026-06-01T00:45", "2026-06-01T01:45"], "11:45 would end too late");
    assert_eq!(judged(&new, &Booked::default(), "2026-06-01T09:00"), Err(Refusal::Misaligned));
}

#[test]
fn c6_limits_count_days_and_weeks_of_the_wall_clock() {
    let mut new = schedule("Asia/Seoul", 30, (0..7).map(|day| hours(day, 0, 24)).collect());
    new.limits = Limits { per_day: Some(2), per_week: Some(3), per_mentee_week: Some(1) };
    let (ours, theirs) = (UserId::generate(), UserId::generate());
    let session = |start: &str, mentee_id| Session { starts_at: at(&format!("{start}:00+09:00")), mentee_id };
    // Monday 1 June to Sunday 7 June.
    let sessions = [
        session("2026-06-01T00:00", theirs),
        session("2026-06-01T23:30", theirs),
        session("2026-06-08T00:00", ours),
    ];
    let asks = |mentee, sessions: &[Session], start| {
        let load = Load::count(Tz::Asia__Seoul, mentee, sessions);
        judged(&new, &Booked { load, ..Booked::default() }, start)
    };
    assert_eq!(asks(None, &sessions, "2026-06-01T12:00"), Err(Refusal::LimitDay));
    assert_eq!(asks(None, &sessions, "2026-05-31T23:30"), Ok(()));
    assert_eq!(asks(None, &sessions, "2026-06-02T00:00"), Ok(()));
    assert_eq!(asks(Some(theirs), &sessions, "2026-06-02T00:00"), Err(Refusal::LimitMentee));
    assert_eq!(asks(Some(ours), &sessions, "2026-06-07T22:30"), Ok(()));
    assert_eq!(asks(Some(ours), &sessions, "2026-06-08T12:00"), Err(Refusal::LimitMentee));
    let full = [&sessions[..], &[session("2026-06-03T12:00", theirs)]].concat();
    assert_eq!(asks(None, &full, "2026-06-07T22:30"), Err(Refusal::LimitWeek));
    assert_eq!(asks(None, &full, "2026-06-08T12:00"), Ok(()));
}

#[test]
fn hours_without_an_end_are_one_run() {
    let always = rules("Asia/Seoul", 60, (0..7).map(|day| hours(day, 0, 24)).collect());
    assert_eq!(slots(&always, 480, "2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z").len(), 7 * 24);
}

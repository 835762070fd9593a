use super::super::model::Cause;
use super::*;
use crate::id::{ConnectionId, PresenceId, ReservationId, UserId};

const NEEDED: TimeDelta = TimeDelta::seconds(60);

fn at(seconds: i64) -> Instant {
    Instant::from_timestamp(1_800_000_000 + seconds, 0).expect("an instant")
}

/// A stay of the mentor from `from`, ended at `to` by `cause`, or last seen then.
fn stay(from: i64, to: i64, cause: Option<Cause>) -> Presence {
    Presence {
        id: PresenceId::generate(),
        reservation_id: ReservationId::generate(),
        user_id: UserId::generate(),
        side: Role::Mentor,
        connection_id: ConnectionId::generate(),
        node: "a".to_owned(),
        joined_at: at(from),
        seen_at: at(to),
        left_at: cause.map(|_| at(to)),
        cause,
    }
}

/// Seconds of a record between 0 and 1,200.
fn seconds(stays: &[Presence]) -> i64 {
    Attendance::of(stays, Role::Mentor, at(0), at(1_200)).seconds
}

#[test]
fn seconds_on_two_devices_count_once() {
    let left = Some(Cause::Left);
    assert_eq!(seconds(&[]), 0);
    assert_eq!(seconds(&[stay(100, 130, left)]), 30);
    assert_eq!(seconds(&[stay(100, 130, left), stay(110, 140, left), stay(120, 125, left)]), 40);
    assert_eq!(seconds(&[stay(200, 230, left), stay(100, 130, left)]), 60, "in any order");
    assert_eq!(
        seconds(&[stay(-50, 20, left), stay(1_190, 1_300, left)]),
        30,
        "what lies outside does not count"
    );
    assert_eq!(seconds(&[stay(1_300, 1_400, left)]), 0);
    assert_eq!(Attendance::of(&[stay(0, 90, left)], Role::Mentee, at(0), at(1_200)), Attendance::default());
}

#[test]
fn whoever_was_there_for_a_moment_was_there() {
    let moment = |from: i64, milliseconds: i64| {
        let mut stay = stay(from, from, Some(Cause::Closed));
        stay.left_at = Some(at(from) + TimeDelta::milliseconds(milliseconds));
        Attendance::of(&[stay], Role::Mentor, at(0), at(1_200))
    };
    for (from, milliseconds) in [(300, 999), (300, 0), (0, 0), (-1, 1_500)] {
        let seen = moment(from, milliseconds);
        assert_eq!((seen.seconds, seen.was_there), (0, true), "{from} s and {milliseconds} ms");
    }
    assert!(!moment(-50, 49_999).was_there, "before the opening, of another schedule");
    assert!(!moment(1_201, 100).was_there, "after the decision");
}

#[test]
fn an_open_stay_lasts_while_it_is_heard_of() {
    let open = Attendance::of(&[stay(1_150, 1_195, None)], Role::Mentor, at(0), at(1_200));
    assert_eq!(open, Attendance { seconds: 50, was_there: true, is_there: true, is_lost: false });
    let silent = Attendance::of(&[stay(1_000, 1_139, None)], Role::Mentor, at(0), at(1_200));
    assert_eq!(silent, Attendance { seconds: 154, was_there: true, is_there: false, is_lost: true });
}

#[test]
fn every_row_of_the_table() {
    let gone = Attendance::default();
    let side = |seconds, is_there, is_lost| Attendance { seconds, was_there: true, is_there, is_lost };
    let (came, there, short, moment, lost) = (
        side(60, false, false),
        side(3, true, false),
        side(59, false, false),
        side(0, false, false),
        side(30, false, true),
    );
    let up = TimeDelta::seconds(30);
    for (mentor, mentee, verdict) in [
        (came, came, Verdict::Met),
        (came, there, Verdict::Met),
        (there, there, Verdict::Met),
        (came, gone, Verdict::Absent(Absent::Mentee)),
        (there, gone, Verdict::Absent(Absent::Mentee)),
        (gone, came, Verdict::Absent(Absent::Mentor)),
        (gone, there, Verdict::Absent(Absent::Mentor)),
        (gone, gone, Verdict::Absent(Absent::Both)),
        (came, short, Verdict::Unclear),
        (short, came, Verdict::Unclear),
        (short, gone, Verdict::Unclear),
        (short, short, Verdict::Unclear),
        (came, moment, Verdict::Unclear),
        (moment, gone, Verdict::Unclear),
        (came, lost, Verdict::Outage),
        (lost, gone, Verdict::Outage),
        (short, lost, Verdict::Outage),
    ] {
        assert_eq!(judge(mentor, mentee, up, NEEDED), verdict, "{mentor:?} {mentee:?}");
        let down = judge(mentor, mentee, TimeDelta::seconds(31), NEEDED);
        let expected = if verdict == Verdict::Met { Verdict::Met } else { Verdict::Outage };
        assert_eq!(down, expected, "while we were away: {mentor:?} {mentee:?}");
    }
}

#[test]
fn whoever_was_lost_but_had_come_is_blamed_for_nothing() {
    let came = Attendance { seconds: 300, was_there: true, is_there: false, is_lost: true };
    assert_eq!(
        judge(came, Attendance::default(), TimeDelta::zero(), NEEDED),
        Verdict::Absent(Absent::Mentee)
    );
}

#[test]
fn an_outage_is_what_of_it_lies_in_the_window() {
    let longest = |outages: &[(i64, i64)], last: Option<i64>| {
        let outages: Vec<_> = outages.iter().map(|(a, b)| (at(*a), at(*b))).collect();
        longest_outage(&outages, last.map(at), at(0), at(1_200)).num_seconds()
    };
    assert_eq!(longest(&[], Some(1_196)), 4);
    assert_eq!(longest(&[], None), 1_200, "nobody was ever there");
    assert_eq!(longest(&[(-5_000, 10)], Some(1_200)), 10);
    assert_eq!(longest(&[(100, 140), (200, 235)], Some(1_200)), 40);
    assert_eq!(longest(&[(-500, -100), (1_300, 1_400)], Some(1_250)), 0);
    assert_eq!(longest(&[], Some(-900)), 1_200, "still away");
}

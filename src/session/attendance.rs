//! Who came, by the record of the room. Pure.

use chrono::TimeDelta;
use serde::Serialize;

use super::model::{OUTAGE, Presence, Role};
use crate::clock::Instant;
use crate::reservation::Absent;

/// What the record says of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Attendance {
    /// Whole seconds in the room, those on two devices counted once.
    pub seconds: i64,
    /// At any moment since the opening, however short.
    pub was_there: bool,
    /// At the moment of the decision.
    pub is_there: bool,
    /// Whether a stay ended without anybody's doing.
    pub is_lost: bool,
}

impl Attendance {
    /// Of the stays of one side, what lies between `opens_at` and `now`.
    pub fn of(stays: &[Presence], side: Role, opens_at: Instant, now: Instant) -> Self {
        let own: Vec<&Presence> =
            stays.iter().filter(|stay| stay.side == side && stay.joined_at <= now).collect();
        let mut spans: Vec<(Instant, Instant)> =
            own.iter().map(|stay| (stay.joined_at.max(opens_at), stay.end(now).min(now))).collect();
        spans.sort_unstable();
        let (mut seconds, mut until) = (TimeDelta::zero(), opens_at);
        for (from, to) in spans {
            let from = from.max(until);
            if to > from {
                seconds += to - from;
                until = to;
            }
        }
        Self {
            seconds: seconds.num_seconds(),
            was_there: own.iter().any(|stay| stay.end(now) >= opens_at),
            is_there: own.iter().any(|stay| stay.is_there(now)),
            is_lost: own.iter().any(|stay| stay.is_lost(now)),
        }
    }

    fn came(self, needed: TimeDelta) -> bool {
        self.is_there || self.seconds >= needed.num_seconds()
    }
}

/// What follows from the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Both came.
    Met,
    Absent(Absent),
    /// Somebody was there for a moment: a person decides.
    Unclear,
    /// We were not there ourselves, or lost somebody: a person decides.
    Outage,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Absent(Absent::Mentee) => "mentee_absent",
            Self::Absent(Absent::Mentor) => "mentor_absent",
            Self::Absent(Absent::Both) => "both_absent",
            Self::Unclear => "unclear",
            Self::Outage => "outage",
        }
    }
}

/// The table of both sides (S67). Whoever came is blamed for nothing; nobody is blamed for a time in which we were away.
pub(super) fn judge(mentor: Attendance, mentee: Attendance, outage: TimeDelta, needed: TimeDelta) -> Verdict {
    let missing: Vec<Attendance> = [mentor, mentee].into_iter().filter(|side| !side.came(needed)).collect();
    if missing.is_empty() {
        return Verdict::Met;
    }
    if outage > OUTAGE || missing.iter().any(|side| side.is_lost) {
        return Verdict::Outage;
    }
    if missing.iter().any(|side| side.was_there) {
        return Verdict::Unclear;
    }
    Verdict::Absent(match (mentor.came(needed), mentee.came(needed)) {
        (true, _) => Absent::Mentee,
        (false, true) => Absent::Mentor,
        (false, false) => Absent::Both,
    })
}

/// The longest time between `from` and `to` in which no process was alive: `outages` are those that are over,
/// `last_beat` the last sign of any.
pub(super) fn longest_outage(
    outages: &[(Instant, Instant)],
    last_beat: Option<Instant>,
    from: Instant,
    to: Instant,
) -> TimeDelta {
    let since_last = (last_beat.unwrap_or(from), to);
    let within = |(began, ended): &(Instant, Instant)| (*ended).min(to) - (*began).max(from);
    outages.iter().chain([&since_last]).map(within).max().unwrap_or_default().max(TimeDelta::zero())
}

#[cfg(test)]
#[path = "attendance_tests.rs"]
mod tests;

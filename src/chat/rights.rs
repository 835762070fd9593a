//! Who may read and write in the room of a reservation: its members, as its state says. Pure.

use crate::clock::Instant;
use crate::config::Rules;
use crate::reservation::State;

/// What rights rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub state: State,
    /// UTC.
    pub ends_at: Instant,
    /// Whether it was ever confirmed, which a payment alone does.
    pub was_paid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Never paid for: there is no room yet.
    None,
    /// An archive.
    Read,
    /// Until that instant (UTC).
    Write { until: Instant },
}

impl Rights {
    pub fn can_read(self) -> bool {
        self != Self::None
    }

    pub fn can_write(self) -> bool {
        matches!(self, Self::Write { .. })
    }

    pub fn closes_at(self) -> Option<Instant> {
        match self {
            Self::Write { until } => Some(until),
            _ => None,
        }
    }
}

/// Members write from the confirmation until some days after the session's end, unless it was cancelled, and read for
/// ever.
pub fn rights(facts: &Facts, rules: &Rules, now: Instant) -> Rights {
    let until = facts.ends_at + rules.chat_life();
    match facts.state {
        State::Confirmed | State::InSession | State::Completed | State::NoShow if now < until => {
            Rights::Write { until }
        }
        State::Confirmed | State::InSession | State::Completed | State::NoShow => Rights::Read,
        _ if facts.was_paid => Rights::Read,
        _ => Rights::None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn rights_follow_the_state_and_the_clock() {
        let ends_at: Instant = "2026-03-03T03:00:00Z".parse().unwrap();
        let rules = Rules::default();
        let until = ends_at + TimeDelta::days(7);
        let of = |state, was_paid, now| rights(&Facts { state, ends_at, was_paid }, &rules, now);
        for &state in State::ALL {
            let before = of(state, false, ends_at - TimeDelta::days(1));
            let paid_before = of(state, true, ends_at - TimeDelta::days(1));
            let (last, after) = (of(state, true, until - TimeDelta::microseconds(1)), of(state, true, until));
            match state {
                State::Confirmed | State::InSession | State::Completed | State::NoShow => {
                    assert_eq!((before, paid_before), (Rights::Write { until }, Rights::Write { until }));
                    assert_eq!((last, after), (Rights::Write { until }, Rights::Read), "{state:?}");
                }
                _ => {
                    assert_eq!((before, paid_before), (Rights::None, Rights::Read), "{state:?}");
                    assert_eq!((last, after), (Rights::Read, Rights::Read), "{state:?}");
                }
            }
        }
        assert_eq!(Rights::Write { until }.closes_at(), Some(until));
        assert!(!Rights::None.can_read() && Rights::Read.can_read() && !Rights::Read.can_write());
    }
}

//! How many sessions a mentor may have, and has. Pure.

use std::collections::HashMap;

use chrono_tz::Tz;

use super::cells::{BusyCells, Cell};
use super::day::DAY;
use super::engine::{Refusal, local_quarter};
use super::hours::week_of;
use super::model::Invalid;
use crate::clock::Instant;
use crate::id::UserId;

/// Sessions that start on one day, or in one week from Monday on, of the mentor's wall clock. `None`: any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub per_day: Option<u32>,
    pub per_week: Option<u32>,
    /// With one and the same mentee.
    pub per_mentee_week: Option<u32>,
}

impl Limits {
    /// Quarters of an hour in a week: nobody can have more sessions.
    const MOST: u32 = 672;

    pub(super) fn check(&self) -> Result<(), Invalid> {
        for limit in [self.per_day, self.per_week, self.per_mentee_week].into_iter().flatten() {
            if !(1..=Self::MOST).contains(&limit) {
                return Err(Invalid { field: "limits", rule: "are 1 to 672, or absent" });
            }
        }
        Ok(())
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A session that counts: live, or over and not cancelled. Extensions are part of theirs.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Session {
    pub starts_at: Instant,
    pub mentee_id: UserId,
}

/// How many sessions each day and week has.
#[derive(Clone, Debug, Default)]
pub struct Load {
    days: HashMap<i64, u32>,
    weeks: HashMap<i64, u32>,
    mentee_weeks: HashMap<(UserId, i64), u32>,
    /// Who asks, where that is somebody.
    mentee: Option<UserId>,
}

impl Load {
    pub fn count(zone: Tz, mentee: Option<UserId>, sessions: &[Session]) -> Self {
        let mut load = Self { mentee, ..Self::default() };
        for session in sessions {
            load.change(zone, session, |count| count + 1);
        }
        load
    }

    fn change(&mut self, zone: Tz, session: &Session, by: impl Fn(u32) -> u32) {
        let Some(quarter) = local_quarter(zone, Cell::at_or_before(session.starts_at)) else { return };
        let (day, week) = (quarter.div_euclid(DAY), week_of(quarter.div_euclid(DAY)));
        for count in [
            self.days.entry(day).or_default(),
            self.weeks.entry(week).or_default(),
            self.mentee_weeks.entry((session.mentee_id, week)).or_default(),
        ] {
            *count = by(*count);
        }
    }

    /// Whether one more session may start at a quarter of local time.
    pub(super) fn allows(&self, limits: &Limits, quarter: i64) -> Result<(), Refusal> {
        if limits.is_none() {
            return Ok(());
        }
        let (day, week) = (quarter.div_euclid(DAY), week_of(quarter.div_euclid(DAY)));
        let full = |limit: Option<u32>, count: Option<&u32>| {
            limit.is_some_and(|limit| count.is_some_and(|count| *count >= limit))
        };
        let of_mentee = self.mentee.and_then(|mentee| self.mentee_weeks.get(&(mentee, week)));
        if full(limits.per_day, self.days.get(&day)) {
            Err(Refusal::LimitDay)
        } else if full(limits.per_week, self.weeks.get(&week)) {
            Err(Refusal::LimitWeek)
        } else if full(limits.per_mentee_week, of_mentee) {
            Err(Refusal::LimitMentee)
        } else {
            Ok(())
        }
    }
}

/// What a mentor has already.
#[derive(Clone, Debug, Default)]
pub struct Booked {
    pub busy: BusyCells,
    /// Not needed without limits.
    pub load: Load,
}

impl From<BusyCells> for Booked {
    fn from(busy: BusyCells) -> Self {
        Self { busy, load: Load::default() }
    }
}

impl Booked {
    /// Asks as the mentee of one of the counted sessions would who does not have it yet.
    pub(super) fn leave_out<T>(&mut self, zone: Tz, session: &Session, ask: impl FnOnce(&Self) -> T) -> T {
        self.load.mentee = Some(session.mentee_id);
        self.load.change(zone, session, |count| count.saturating_sub(1));
        let answer = ask(self);
        self.load.change(zone, session, |count| count + 1);
        answer
    }
}

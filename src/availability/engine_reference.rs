//! The rules once more, slowly: by the calendar's own dates, minute by minute of the wall clock, and straight from what
//! the mentor set. Nothing of the engine is used here but its words.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::super::cells::{Cell, CellRange};
use super::super::exceptions::day_number;
use super::super::load::Session;
use super::super::model::{NewSchedule, Span};
use super::Refusal;
use crate::clock::Instant;
use crate::id::UserId;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// What a mentor set, and what is booked.
#[derive(Debug)]
pub struct World {
    pub new: NewSchedule,
    pub zone: Tz,
    pub busy: Vec<CellRange>,
    pub sessions: Vec<Session>,
    pub mentee: Option<UserId>,
    pub now: Instant,
}

impl World {
    pub fn judge(&self, duration_min: u32, start: Instant) -> Result<(), Refusal> {
        let lasts = TimeDelta::minutes(duration_min.into());
        self.when(start)?;
        let mut at = start;
        let run = self.run(self.local(start));
        while at < start + lasts {
            let local = self.local(at);
            if !self.is_open(local) {
                return Err(self.why(local));
            }
            if self.run(local) != run {
                return Err(Refusal::OutsideHours);
            }
            at += MINUTE;
        }
        let run = run.expect("its first minute is open");
        let into = (self.local(start) - run).num_minutes();
        let (offset, interval) = (i64::from(self.new.slot_offset_min), i64::from(self.new.slot_interval_min));
        if into.rem_euclid(interval) != offset {
            return Err(Refusal::Misaligned);
        }
        let before = TimeDelta::minutes(self.new.buffer_before_min.into());
        let after = TimeDelta::minutes(self.new.buffer_after_min.into());
        let (from, to) = (start - before, start + lasts + after);
        if self.busy.iter().any(|busy| busy.first.start() < to && from < busy.end.start()) {
            return Err(Refusal::Taken);
        }
        self.limits(self.local(start).date())
    }

    fn when(&self, start: Instant) -> Result<(), Refusal> {
        let notice = TimeDelta::minutes(self.new.min_notice_min.into());
        // Both limits stand still within a quarter of an hour.
        let (last, next) = (Cell::at_or_before(self.now).start(), Cell::at_or_after(self.now).start());
        if start < self.now {
            Err(Refusal::Past)
        } else if start < next + notice {
            Err(Refusal::TooSoon)
        } else if start > last + TimeDelta::days(self.new.horizon_days.into()) {
            Err(Refusal::BeyondHorizon)
        } else {
            Ok(())
        }
    }

    fn limits(&self, date: NaiveDate) -> Result<(), Refusal> {
        let dates = || self.sessions.iter().map(|one| (self.local(one.starts_at).date(), one.mentee_id));
        let week = |date: NaiveDate| (date.iso_week().year(), date.iso_week().week());
        let of_day = dates().filter(|(other, _)| *other == date).count();
        let of_week = dates().filter(|(other, _)| week(*other) == week(date)).count();
        let of_mentee =
            dates().filter(|(other, id)| week(*other) == week(date) && Some(*id) == self.mentee).count();
        let full = |limit: Option<u32>, count| limit.is_some_and(|limit| count >= limit as usize);
        if full(self.new.limits.per_day, of_day) {
            Err(Refusal::LimitDay)
        } else if full(self.new.limits.per_week, of_week) {
            Err(Refusal::LimitWeek)
        } else if self.mentee.is_some() && full(self.new.limits.per_mentee_week, of_mentee) {
            Err(Refusal::LimitMentee)
        } else {
            Ok(())
        }
    }

    pub fn local(&self, at: Instant) -> NaiveDateTime {
        let local: DateTime<Tz> = at.with_timezone(&self.zone);
        local.naive_local()
    }

    fn is_weekly(&self, local: NaiveDateTime) -> bool {
        let weekday = local.weekday().num_days_from_monday();
        self.new.windows.iter().any(|window| {
            let span = Span { from_minute: window.from_minute, to_minute: window.to_minute };
            u32::from(window.weekday) == weekday && covers(&span, local)
        })
    }

    fn own_hours(&self, local: NaiveDateTime) -> Option<bool> {
        let own = self.new.exceptions.overrides.iter().find(|given| given.date == local.date())?;
        Some(own.spans.iter().any(|span| covers(span, local)))
    }

    fn is_holiday(&self, date: NaiveDate) -> bool {
        self.new.exceptions.holidays.iter().any(|country| country.days().contains(&day_number(date)))
    }

    fn is_away(&self, date: NaiveDate) -> bool {
        self.new.exceptions.vacations.iter().any(|away| away.from <= date && date <= away.to)
    }

    pub fn is_open(&self, local: NaiveDateTime) -> bool {
        let date = local.date();
        !self.is_away(date)
            && self.own_hours(local).unwrap_or_else(|| self.is_weekly(local) && !self.is_holiday(date))
    }

    fn why(&self, local: NaiveDateTime) -> Refusal {
        let date = local.date();
        match (self.own_hours(local), self.is_weekly(local)) {
            (Some(true), _) => Refusal::Vacation,
            (Some(false), true) => Refusal::OverrideClosed,
            (None, true) if self.is_away(date) => Refusal::Vacation,
            (None, true) => Refusal::Holiday,
            (_, false) => Refusal::OutsideHours,
        }
    }

    /// Where the run of an open minute begins. Hours that never begin are counted from a midnight.
    fn run(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        if !self.is_open(local) {
            return None;
        }
        let today = self.local(self.now).date();
        let earliest = self.first_exception().unwrap_or(today).min(today);
        let bottom = earliest.and_hms_opt(0, 0, 0).expect("midnight") - TimeDelta::days(20);
        let mut first = local;
        while self.is_open(first - MINUTE) {
            first -= MINUTE;
            if first < bottom {
                return Some(NaiveDateTime::default());
            }
        }
        Some(first)
    }

    fn first_exception(&self) -> Option<NaiveDate> {
        let overrides = self.new.exceptions.overrides.iter().map(|given| given.date);
        let vacations = self.new.exceptions.vacations.iter().map(|away| away.from);
        overrides.chain(vacations).min()
    }
}

fn covers(span: &Span, local: NaiveDateTime) -> bool {
    let minute = local.hour() * 60 + local.minute();
    (u32::from(span.from_minute)..u32::from(span.to_minute)).contains(&minute)
}

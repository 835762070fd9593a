//! The rules once more, slowly: by the calendar's own dates, minute by minute of the wall clock, and straight from what
//! the mentor set. Nothing of the engine is used here but its words.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
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
    /// What was found out already, of instants and of local times: nothing changes in a world.
    pub seen: RefCell<HashMap<Instant, Minute>>,
    pub runs: RefCell<HashMap<NaiveDateTime, Option<NaiveDateTime>>>,
}

/// What the wall clock shows at an instant, and where the run begins that is open then.
#[derive(Clone, Copy, Debug)]
pub struct Minute {
    local: NaiveDateTime,
    run: Option<NaiveDateTime>,
}

impl World {
    pub fn judge(&self, duration_min: u32, start: Instant) -> Result<(), Refusal> {
        let lasts = TimeDelta::minutes(duration_min.into());
        self.when(start)?;
        let mut at = start;
        let run = self.minute(start).run;
        while at < start + lasts {
            let minute = self.minute(at);
            if minute.run.is_none() {
                return Err(self.why(minute.local));
            }
            if minute.run != run {
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

    fn minute(&self, at: Instant) -> Minute {
        let look = || {
            let local = self.local(at);
            Minute { local, run: self.run(local) }
        };
        *self.seen.borrow_mut().entry(at).or_insert_with(look)
    }

    /// Where the run of a minute begins; `None` where it is closed. Hours that never begin are counted from a midnight.
    fn run(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut runs = self.runs.borrow_mut();
        let (mut walked, mut first) = (Vec::new(), local);
        let begins = loop {
            if let Some(known) = runs.get(&first) {
                break known.or(walked.last().copied());
            }
            if !self.is_open(first) {
                runs.insert(first, None);
                break walked.last().copied();
            }
            walked.push(first);
            if walked.len().is_multiple_of(1440) && first < self.bottom() {
                break Some(NaiveDateTime::default());
            }
            first -= MINUTE;
        };
        runs.extend(walked.into_iter().map(|minute| (minute, begins)));
        begins
    }

    /// Before everything that is not as in every week.
    fn bottom(&self) -> NaiveDateTime {
        let today = self.local(self.now).date();
        let earliest = self.first_exception().unwrap_or(today).min(today);
        earliest.and_time(NaiveTime::MIN) - TimeDelta::days(20)
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

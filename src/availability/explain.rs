//! Why a time is not offered, for those whose offering it is.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use sqlx::MySqlPool;

use super::cells::{Cell, CellRange, whole_cells};
use super::engine::{self, Refusal, Rules};
use super::error::Error;
use super::load::Booked;
use super::{load, query, rules_for};
use crate::clock::Instant;
use crate::id::UserId;
use crate::mentor::Kind;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    At(Instant),
    /// A time on the mentor's wall clock.
    Local(NaiveDateTime),
    /// Every quarter of an hour of a date on the mentor's wall clock.
    Date(NaiveDate),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The clocks are put forward over this time: it does not come.
    DstGap,
    Refused(Refusal),
}

/// A time of the mentor's wall clock. One that comes twice is explained twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    pub local: NaiveDateTime,
    /// `None`: it does not come.
    pub start: Option<Instant>,
    /// `None`: it is offered.
    pub reason: Option<Reason>,
}

#[derive(Clone, Debug)]
pub struct Explanation {
    pub zone: Tz,
    pub times: Vec<Explained>,
}

/// Explains times of a mentor for sessions of `duration_min` by offerings of a kind: as anybody would be answered, or as
/// `mentee` would.
///
/// # Errors
/// `schedule.missing`, `slot.misaligned` for a duration that is no multiple of 15, `slot.invalid_question` for years
/// before 1970 and after 2100.
pub async fn explain(
    pool: &MySqlPool,
    mentor: UserId,
    kind: Kind,
    mentee: Option<UserId>,
    duration_min: u32,
    question: Question,
    now: Instant,
) -> Result<Explanation, Error> {
    let rules = rules_for(pool, mentor, kind).await?;
    let length = whole_cells(duration_min).ok_or(Error::Misaligned)?;
    let moments = moments(rules.zone(), question).ok_or(Error::InvalidQuestion)?;
    let free = judged(&rules, duration_min, &Booked::default(), &moments, now);
    let open = || free.iter().filter(|time| time.reason.is_none()).filter_map(|time| time.start);
    let (Some(first), Some(last)) = (open().min(), open().max()) else {
        return Ok(Explanation { zone: rules.zone(), times: free });
    };
    let range = CellRange { first: Cell::at_or_before(first), end: Cell::at_or_before(last).plus(length) };
    let busy = query::claims(pool, mentor, rules.with_buffers(range)).await?;
    let load = load(pool, &rules, mentor, mentee, range, None).await?;
    let times = judged(&rules, duration_min, &Booked { busy, load }, &moments, now);
    Ok(Explanation { zone: rules.zone(), times })
}

/// Local times with the instants at which they come.
pub(super) type Moment = (NaiveDateTime, Option<Instant>);

/// `None` for what is not of our time.
pub(super) fn moments(zone: Tz, question: Question) -> Option<Vec<Moment>> {
    let year = match question {
        Question::At(at) => at.year(),
        Question::Local(local) => local.year(),
        Question::Date(date) => date.year(),
    };
    if !(1970..=2100).contains(&year) {
        return None;
    }
    Some(match question {
        Question::At(at) => vec![(at.with_timezone(&zone).naive_local(), Some(at))],
        Question::Local(local) => comes(zone, local),
        Question::Date(date) => {
            let midnight = date.and_time(NaiveTime::MIN);
            (0..96).flat_map(|quarter| comes(zone, midnight + TimeDelta::minutes(15 * quarter))).collect()
        }
    })
}

fn comes(zone: Tz, local: NaiveDateTime) -> Vec<Moment> {
    let found = zone.from_local_datetime(&local);
    let instants =
        [found.earliest(), found.latest().filter(|latest| Some(latest) != found.earliest().as_ref())];
    let mut moments: Vec<Moment> =
        instants.into_iter().flatten().map(|at| (local, Some(at.to_utc()))).collect();
    if moments.is_empty() {
        moments.push((local, None));
    }
    moments
}

/// Each as [`engine::judge`] judges it.
pub(super) fn judged(
    rules: &Rules,
    duration_min: u32,
    booked: &Booked,
    moments: &[Moment],
    now: Instant,
) -> Vec<Explained> {
    let reason = |start: Option<Instant>| match start {
        None => Some(Reason::DstGap),
        Some(start) => engine::judge(rules, duration_min, booked, start, now).err().map(Reason::Refused),
    };
    moments
        .iter()
        .map(|(local, start)| Explained { local: *local, start: *start, reason: reason(*start) })
        .collect()
}

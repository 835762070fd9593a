//! Availability: when a mentor can be booked, and who owns which quarter of an hour.
//!
//! A slot is claimed by the database: `slot_claims` has one row per person and cell, and a duplicate key is
//! "taken". What needs reading first (hours, notice, horizon, limits) is judged under the calendar locks, by the engine
//! that lists the slots.

mod cache;
mod cells;
mod change;
mod day;
mod engine;
mod error;
mod exceptions;
mod explain;
mod free;
mod holidays;
mod hours;
mod listing;
mod load;
mod model;
mod moving;
mod preview;
mod query;
mod zone;

use chrono::TimeDelta;
use sqlx::MySqlExecutor;

use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::{ReservationId, UserId};
use crate::mentor::{self, Kind};

pub use cache::{MAX_LISTING_DAYS, Wanted, listing};
pub use cells::{BusyCells, CELL_MIN, Cell, CellRange, whole_cells};
pub use change::{ScheduleChange, proposed};
pub use engine::{Refusal, Rules};
pub use error::Error;
pub use exceptions::{Exceptions, Override, Vacation};
pub use explain::{Explained, Explanation, Question, Reason, explain};
pub use free::{ask_missed, missed_refreshes, refresh_free};
pub use holidays::Country;
pub use listing::{Day, Listing, Slot};
pub use load::{Booked, Limits, Load, Session};
pub use model::{Invalid, NewSchedule, Schedule, Span, Window};
pub use moving::{claim_beside, take_place};
pub use preview::{Standing, misfits};
pub use zone::{ZONE_DATA, wall_clock};

/// The engine without its database, for whoever has the rules and claims at hand.
pub mod rules {
    pub use super::engine::{judge, list};
}

/// Cells of the longest buffer (120 minutes).
const MOST_BUFFER: u32 = 120 / CELL_MIN;
/// How far before and after a refused start other starts are looked for.
const CELLS_A_DAY: i64 = 96;
const ALTERNATIVES_BEFORE: i64 = 2 * CELLS_A_DAY;
const ALTERNATIVES_AFTER: i64 = 14 * CELLS_A_DAY;
/// Whoever counts a week of local time finds it within this of any instant in it.
const A_WEEK_AROUND: TimeDelta = TimeDelta::days(9);

/// Locks the calendars of these people until the end of the transaction, in the order of their ids (`people` is
/// sorted). It must be the first statement of a transaction that reserves: what is read after it stays true.
///
/// # Errors
/// `RowNotFound` when one of them has no calendar.
pub async fn lock_calendars(tx: &mut Tx, people: &mut [UserId]) -> sqlx::Result<()> {
    people.sort_unstable();
    let mut distinct = people.to_vec();
    distinct.dedup();
    if distinct.is_empty() || query::lock_calendars(tx, &distinct).await? == distinct.len() {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

/// Raises a calendar's version, which makes cached listings of it old; announced after the commit. What the catalogue
/// knows of a mentor's next free slot is brought up to date by a job.
pub async fn bump(tx: &mut Tx, person: UserId) -> sqlx::Result<i64> {
    let (version, is_listed) = query::raise_calendar(tx, person).await?;
    if is_listed {
        free::ask(tx, person, version).await?;
    }
    tx.outgoing.calendars.retain(|(other, _)| *other != person);
    tx.outgoing.calendars.push((person, version));
    Ok(version)
}

/// Sets or replaces a mentor's schedule. `expected_version` is that of the schedule which was read, 0 where there
/// was none. Reservations that exist keep their instants.
///
/// # Errors
/// `schedule.invalid` with its field, `schedule.stale`, `mentor.not_approved`.
pub async fn set_schedule(
    tx: &mut Tx,
    mentor: UserId,
    new: NewSchedule,
    expected_version: i64,
) -> Result<Schedule, Error> {
    new.rules().map_err(Error::Invalid)?;
    lock_calendars(tx, &mut [mentor]).await?;
    if !mentor::is_approved(tx.conn(), mentor).await? {
        return Err(Error::NotApproved);
    }
    if expected_version == 0 {
        match query::insert_schedule(tx, mentor, &new).await {
            Err(error) if duplicate_key(&error).is_some() => return Err(Error::Stale),
            other => other?,
        }
    } else if !query::update_schedule(tx, mentor, &new, expected_version).await? {
        return Err(Error::Stale);
    }
    query::replace_windows(tx, mentor, &new.windows).await?;
    bump(tx, mentor).await?;
    schedule(tx.conn(), mentor).await
}

/// # Errors
/// `schedule.missing`
pub async fn schedule(db: impl MySqlExecutor<'_>, mentor: UserId) -> Result<Schedule, Error> {
    query::schedule(db, mentor).await?.ok_or(Error::Missing)
}

/// The rules of a mentor's schedule.
///
/// # Errors
/// `schedule.missing`
pub async fn rules_of(db: impl MySqlExecutor<'_>, mentor: UserId) -> Result<Rules, Error> {
    let schedule = schedule(db, mentor).await?;
    // A zone that a newer build stored and this one does not know.
    schedule.settings.rules().map_err(|invalid| Error::Database(sqlx::Error::Decode(invalid.into())))
}

/// The same as they are for an offering of this kind: whoever is asked first needs time to answer.
///
/// # Errors
/// `schedule.missing`
async fn rules_for(db: impl MySqlExecutor<'_>, mentor: UserId, kind: Kind) -> Result<Rules, Error> {
    let rules = rules_of(db, mentor).await?;
    Ok(match kind {
        Kind::Instant => rules,
        Kind::Approval => rules.with_time_to_answer(),
    })
}

/// A time that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub mentor: UserId,
    /// `Approval` where the mentor is to be asked first.
    pub kind: Kind,
    /// By whom; the limit of a mentee is asked where that is known.
    pub mentee: Option<UserId>,
    pub duration_min: u32,
    /// UTC.
    pub start: Instant,
    /// A reservation that would give way to it: neither its claims of the mentor nor its place in the limits count.
    pub instead_of: Option<ReservationId>,
}

/// [`judge_for`] nobody in particular.
pub async fn judge(tx: &mut Tx, mentor: UserId, duration_min: u32, start: Instant) -> Result<Rules, Error> {
    let kind = Kind::Instant;
    judge_for(tx, Asked { mentor, kind, mentee: None, duration_min, start, instead_of: None }).await
}

/// Whether a session may start, by the rules, claims and sessions as they stand. Under [`lock_calendars`] the answer
/// holds until the commit, and the rules are those to [`claim`] with.
///
/// # Errors
/// `slot.*`, `schedule.missing`
pub async fn judge_for(tx: &mut Tx, asked: Asked) -> Result<Rules, Error> {
    let Asked { mentor, kind, mentee, duration_min, start, instead_of } = asked;
    let rules = rules_for(tx.conn(), mentor, kind).await?;
    engine::judge(&rules, duration_min, &Booked::default(), start, tx.now)?;
    let session = session(start, duration_min)?;
    let claims = query::owned_claims(tx.conn(), mentor, rules.with_buffers(session)).await?;
    let others = claims.into_iter().filter(|(_, owner)| Some(*owner) != instead_of);
    let busy = others.map(|(cell, _)| cell).collect();
    let load = load(tx.conn(), &rules, mentor, mentee, session, instead_of).await?;
    engine::judge(&rules, duration_min, &Booked { busy, load }, start, tx.now)?;
    Ok(rules)
}

/// The sessions that count when one more is to start within `range`; none are read where no limit is set.
async fn load(
    db: impl MySqlExecutor<'_>,
    rules: &Rules,
    mentor: UserId,
    mentee: Option<UserId>,
    range: CellRange,
    instead_of: Option<ReservationId>,
) -> sqlx::Result<Load> {
    if !rules.counts() {
        return Ok(Load::default());
    }
    let (from, to) = (range.first.start() - A_WEEK_AROUND, range.end.start() + A_WEEK_AROUND);
    let sessions = query::sessions(db, mentor, from, to, instead_of).await?;
    Ok(Load::count(rules.zone(), mentee, &sessions))
}

/// Claims the session's cells for the mentee, and those with the buffers around them for the mentor.
///
/// # Errors
/// `slot.taken` (the mentor's), `slot.own_conflict` (the mentee's); then the transaction must be rolled back.
pub async fn claim(
    tx: &mut Tx,
    mentor: UserId,
    mentee: UserId,
    reservation: ReservationId,
    start: Instant,
    duration_min: u32,
    rules: &Rules,
) -> Result<(), Error> {
    let session = session(start, duration_min)?;
    let claims =
        [(mentor, rules.with_buffers(session), Error::SlotTaken), (mentee, session, Error::OwnConflict)];
    for (person, cells, taken) in claims {
        match query::insert_claims(tx, person, cells, reservation).await {
            Err(error) if duplicate_key(&error).is_some() => return Err(taken),
            other => other?,
        }
    }
    bump(tx, mentor).await?;
    bump(tx, mentee).await?;
    Ok(())
}

/// Gives back whatever a reservation claimed. `false`: it owned no claim.
pub async fn release(tx: &mut Tx, reservation: ReservationId) -> sqlx::Result<bool> {
    let mut people = query::claimants(tx, reservation).await?;
    lock_calendars(tx, &mut people).await?;
    let released = query::delete_claims(tx, reservation).await? > 0;
    for person in people {
        bump(tx, person).await?;
    }
    Ok(released)
}

/// How many cells right after a session are free for both, at most `most`: what is claimed for the session itself, its
/// buffer, does not stand in the way, and has its place after the extension.
pub async fn free_after(
    tx: &mut Tx,
    session: ReservationId,
    of: Members,
    end: Instant,
    most: i64,
) -> Result<i64, Error> {
    let first = Cell::from_instant(end).ok_or(Error::Misaligned)?;
    let buffer = query::count_claims(tx, of.mentor, session, end).await?;
    let mentors = query::claims(tx.conn(), of.mentor, first.plus(buffer).run(most)).await?;
    let mentees = query::claims(tx.conn(), of.mentee, first.run(most)).await?;
    let is_free = |n: &i64| !mentors.meets(first.plus(buffer).run(*n)) && !mentees.meets(first.run(*n));
    Ok((1..=most).take_while(is_free).last().unwrap_or(0))
}

/// Claims the cells right after a session for its extension. The session's buffer becomes the extension's, whose own
/// buffer is as long and follows it. Notice, hours and grid do not apply; claims do. The calendars are locked.
///
/// # Errors
/// `slot.taken` (the mentor's), `slot.own_conflict` (the mentee's); then the transaction must be rolled back.
pub async fn claim_after(
    tx: &mut Tx,
    session: ReservationId,
    extension: ReservationId,
    of: Members,
    end: Instant,
    minutes: u32,
) -> Result<(), Error> {
    let first = Cell::from_instant(end).ok_or(Error::Misaligned)?;
    let length = whole_cells(minutes).ok_or(Error::Misaligned)?;
    let buffer =
        query::move_claims(tx, of.mentor, session, extension, first.run(i64::from(MOST_BUFFER))).await?;
    let claims = [
        (of.mentor, first.plus(buffer).run(length), Error::SlotTaken),
        (of.mentee, first.run(length), Error::OwnConflict),
    ];
    for (person, cells, taken) in claims {
        match query::insert_claims(tx, person, cells, extension).await {
            Err(error) if duplicate_key(&error).is_some() => return Err(taken),
            other => other?,
        }
        bump(tx, person).await?;
    }
    Ok(())
}

/// Gives the buffer after an extension back to the session before it; the rest is released by [`release`]. The
/// calendars are locked.
pub async fn hand_back(
    tx: &mut Tx,
    extension: ReservationId,
    to: ReservationId,
    of: Members,
    starts_at: Instant,
    ends_at: Instant,
) -> Result<(), Error> {
    let first = Cell::from_instant(starts_at).ok_or(Error::Misaligned)?;
    let buffer = query::count_claims(tx, of.mentor, extension, ends_at).await?;
    query::move_claims(tx, of.mentor, extension, to, first.run(buffer)).await?;
    Ok(())
}

/// The two people of a session.
#[derive(Clone, Copy, Debug)]
pub struct Members {
    pub mentor: UserId,
    pub mentee: UserId,
}

/// At most `n` starts that the mentor offers by offerings of a kind, the nearest to `near` from two days before it to
/// two weeks after it, ascending. With a mentee, none that meets another session of theirs or breaks their limit.
///
/// # Errors
/// `schedule.missing`
pub async fn alternatives(
    tx: &mut Tx,
    mentor: UserId,
    kind: Kind,
    mentee: Option<UserId>,
    duration_min: u32,
    near: Instant,
    n: usize,
) -> Result<Vec<Instant>, Error> {
    let rules = rules_for(tx.conn(), mentor, kind).await?;
    let Some(length) = whole_cells(duration_min) else { return Ok(Vec::new()) };
    let around = Cell::at_or_before(near).run(1).widened(ALTERNATIVES_BEFORE, ALTERNATIVES_AFTER);
    let range = engine::bookable(&rules, around, tx.now);
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let needed = rules.with_buffers(range.widened(0, length));
    let busy = query::claims(tx.conn(), mentor, needed).await?;
    let own = match mentee {
        Some(mentee) => query::claims(tx.conn(), mentee, needed).await?,
        None => BusyCells::default(),
    };
    let load = load(tx.conn(), &rules, mentor, mentee, range, None).await?;
    let mut starts = engine::list(&rules, duration_min, &Booked { busy, load }, range, tx.now);
    starts.retain(|start| !own.meets(Cell::at_or_before(*start).run(length)));
    starts.sort_by_key(|start| (*start - near).abs());
    starts.truncate(n);
    starts.sort_unstable();
    Ok(starts)
}

fn session(start: Instant, duration_min: u32) -> Result<CellRange, Error> {
    let first = Cell::from_instant(start).ok_or(Error::Misaligned)?;
    Ok(first.run(whole_cells(duration_min).ok_or(Error::Misaligned)?))
}

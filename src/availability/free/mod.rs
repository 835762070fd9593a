//! When mentors can be booked next, kept in their cards by a worker: for lists, never for a booking. The engine that lists
//! the slots works it out, for the shortest session that everybody can book.

mod query;

use chrono::TimeDelta;

use super::cells::{Cell, whole_cells};
use super::error::Error;
use super::load::Booked;
use super::{Rules, engine, rules_for};
use crate::clock::Instant;
use crate::db::{Db, Tx};
use crate::id::UserId;
use crate::job::{RefreshCause, RefreshNextFree};
use crate::mentor::{self, Free, FreeDay, Freshness, Kind};
use crate::outbox;

/// New slots come within reach at the end of the horizon all the time: they are looked for this often at least.
const AT_LEAST_EVERY: TimeDelta = TimeDelta::hours(6);
/// A refresh that is due for longer was lost.
const LOST_AFTER: TimeDelta = TimeDelta::minutes(1);
/// The longest horizon, in cells; the engine stops at the mentor's own.
const FARTHEST: i64 = 181 * 96;

/// Asks for a refresh after a change of the calendar, in the transaction that makes it.
pub(super) async fn ask(tx: &mut Tx, mentor: UserId, version: i64) -> sqlx::Result<()> {
    let job = RefreshNextFree { mentor_id: mentor, cause: RefreshCause::Calendar(version) };
    let soon = tx.now + RefreshNextFree::SOON;
    outbox::enqueue_at(tx, &job, soon).await?;
    Ok(())
}

/// Works out when a mentor can be booked, and when that has to be done again. `false`: it has been seen to.
///
/// # Errors
/// `internal`
pub async fn refresh_free(tx: &mut Tx, job: &RefreshNextFree) -> Result<bool, Error> {
    let mentor = job.mentor_id;
    let Some(was) = mentor::lock_freshness(tx, mentor).await? else { return Ok(false) };
    let is_seen_to = match job.cause {
        RefreshCause::Calendar(version) => was.free_calendar >= version,
        RefreshCause::Card(revision) => was.free_revision >= revision,
        RefreshCause::Clock(at) => was.refresh_at != Some(at),
    };
    if is_seen_to {
        return Ok(false);
    }
    // Before everything it covers: the days may be newer than this version, never older.
    let calendar = super::query::calendar_version(tx.conn(), mentor).await?;
    let free = work_out(tx, mentor, &was, calendar).await?;
    mentor::store_free(tx, mentor, &free).await?;
    if let Some(at) = free.refresh_at {
        outbox::enqueue_at(tx, &RefreshNextFree { mentor_id: mentor, cause: RefreshCause::Clock(at) }, at)
            .await?;
    }
    Ok(true)
}

async fn work_out(tx: &mut Tx, mentor: UserId, was: &Freshness, calendar: i64) -> Result<Free, Error> {
    let revision = was.revision;
    let none = Free { days: Vec::new(), next: None, calendar, revision, refresh_at: None };
    let Some(duration_min) = was.shortest_min else { return Ok(none) };
    let kind = if was.by_request { Kind::Approval } else { Kind::Instant };
    let rules = match rules_for(tx.conn(), mentor, kind).await {
        Err(Error::Missing) => return Ok(none),
        rules => rules?,
    };
    let now = tx.now;
    let starts = starts(tx, mentor, &rules, duration_min).await?;
    let next = starts.first().copied();
    // A start can be booked until the mentor's notice before it, that instant included.
    let passes =
        next.map(|next| Cell::at_or_before(next).plus(-rules.min_notice).start() + TimeDelta::seconds(1));
    let refresh_at = passes.into_iter().chain([now + AT_LEAST_EVERY]).min();
    Ok(Free { days: FreeDay::of(&starts), next, refresh_at, ..none })
}

/// Every start that can be booked now, as far ahead as the mentor lets anybody book.
async fn starts(
    tx: &mut Tx,
    mentor: UserId,
    rules: &Rules,
    duration_min: u32,
) -> Result<Vec<Instant>, Error> {
    let now = tx.now;
    let range = engine::bookable(rules, Cell::at_or_before(now).run(FARTHEST), now);
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let Some(length) = whole_cells(duration_min) else { return Ok(Vec::new()) };
    let needed = rules.with_buffers(range.widened(0, length));
    let busy = super::query::claims(tx.conn(), mentor, needed).await?;
    let load = super::load(tx.conn(), rules, mentor, None, range, None).await?;
    Ok(engine::list(rules, duration_min, &Booked { busy, load }, range, now))
}

/// The refreshes that mentors lack whose free days are old; those that are on their way are among them.
pub async fn missed_refreshes(db: &Db, limit: u32) -> sqlx::Result<Vec<RefreshNextFree>> {
    let stale = query::stale(db.pool(), db.now() - LOST_AFTER, limit).await?;
    let job = |stale: query::Stale| {
        let cause = if stale.free_calendar < stale.version {
            RefreshCause::Calendar(stale.version)
        } else if stale.free_revision < stale.revision {
            RefreshCause::Card(stale.revision)
        } else {
            RefreshCause::Clock(stale.refresh_at?)
        };
        Some(RefreshNextFree { mentor_id: stale.mentor_id, cause })
    };
    Ok(stale.into_iter().filter_map(job).collect())
}

/// Writes a refresh that was missed, unless it is on its way.
pub async fn ask_missed(tx: &mut Tx, job: &RefreshNextFree) -> sqlx::Result<bool> {
    outbox::enqueue(tx, job).await
}

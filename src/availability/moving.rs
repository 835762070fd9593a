//! Moving a session: its new cells are claimed beside those it has, and then take their place.
//!
//! Until then they belong to an id of their own, so that a proposal that comes to nothing is released like any
//! reservation. Cells that old and new time share stay with the session.

use super::cells::{Cell, CellRange};
use super::engine::Rules;
use super::error::Error;
use super::{Members, bump, query, session};
use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::{ReservationId, UserId};

/// Claims what a session needs at its new time, as far as it does not have it, under the id `under`. The calendars are
/// locked.
///
/// # Errors
/// `slot.taken` (the mentor's), `slot.own_conflict` (the mentee's); then the transaction must be rolled back.
pub async fn claim_beside(
    tx: &mut Tx,
    of: Members,
    own: ReservationId,
    under: ReservationId,
    start: Instant,
    duration_min: u32,
    rules: &Rules,
) -> Result<(), Error> {
    for (person, range, taken) in places(of, start, duration_min, rules)? {
        let had = query::claims_of(tx, person, own, range).await?;
        let new: Vec<Cell> = range.iter().filter(|cell| !had.meets(cell.run(1))).collect();
        match query::insert_cells(tx, person, &new, under).await {
            Err(error) if duplicate_key(&error).is_some() => return Err(taken),
            other => other?,
        }
        bump(tx, person).await?;
    }
    Ok(())
}

/// The session gives up what it does not need at its new time, and gets what was claimed for it under `under`. The
/// calendars are locked.
pub async fn take_place(
    tx: &mut Tx,
    of: Members,
    own: ReservationId,
    under: ReservationId,
    start: Instant,
    duration_min: u32,
    rules: &Rules,
) -> Result<(), Error> {
    for (person, range, _) in places(of, start, duration_min, rules)? {
        query::delete_claims_outside(tx, person, own, range).await?;
        bump(tx, person).await?;
    }
    query::hand_over(tx, under, own).await?;
    Ok(())
}

/// What each side needs, and what it means when that is taken.
fn places(
    of: Members,
    start: Instant,
    duration_min: u32,
    rules: &Rules,
) -> Result<[(UserId, CellRange, Error); 2], Error> {
    let session = session(start, duration_min)?;
    Ok([(of.mentor, rules.with_buffers(session), Error::SlotTaken), (of.mentee, session, Error::OwnConflict)])
}

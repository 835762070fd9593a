//! What other hours would do to sessions that are booked: nothing. But they may not offer them any more.

use sqlx::MySqlPool;

use super::cells::{BusyCells, Cell, CellRange, whole_cells};
use super::engine::{self, Refusal, Rules};
use super::error::Error;
use super::load::{Booked, Load, Session};
use super::model::NewSchedule;
use super::{A_WEEK_AROUND, query};
use crate::clock::Instant;
use crate::id::{ReservationId, UserId};

/// A session that is booked.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub reservation: ReservationId,
    pub mentee: UserId,
    /// UTC.
    pub starts_at: Instant,
    pub duration_min: u32,
}

/// For each of a mentor's sessions (in the order of their starts) the rule of another schedule that it would break,
/// if there is one. Notice and horizon do not matter: they are about when somebody books.
///
/// # Errors
/// `schedule.invalid`
pub async fn misfits(
    pool: &MySqlPool,
    mentor: UserId,
    new: &NewSchedule,
    standing: &[Standing],
) -> Result<Vec<Option<Refusal>>, Error> {
    let rules = new.rules().map_err(Error::Invalid)?;
    let (Some(first), Some(last)) = (standing.first(), standing.last()) else { return Ok(Vec::new()) };
    let length = standing.iter().filter_map(|one| whole_cells(one.duration_min)).max().unwrap_or(0);
    let range = CellRange {
        first: Cell::at_or_before(first.starts_at),
        end: Cell::at_or_before(last.starts_at).plus(length + 1),
    };
    let claims = query::owned_claims(pool, mentor, rules.with_buffers(range)).await?;
    let (from, to) = (first.starts_at - A_WEEK_AROUND, last.starts_at + A_WEEK_AROUND);
    let sessions =
        if rules.counts() { query::sessions(pool, mentor, from, to, None).await? } else { Vec::new() };
    let mut booked = Booked { busy: BusyCells::default(), load: Load::count(rules.zone(), None, &sessions) };
    Ok(standing.iter().map(|one| misfit(&rules, &claims, &mut booked, one)).collect())
}

fn misfit(
    rules: &Rules,
    claims: &[(Cell, ReservationId)],
    booked: &mut Booked,
    one: &Standing,
) -> Option<Refusal> {
    let Some(length) = whole_cells(one.duration_min) else { return Some(Refusal::Misaligned) };
    let around = rules.with_buffers(Cell::at_or_before(one.starts_at).run(length));
    let near = claims.partition_point(|(cell, _)| *cell < around.first);
    let of_others = claims[near..].iter().take_while(|(cell, _)| *cell < around.end);
    booked.busy = of_others.filter(|(_, owner)| *owner != one.reservation).map(|(cell, _)| *cell).collect();
    booked.leave_out(rules.zone(), &Session { starts_at: one.starts_at, mentee_id: one.mentee }, |booked| {
        engine::fits(rules, one.duration_min, booked, one.starts_at).err()
    })
}

//! Keeping the lines of one reservation, and of no other, from being paid.

use super::accrual::schedule_release;
use super::error::Error;
use super::model::LineState;
use super::query;
use crate::db::Tx;
use crate::id::ReservationId;
use crate::reservation;

/// Freezes every line of a reservation that has not left yet, and those that come later, until each holder thawed
/// it. A second time by the same holder changes nothing. What is in a payout already is netted later, if need be.
pub async fn freeze(tx: &mut Tx, id: ReservationId, holder: &str) -> Result<(), Error> {
    reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    query::insert_freeze(tx, id, holder).await?;
    for line in query::lock_lines(tx, id).await? {
        if line.state.may_become(LineState::Frozen) {
            query::set_state(tx, &line, LineState::Frozen, None).await?;
        }
    }
    Ok(())
}

/// Takes a holder's freeze away. With the last one the lines are as if just accrued: a job looks whether they may
/// be paid.
pub async fn thaw(tx: &mut Tx, id: ReservationId, holder: &str) -> Result<(), Error> {
    reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    query::delete_freeze(tx, id, holder).await?;
    if query::is_frozen(tx, id).await? {
        return Ok(());
    }
    for line in query::lock_lines(tx, id).await? {
        if line.state == LineState::Frozen {
            query::set_state(tx, &line, LineState::Accrued, None).await?;
            schedule_release(tx, &line).await?;
        }
    }
    Ok(())
}

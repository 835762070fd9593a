//! What a decision gives a mentor of a reservation whose state earns nothing.

use super::error::Error;
use super::query;
use crate::db::Tx;
use crate::id::ReservationId;
use crate::job::AccrueSettlement;
use crate::ledger;
use crate::money::Krw;
use crate::outbox;
use crate::reservation;

/// Gives the mentor what is held for a reservation and is not on its way back: a job accrues it when the refunds are
/// done. `key` names the decision; a second call with it changes nothing.
pub async fn award(tx: &mut Tx, id: ReservationId, key: &str) -> Result<(), Error> {
    reservation::lock(tx, id).await?.ok_or(Error::NotFound)?;
    query::insert_award(tx, id, key).await?;
    outbox::enqueue(tx, &AccrueSettlement { reservation_id: id }).await?;
    Ok(())
}

/// Pays a mentor `amount` out of the platform's own pocket, because what they should have earned was given back: it
/// comes to be held for the reservation, and is accrued like the price of a session. `key` names the decision.
pub async fn compensate(tx: &mut Tx, id: ReservationId, amount: Krw, key: &str) -> Result<(), Error> {
    ledger::post_goodwill(tx, id, format!("compensation:{id}:{key}"), amount).await?;
    award(tx, id, key).await
}

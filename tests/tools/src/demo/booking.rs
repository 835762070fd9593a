//! Part 2: a slot is reserved and paid for; the payment worker confirms it.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::world::{Cast, World, attempt_state, field};

/// A booking that is confirmed.
pub struct Booking {
    pub id: String,
    pub starts_at: DateTime<Utc>,
}

pub async fn book(world: &mut World, cast: &Cast) -> Result<Booking> {
    world.line.part("2. The booking: reserve, pay, confirm");
    // Late enough to be announced ten minutes before, early enough not to be announced an hour before.
    let after = world.clock.now() + TimeDelta::minutes(30);
    let starts_at = world.find_slot(cast, after).await?;
    let made = world.reserve(cast, starts_at).await?;
    let id = field(&made, "id")?;
    let left = world.slots(cast, after).await?;
    world.line.promise(!left.contains(&starts_at), "the slot has left the market")?;

    let order = world.check_out(cast, &id).await?;
    let order_id = field(&order, "orderId")?;
    let redirect = world.toss.type_card(&order).await?;
    let payment = world.confirm(cast, &order, &redirect).await?;
    let paid = payment["state"] == "done" && attempt_state(&payment) == "done";
    world.line.promise(paid, "the money is taken, and the answer says so")?;
    let job = world.jobs.done("payment.confirm.v1", &order_id).await?;
    world.line.promise(job.attempts == 1, "one attempt of the job was enough")?;
    cast.mentee.ears.wait("payment.captured", &id).await?;
    world.both_hear(cast, "reservation.confirmed", &id).await?;
    let seen = world.show(cast, &id).await?;
    world.line.promise(seen["state"] == "confirmed", "the reservation is confirmed")?;
    world.settle(cast).await?;
    Ok(Booking { id, starts_at })
}

//! Part 5: the provider takes the money and does not answer. Nobody calls that a failure: the job asks again.

use anyhow::Result;
use chrono::TimeDelta;
use konnect_tools::client::Event;
use serde_json::{Value, json};

use super::world::{Cast, World, attempt_state, field};

pub async fn lose(world: &mut World, cast: &Cast) -> Result<()> {
    world.line.part("5. The answer is lost: the money is taken, nobody says so, the job finds out");
    // The webhook would tell as well; here it is late, so that the job has to ask.
    world.toss.webhooks("late").await?;
    let outcome = pay(world, cast).await;
    world.toss.webhooks("normal").await?;
    let order_id = outcome?;
    world.toss.release_webhooks().await?;
    world.settle(cast).await?;
    let confirmations = world.toss.confirmations(&order_id).await?;
    world.line.promise(confirmations == 1, "Toss was asked for the money once")
}

async fn pay(world: &mut World, cast: &Cast) -> Result<String> {
    let after = world.clock.now() + TimeDelta::hours(26);
    let starts_at = world.find_slot(cast, after).await?;
    let made = world.reserve(cast, starts_at).await?;
    let id = field(&made, "id")?;

    let order = world.check_out(cast, &id).await?;
    let order_id = field(&order, "orderId")?;
    let effect = json!({ "drop_after_commit": true });
    world.toss.spoil_confirm(&order_id, &effect, "take the money and hang up without an answer").await?;
    let redirect = world.toss.type_card(&order).await?;
    let (payment, checking) =
        tokio::try_join!(world.confirm(cast, &order, &redirect), look_meanwhile(cast, &id))?;
    world.line.promise(attempt_state(&payment) == "done", "the answer waited until the outcome was known")?;
    let captured = cast.mentee.ears.wait("payment.captured", &id).await?;
    world
        .line
        .promise(checking.id < captured.id, "the attempt went from UNKNOWN to DONE, never to FAILED")?;
    let job = world.jobs.done("payment.confirm.v1", &order_id).await?;
    world.line.promise(job.attempts == 2, "the job ran twice: asked, then looked up")?;
    world.both_hear(cast, "reservation.confirmed", &id).await?;
    let seen = world.show(cast, &id).await?;
    world.line.promise(seen["state"] == "confirmed", "the reservation is confirmed")?;
    Ok(order_id)
}

/// What a payer sees while the outcome is unknown. Gives the event that says so.
async fn look_meanwhile(cast: &Cast, reservation: &str) -> Result<Event> {
    let checking = cast.mentee.ears.wait("payment.checking", reservation).await?;
    let path = format!("/v1/reservations/{reservation}/payment");
    let note = |payment: &Value| format!("attempt {}", attempt_state(payment));
    cast.mentee.send(cast.mentee.rest.get(&path), 200, note).await?;
    Ok(checking)
}

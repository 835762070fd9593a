//! Part 4: the card is declined. The hold lives on, the payer is told what to do, nothing more is paid, the hold
//! ends and the slot is free again.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::session::return_after_expiry;
use super::text::instant;
use super::timeline::Mark;
use super::world::{Cast, World, attempt_state, field};

const REFUSAL: &str = "REJECT_CARD_PAYMENT";

pub async fn fail(world: &mut World, cast: &mut Cast) -> Result<()> {
    world.line.part("4. The payment fails: declined, guided, expired, reopened");
    let after = world.clock.now() + TimeDelta::hours(3);
    let starts_at = world.find_slot(cast, after).await?;
    let made = world.reserve(cast, starts_at).await?;
    let id = field(&made, "id")?;

    let order = world.check_out(cast, &id).await?;
    let order_id = field(&order, "orderId")?;
    let effect = json!({ "decline": REFUSAL });
    world
        .toss
        .spoil_confirm(&order_id, &effect, &format!("decline the next confirmation: {REFUSAL}"))
        .await?;
    let redirect = world.toss.type_card(&order).await?;
    let payment = world.confirm(cast, &order, &redirect).await?;
    world
        .line
        .promise(attempt_state(&payment) == "failed", "the attempt has failed, and the answer says so")?;
    cast.mentee.ears.wait("payment.declined", &id).await?;
    world.both_hear(cast, "reservation.payment_declined", &id).await?;
    let seen = world.show(cast, &id).await?;
    let lives = instant(&seen["holdUntil"]).context("holdUntil")? > world.clock.now();
    world.line.promise(lives && seen["state"] == "awaiting_payment", "the hold lives on")?;
    let may_pay = seen["actions"].as_array().is_some_and(|a| a.iter().any(|a| a["action"] == "pay"));
    world.line.promise(may_pay, "another card may be tried")?;
    show_guidance(world, cast, &id).await?;
    let free = world.slots(cast, after).await?;
    world.line.promise(!free.contains(&starts_at), "the slot is still held")?;

    let over = world.clock.now() + world.rules.hold() + TimeDelta::minutes(1);
    world.move_clock(cast, over, "the hold is over and nobody paid").await?;
    world.jobs.done("reservation.expire_hold.v1", &id).await?;
    return_after_expiry(world, cast, false).await?;
    world.both_hear(cast, "reservation.payment_failed", &id).await?;
    let free = world.slots(cast, after).await?;
    world.line.promise(free.contains(&starts_at), "the slot is on the market again")?;
    let seen = world.show(cast, &id).await?;
    world.line.promise(seen["state"] == "payment_failed", "the reservation is over")?;
    world.settle(cast).await
}

/// What the payer reads, in both languages.
async fn show_guidance(world: &World, cast: &Cast, reservation: &str) -> Result<()> {
    let path = format!("/v1/reservations/{reservation}/payment");
    let mut texts = Vec::new();
    for language in ["ko", "en"] {
        let rest = cast.mentee.rest.with_language(language);
        let note = |payment: &Value| {
            let attempt = &payment["attempts"][0];
            let text = |name: &str| attempt[name].as_str().unwrap_or_default().to_owned();
            format!("{}, {}, {}", text("state"), text("errorCode"), text("errorClass"))
        };
        let payment = cast.mentee.send(rest.get(&path), 200, note).await?;
        let text = field(&payment["attempts"][0], "guidance")?;
        world.line.line("mentee", Mark::Frame, &format!("{language}: {text}"));
        texts.push(text);
    }
    let korean = texts[0].chars().any(|c| ('가'..='힣').contains(&c));
    world.line.promise(korean && texts[1].is_ascii(), "guidance in Korean and in English")
}

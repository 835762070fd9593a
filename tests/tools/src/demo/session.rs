//! Part 3: the session's time comes and passes. The clock is moved; everything else happens by itself.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::booking::Booking;
use super::text::{count, won};
use super::timeline::Mark;
use super::world::{Cast, PRICE, World};
use super::{reviews, room};

pub async fn hold(world: &mut World, cast: &mut Cast, booking: &Booking) -> Result<()> {
    world.line.part("3. The session: reminder, chat, call, nobody absent, completion, settlement, reviews");
    let id = &booking.id;
    let ends_at = booking.starts_at + TimeDelta::hours(1);

    cast.mentor.ears.cut();
    world.line.line("mentor", Mark::Turn, "loses the network: the WebSocket is gone without a goodbye");
    world
        .move_clock(cast, booking.starts_at - TimeDelta::minutes(10), "ten minutes before the start")
        .await?;
    // The mentee may hear of it before the socket is closed or after the return; the mentor after it.
    world.jobs.done("reservation.remind.v1", id).await?;
    return_after_expiry(world, cast, true).await?;
    tokio::try_join!(
        cast.mentor.ears.wait_notice("reservation.reminder"),
        cast.mentee.ears.wait_notice("reservation.reminder")
    )?;
    world.line.promise(true, "both were reminded, the mentor after the return")?;

    room::talk(world, cast, id).await?;

    world.move_clock(cast, booking.starts_at, "the session begins").await?;
    world.both_hear(cast, "reservation.started", id).await?;
    let job = world.jobs.done("reservation.start.v1", id).await?;
    world.line.promise(job.state == "done", "a job started it, at its time")?;
    room::meet(world, cast, id).await?;
    room::stay(world, cast, booking, ends_at).await?;
    room::part(cast, id).await?;

    world
        .move_clock(cast, ends_at + world.rules.auto_complete(), "nobody complained for long enough")
        .await?;
    world.jobs.done("reservation.complete.v1", id).await?;
    world.jobs.done("settlement.accrue.v1", id).await?;
    return_after_expiry(world, cast, false).await?;
    world.both_hear(cast, "reservation.completed", id).await?;
    cast.mentor.ears.wait("settlement.accrued", id).await?;
    let seen = world.show(cast, id).await?;
    world.line.promise(seen["state"] == "completed", "the reservation is completed")?;
    check_settlement(world, cast, id).await?;
    reviews::exchange(world, cast, id, seen["mentorId"].as_str().unwrap_or_default()).await?;
    world.settle(cast).await
}

/// The clock has passed the end of the access tokens: the server closes the sockets, both people refresh and go on
/// where they were. `away`: the mentor has no socket.
pub async fn return_after_expiry(world: &World, cast: &mut Cast, away: bool) -> Result<()> {
    let expired = |at: DateTime<Utc>| at <= world.clock.now();
    let both = expired(cast.mentee.access_expires_at) && expired(cast.mentor.access_expires_at);
    world.line.promise(both, "the access tokens have expired")?;
    let mut codes = vec![cast.mentee.ears.closed().await?];
    if !away {
        codes.push(cast.mentor.ears.closed().await?);
    }
    let right = codes.iter().all(|code| *code == Some(4001));
    world.line.promise(right, &format!("{} closed with 4001", count(codes.len(), "socket")))?;
    let before = cast.mentee.rest.get("/v1/me");
    cast.mentee.send(before, 401, |_| String::new()).await?;
    for person in [&mut cast.mentor, &mut cast.mentee] {
        person.refresh().await?;
        person.connect(true).await?;
    }
    for person in [&cast.mentor, &cast.mentee] {
        person.ears.catch_up(world.head(person).await?).await?;
    }
    world.line.promise(true, "both resumed after the last event they had; nothing was missed")
}

async fn check_settlement(world: &World, cast: &Cast, reservation: &str) -> Result<()> {
    let path = format!("/v1/reservations/{reservation}/settlement");
    let note = |line: &Value| {
        let amount = |name: &str| won(line[name].as_i64().unwrap_or_default());
        let [gross, fee, tax, net] = ["gross", "fee", "withholding", "net"].map(amount);
        format!("{gross} = {fee} fee + {tax} tax + {net} mentor")
    };
    let line = cast.mentor.send(cast.mentor.rest.get(&path), 200, note).await?;
    let fee = PRICE * i64::from(world.rules.fee_bps) / 10_000;
    let tax = (PRICE - fee) * i64::from(world.rules.withholding_bps) / 10_000;
    let net = PRICE - fee - tax;
    let right = line["gross"] == PRICE && line["fee"] == fee && line["net"] == net;
    let what = format!("the mentor's share is {} after {} fee and {} tax", won(net), won(fee), won(tax));
    world.line.promise(right, &what)
}

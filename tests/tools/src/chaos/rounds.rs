//! The course of a run: rounds of bookings that live at the same time, and the clock that brings their sessions.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DurationRound, TimeDelta};
use futures_util::future::join_all;
use konnect::clock::Instant;
use konnect_tools::client::Rest;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::dev_clock::DevClock;
use super::flow::{Flow, Outside};
use super::people::Mentor;

/// From the bookings to their sessions: more than three hours, so that a cancellation gives half back.
const AHEAD: TimeDelta = TimeDelta::minutes(330);
/// A step of the clock around a session. While no process is alive for more than 30 s, nobody is blamed for being late.
const STEP: TimeDelta = TimeDelta::seconds(24);
/// For the processes to follow the clock and give a sign of life.
const NOTICED: Duration = Duration::from_millis(700);
/// For a mentor's bank account to be taken by the provider.
const ACCOUNTS: Duration = Duration::from_secs(120);

/// When sessions begin that are booked now (UTC).
pub fn session_time(now: Instant) -> Instant {
    let half_hours = TimeDelta::minutes(30);
    (now + AHEAD).duration_trunc(half_hours).map_or(now + AHEAD, |at| at + half_hours)
}

/// Lives through one round: all of these bookings, from their slots until two days after their sessions.
pub async fn play(flows: &mut [Flow], clock: &mut DevClock, outside: &Outside) -> Result<()> {
    let Some(starts_at) = flows.first().map(|flow| flow.starts_at) else { return Ok(()) };
    join_all(flows.iter_mut().map(|flow| flow.book(outside))).await;
    // Holds run out.
    pass(clock, clock.now() + TimeDelta::minutes(16)).await?;
    pass(clock, starts_at - TimeDelta::seconds(115)).await?;
    let left = (starts_at - TimeDelta::seconds(5) - clock.now()).to_std().unwrap_or_default();
    let until = tokio::time::Instant::now() + left;
    join_all(flows.iter_mut().map(|flow| flow.meet(outside, until))).await;
    // Until it is decided who came.
    let decided = starts_at + TimeDelta::seconds(125);
    while clock.now() < decided {
        pass(clock, decided.min(clock.now() + STEP)).await?;
    }
    pass(clock, starts_at + TimeDelta::minutes(61)).await?;
    join_all(flows.iter_mut().map(|flow| flow.look_back(outside))).await;
    pass(clock, starts_at + TimeDelta::minutes(61) + TimeDelta::hours(48)).await?;
    join_all(flows.iter_mut().map(|flow| flow.come_to_terms(outside))).await;
    Ok(())
}

/// Moves the clock, for all processes together.
pub async fn pass(clock: &mut DevClock, to: Instant) -> Result<()> {
    clock.move_to(to)?;
    sleep(NOTICED).await;
    Ok(())
}

/// Gives every mentor a bank account that the provider pays to.
pub async fn open_accounts(mentors: &[Mentor], toss: &Rest) -> Result<()> {
    // What the platform gives out of its own pocket it has put there before; payouts arrive by themselves.
    toss.post("/sandbox/balance")
        .json(&json!({ "available": 10_000_000_000_i64 }))
        .send()
        .await?
        .expect(200)?;
    toss.post("/sandbox/payouts/settings")
        .json(&json!({ "autoComplete": true }))
        .send()
        .await?
        .expect(204)?;
    let accounts = mentors.iter().enumerate().map(async |(number, mentor)| {
        let body = json!({
            "expectedVersion": 0, "businessType": "INDIVIDUAL", "name": "김민아",
            "email": format!("{}@chaos.example", mentor.caller.name), "phone": "01012345678", "bankCode": "088",
            "accountNumber": format!("1101{number:08}"), "holderName": "김민아",
        });
        let answer = mentor.caller.put("/v1/me/payout-account", &body).await.context("no answer")?;
        answer.expect(200)
    });
    for account in join_all(accounts).await {
        account?;
    }
    let begun = tokio::time::Instant::now();
    loop {
        let sellers = toss.get("/sandbox/sellers").send().await?.expect(200)?.body;
        let sellers: Vec<Value> = sellers.as_array().cloned().unwrap_or_default();
        if sellers.len() >= mentors.len() {
            for seller in sellers {
                let approved = json!({ "seller": seller["id"], "status": "APPROVED" });
                toss.post("/sandbox/sellers/status").json(&approved).send().await?.expect(200)?;
            }
            return Ok(());
        }
        ensure!(
            begun.elapsed() < ACCOUNTS,
            "{} of {} mentors are known to the provider",
            sellers.len(),
            mentors.len()
        );
        sleep(Duration::from_millis(200)).await;
    }
}

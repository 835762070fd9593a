//! What every part of the story needs.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use konnect::config::Rules;
use konnect_tools::client::{Rest, query};
use serde_json::{Value, json};
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};

use super::dev_clock::DevClock;
use super::jobs::Jobs;
use super::person::{Person, idempotency_key};
use super::stand_in::{Redirect, StandIn};
use super::text::{day_and_time, instant, short, span, time, won};
use super::timeline::{Mark, Timeline};

/// Won.
pub const PRICE: i64 = 50_000;

pub struct World {
    pub line: Timeline,
    pub rest: Rest,
    pub db: MySqlPool,
    pub clock: DevClock,
    pub rules: Rules,
    pub toss: StandIn,
    pub jobs: Jobs,
    /// Reservations that were made, in order.
    pub reservations: Vec<String>,
}

/// The people of the story and what the mentor offers.
pub struct Cast {
    pub mentor: Person,
    pub mentee: Person,
    pub offering: String,
}

/// A connection that can not write, even by mistake.
pub async fn read_only(url: &str) -> Result<MySqlPool> {
    let options = MySqlPoolOptions::new().max_connections(3).acquire_timeout(Duration::from_secs(5));
    let options = options.after_connect(|connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION TRANSACTION READ ONLY",
            )
            .execute(connection)
            .await?;
            Ok(())
        })
    });
    options.connect(url).await.context("the database can not be reached")
}

impl World {
    /// Starts of the free slots from `from` on, as the mentee sees them.
    pub async fn slots(&self, cast: &Cast, from: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>> {
        let to = from + TimeDelta::hours(12);
        let range = query(&[("from", &from.to_rfc3339()), ("to", &to.to_rfc3339())]);
        let path = format!("/v1/offerings/{}/slots{range}", cast.offering);
        let note = |body: &Value| {
            let slots = body["slots"].as_array().map_or(0, Vec::len);
            format!("{slots} free in 12 h from {}", time(from))
        };
        let listing = cast.mentee.send(cast.mentee.rest.get(&path), 200, note).await?;
        let slots = listing["slots"].as_array().context("slots")?;
        slots.iter().map(|slot| instant(&slot["startsAt"]).context("startsAt")).collect()
    }

    /// The first free slot that starts at `after` or later.
    pub async fn find_slot(&self, cast: &Cast, after: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let slots = self.slots(cast, after).await?;
        slots
            .into_iter()
            .find(|start| *start >= after)
            .context("not as promised: the mentor has no free slot")
    }

    /// Reserves a slot, and says it twice with the same key.
    pub async fn reserve(&mut self, cast: &Cast, starts_at: DateTime<Utc>) -> Result<Value> {
        let mentee = &cast.mentee;
        let body = json!({ "offeringId": cast.offering, "startsAt": starts_at, "expectedPrice": PRICE });
        let key = idempotency_key();
        let ask = || mentee.rest.post("/v1/reservations").header("Idempotency-Key", &key).json(&body);
        let note = |made: &Value| {
            let hold = instant(&made["holdUntil"]).map(time).unwrap_or_default();
            format!("{}, {}, held until {hold}", id_of(made), state_of(made))
        };
        let made = mentee.send(ask(), 201, note).await?;
        let again =
            mentee.send(ask(), 201, |again| format!("{}: same key, same answer", id_of(again))).await?;
        let id = made["id"].as_str().context("id")?;
        self.jobs.follow(id);
        self.reservations.push(id.to_owned());
        self.line.promise(again["id"] == made["id"], "the repeated request made no second reservation")?;
        self.line
            .promise(made["state"] == "awaiting_payment", "the slot is held and waits for its payment")?;
        let hold = instant(&made["holdUntil"]).context("holdUntil")? - self.clock.now();
        let promised = self.rules.hold();
        let close = (hold - promised).abs() < TimeDelta::seconds(5);
        let what = format!("the hold lasts {}", span(promised.num_milliseconds()));
        self.line.promise(close, &what)?;
        Ok(made)
    }

    /// Orders a payment and types the card. Gives the order and what the redirect brought.
    pub async fn check_out(&self, cast: &Cast, reservation: &str) -> Result<Value> {
        let mentee = &cast.mentee;
        let path = format!("/v1/reservations/{reservation}/payment-orders");
        let ask = mentee.rest.post(&path).header("Idempotency-Key", &idempotency_key());
        let note = |order: &Value| {
            let amount = order["amount"].as_i64().map(won).unwrap_or_default();
            format!("order {}, {amount}", short(order["orderId"].as_str().unwrap_or_default()))
        };
        let order = mentee.send(ask, 200, note).await?;
        self.jobs.follow(order["orderId"].as_str().context("orderId")?);
        ensure!(order["amount"] == PRICE, "not as promised: the order is over {}", order["amount"]);
        Ok(order)
    }

    /// Asks for the money and waits up to 10 s for the outcome. Gives the payment.
    pub async fn confirm(&self, cast: &Cast, order: &Value, redirect: &Redirect) -> Result<Value> {
        let mentee = &cast.mentee;
        let body = json!({
            "orderId": order["orderId"], "paymentKey": redirect.payment_key, "amount": order["amount"],
        });
        let ask = mentee.rest.post("/v1/payments/confirm").header("Idempotency-Key", &idempotency_key());
        let ask = ask.header("Prefer", "wait=10").json(&body);
        let note = |payment: &Value| format!("Prefer: wait=10, attempt {}", attempt_state(payment));
        mentee.send(ask, 200, note).await
    }

    /// The reservation as the mentee sees it, with what may be done now.
    pub async fn show(&self, cast: &Cast, reservation: &str) -> Result<Value> {
        let path = format!("/v1/reservations/{reservation}");
        let note = |seen: &Value| format!("{}; may: {}", state_of(seen), actions(seen));
        cast.mentee.send(cast.mentee.rest.get(&path), 200, note).await
    }

    /// Moves the clock, after everything that is under way has ended.
    pub async fn move_clock(&mut self, cast: &Cast, to: DateTime<Utc>, why: &str) -> Result<()> {
        self.settle(cast).await?;
        let by = self.clock.move_to(to)?;
        let moved = span(by.num_milliseconds());
        let what = format!("{moved} pass: it is {}, {why}", day_and_time(self.clock.now()));
        self.line.line("clock", Mark::Turn, &what);
        Ok(())
    }

    /// Waits until every job that is due has ended and every event has arrived.
    pub async fn settle(&self, cast: &Cast) -> Result<()> {
        self.jobs.settle(|| self.clock.now()).await?;
        for person in [&cast.mentor, &cast.mentee] {
            person.ears.catch_up(self.head(person).await?).await?;
        }
        Ok(())
    }

    /// The last event of a person's topic, as the database has it.
    pub async fn head(&self, person: &Person) -> Result<i64> {
        let head: Option<i64> = sqlx::query_scalar("SELECT seq FROM topic_heads WHERE topic = ?")
            .bind(person.ears.topic())
            .fetch_optional(&self.db)
            .await?;
        Ok(head.unwrap_or(0))
    }

    /// Waits for an event at both.
    pub async fn both_hear(&self, cast: &Cast, kind: &str, reservation: &str) -> Result<()> {
        tokio::try_join!(cast.mentor.ears.wait(kind, reservation), cast.mentee.ears.wait(kind, reservation))?;
        self.line.promise(true, &format!("both heard {kind}"))
    }
}

fn id_of(reservation: &Value) -> String {
    short(reservation["id"].as_str().unwrap_or_default())
}

fn state_of(reservation: &Value) -> &str {
    reservation["state"].as_str().unwrap_or_default()
}

/// The state of the last attempt of a payment.
pub fn attempt_state(payment: &Value) -> &str {
    let attempts = payment["attempts"].as_array();
    attempts.and_then(|a| a.last()).and_then(|a| a["state"].as_str()).unwrap_or_default()
}

fn actions(reservation: &Value) -> String {
    let shown = |action: &Value| {
        let name = action["action"].as_str().unwrap_or_default();
        match (action["refund"].as_i64(), instant(&action["until"])) {
            (Some(refund), _) => format!("{name} (gives back {})", won(refund)),
            (None, Some(until)) => format!("{name} (until {})", time(until)),
            (None, None) => name.to_owned(),
        }
    };
    let actions: Vec<_> = reservation["actions"].as_array().into_iter().flatten().map(shown).collect();
    if actions.is_empty() { "nothing".to_owned() } else { actions.join(", ") }
}

/// # Errors
/// When a field is no text.
pub fn field(value: &Value, name: &str) -> Result<String> {
    match value[name].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("an answer without {name}: {value}"),
    }
}

//! What must be true when everything is over: ends, money, chats, notices and jobs, by our rows, by the provider's
//! books and by the auditor.

mod books;
mod chats;

use std::collections::HashMap;

use anyhow::{Context, Result};
use konnect::clock::{Clock, Instant};
use konnect_tools::client::Rest;
use serde_json::Value;
use sqlx::MySqlPool;
use uuid::Uuid;

use super::flow::{Flow, Kind};
use super::place::Place;
use super::record::Record;

/// Notices of which everybody gets one per booking.
const ONCE: [&str; 4] =
    ["reservation.confirmed", "reservation.cancelled", "reservation.completed", "reservation.expired"];

pub struct Check<'a> {
    pub pool: &'a MySqlPool,
    pub clock: &'a Clock,
    pub toss: &'a Rest,
    pub place: &'a Place,
    pub record: &'a Record,
    /// When the run began (UTC).
    pub began: Instant,
}

impl Check<'_> {
    pub async fn everything(&self, flows: &[Flow]) -> Result<()> {
        let states = self.ends(flows).await?;
        self.jobs().await?;
        self.notices().await?;
        self.books(flows, &states).await?;
        self.lines().await?;
        self.chats(flows).await;
        self.audit().await
    }

    /// Every booking has ended as its people were told, and nobody has one more. Gives the states.
    async fn ends(&self, flows: &[Flow]) -> Result<HashMap<Uuid, String>> {
        let rows: Vec<(Uuid, Uuid, String)> =
            sqlx::query_as("SELECT id, mentee_id, state FROM reservations").fetch_all(self.pool).await?;
        let mut of_mentee: HashMap<Uuid, Vec<(Uuid, String)>> = HashMap::new();
        for (id, mentee, state) in &rows {
            of_mentee.entry(*mentee).or_default().push((*id, state.clone()));
        }
        let none = Vec::new();
        for flow in flows {
            let own = of_mentee.get(&flow.mentee.id.0).unwrap_or(&none);
            let ids: Vec<String> = own.iter().map(|(id, _)| id.to_string()).collect();
            let known: Vec<String> = flow.id.iter().cloned().collect();
            if ids != known {
                self.wrong(flow, &format!("was given {known:?} and has {ids:?}"));
                continue;
            }
            if let Some(rival) = &flow.rival
                && of_mentee.contains_key(&rival.id.0)
            {
                self.wrong(flow, "whoever lost the race has a booking all the same");
            }
            let state = own.first().map_or("none", |(_, state)| state.as_str());
            self.record.count("flows", &format!("{} -> {state}", flow.kind));
            if !may_end(flow).contains(&state) {
                self.wrong(flow, &format!("{:?}, and it ended {state}", flow.facts));
            }
        }
        Ok(rows.into_iter().map(|(id, _, state)| (id, state)).collect())
    }

    /// Nothing is due, running or dead.
    async fn jobs(&self) -> Result<()> {
        let rows: Vec<(String, String, i64, Option<String>)> = sqlx::query_as(
            "SELECT state, kind, COUNT(*), MAX(last_error) FROM outbox
             WHERE state = 'dead' OR state = 'published' AND lease_until < ? OR state = 'pending' AND run_at < ?
             GROUP BY state, kind",
        )
        .bind(self.clock.now() - chrono::TimeDelta::seconds(60))
        .bind(self.clock.now() - chrono::TimeDelta::seconds(60))
        .fetch_all(self.pool)
        .await?;
        for (state, kind, count, error) in rows {
            let error = error.unwrap_or_default();
            self.record.wrong(format!("{count} jobs {kind} are {state} in the end: {error}"));
        }
        Ok(())
    }

    /// Nobody was told the same twice, and nothing waits to be told.
    async fn notices(&self) -> Result<()> {
        let doubled: Vec<(String, Uuid, String, i64)> = sqlx::query_as(
            "SELECT kind, reservation_id, channel, COUNT(*) FROM notices WHERE reservation_id IS NOT NULL
             GROUP BY kind, reservation_id, channel, user_id HAVING COUNT(*) > 1",
        )
        .fetch_all(self.pool)
        .await?;
        for (kind, id, channel, count) in doubled.iter().filter(|row| ONCE.contains(&row.0.as_str())) {
            self.record.wrong(format!("{kind} of {id} was told {count} times by {channel}"));
        }
        let waiting: Vec<(String, i64)> =
            sqlx::query_as("SELECT kind, COUNT(*) FROM notices WHERE state = 'queued' GROUP BY kind")
                .fetch_all(self.pool)
                .await?;
        for (kind, count) in waiting {
            self.record.wrong(format!("{count} notices {kind} were never sent"));
        }
        let sent: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM notices WHERE channel = 'email' AND state = 'sent'")
                .fetch_one(self.pool)
                .await?;
        let tally = self.toss.get("/sandbox/tally").send().await?.expect(200)?.body;
        let mails = |name: &str| tally["mails"][name].as_i64().unwrap_or_default();
        // A worker that dies after handing a mail over hands it over again, under the same Message-ID.
        if mails("distinct") < sent {
            self.record.wrong(format!("{sent} mails are sent by our rows, {} came", mails("distinct")));
        }
        self.record.count_many("mails", "came", mails("all"));
        self.record.count_many(
            "mails",
            "came again under the same Message-ID",
            mails("all") - mails("distinct"),
        );
        Ok(())
    }

    /// What the mentors earned has reached them.
    async fn lines(&self) -> Result<()> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, COUNT(*) FROM settlement_lines GROUP BY state")
                .fetch_all(self.pool)
                .await?;
        for (state, count) in rows {
            self.record.count_many("settlement lines", &state, count);
            if !matches!(state.as_str(), "paid" | "reversed" | "ready") {
                self.record.wrong(format!("{count} settlement lines are {state} in the end"));
            }
        }
        Ok(())
    }

    /// The auditor, over all rows and all days of the provider.
    async fn audit(&self) -> Result<()> {
        let seoul = |at: Instant| (at + chrono::TimeDelta::hours(9)).date_naive();
        let days = format!("{}..{}", seoul(self.began), seoul(self.clock.now()));
        let recipe = self.place.recipe("audit", "admin", &["audit", "--json", "--provider", &days]);
        let (text, is_sound) = recipe.output().await?;
        let report: Value = serde_json::from_str(&text).context("the audit's report: see log/audit.log")?;
        for finding in report["findings"].as_array().into_iter().flatten() {
            self.record.wrong(format!("audit: {finding}"));
        }
        let days = report["days"].as_array().into_iter().flatten();
        for day in days.filter(|day| day["unexplained"] != 0) {
            self.record.wrong(format!("audit: a day of the provider is not explained: {day}"));
        }
        let rows = report["checked"].as_i64().unwrap_or_default();
        self.record.count_many("audit", "rows looked at", rows);
        if !is_sound && self.record.violations() == 0 {
            self.record.wrong("audit: it ended with an error and names nothing".to_owned());
        }
        Ok(())
    }

    fn wrong(&self, flow: &Flow, why: &str) {
        let id = flow.id.as_deref().unwrap_or("none");
        self.record.wrong(format!("flow {} ({}), reservation {id}: {why}", flow.number, flow.kind));
    }
}

/// In which states a flow may end, after what its people were told for certain.
fn may_end(flow: &Flow) -> &'static [&'static str] {
    let facts = &flow.facts;
    if flow.id.is_none() {
        return &["none"];
    }
    if facts.is_rejected {
        return &["rejected"];
    }
    if facts.is_cancelled {
        return &["cancelled"];
    }
    if facts.is_completed {
        return &["completed"];
    }
    if flow.kind == Kind::HoldExpires || flow.kind == Kind::RequestExpires {
        return &["expired"];
    }
    if facts.is_paid && facts.was_there == [true, true] {
        return &["completed"];
    }
    if facts.is_paid {
        return &["completed", "no_show"];
    }
    // Nobody knew when the payer gave up looking: the money came after all and the session took place without anybody,
    // or it did not come, or it came too late and went back.
    &["expired", "payment_failed", "completed", "no_show", "cancelled"]
}

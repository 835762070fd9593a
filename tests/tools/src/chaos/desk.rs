//! The back office: administrators answer what waits for a person.

use anyhow::{Context, Result, ensure};
use konnect_tools::client::Rest;
use serde_json::{Value, json};

use super::caller::Caller;
use super::record::Record;

const REFUNDS: &str = "/v1/admin/refunds";
const DISPUTES: &str = "/v1/admin/disputes";
const PAYOUTS: &str = "/v1/admin/payouts";
const JOBS: &str = "/v1/admin/jobs";

pub struct Desk<'a> {
    pub admins: &'a [Caller; 2],
    pub toss: &'a Rest,
    pub record: &'a Record,
}

impl Desk<'_> {
    /// Answers everything once.
    pub async fn clear(&self) -> Result<()> {
        self.release_payouts().await?;
        for job in self.waiting(JOBS, "dead").await? {
            self.answer(0, &format!("{JOBS}/{job}/retry"), json!({}), "dead jobs replayed").await?;
        }
        for refund in self.waiting(REFUNDS, "manual_review").await? {
            self.answer(0, &format!("{REFUNDS}/{refund}/retry"), json!({}), "refunds tried again").await?;
        }
        for refund in self.waiting(REFUNDS, "awaiting_approval").await? {
            self.answer(1, &format!("{REFUNDS}/{refund}/approve"), json!({}), "refunds approved").await?;
        }
        for dispute in self.waiting(DISPUTES, "in_review").await? {
            let body = json!({
                "outcome": "dismissed", "refund": 0, "bearer": "shared", "reason": "By the record of the room.",
            });
            self.answer(0, &format!("{DISPUTES}/{dispute}/decide"), body, "disputes decided").await?;
        }
        for dispute in self.waiting(DISPUTES, "proposed").await? {
            self.answer(1, &format!("{DISPUTES}/{dispute}/approve"), json!({}), "decisions approved").await?;
        }
        for payout in self.waiting(PAYOUTS, "manual_review").await? {
            self.resolve(&payout).await?;
        }
        Ok(())
    }

    /// The audit stops payouts when money lies where it should not. A clock that is moved by two days makes what was due a
    /// moment ago two days late, so that it does here: it is told to go on, and stops again if it was right.
    async fn release_payouts(&self) -> Result<()> {
        let control = self.admins[0].get("/v1/admin/payout-control").await;
        let control = control.context("no answer to an administrator")?.expect(200)?.body;
        if control["paused"] == true {
            let body = json!({ "reason": "late because the clock was moved" });
            self.answer(
                0,
                &format!("{PAYOUTS}/release"),
                body,
                "payouts released that the audit had stopped",
            )
            .await?;
        }
        Ok(())
    }

    /// Both administrators look into the provider's console and say what became of a payout.
    async fn resolve(&self, payout: &str) -> Result<()> {
        let known = self.toss.get("/sandbox/payouts").send().await?.expect(200)?.body;
        let known: Vec<&Value> =
            known.as_array().context("payouts")?.iter().filter(|p| p["refPayoutId"] == payout).collect();
        let is = |status: &str| known.iter().any(|p| p["status"] == status);
        if is("IN_PROGRESS") || is("REQUESTED") {
            return Ok(());
        }
        let outcome = if is("COMPLETED") { "paid" } else { "failed" };
        for admin in 0..2 {
            let body = json!({ "outcome": outcome, "evidence": "the provider's console" });
            self.answer(admin, &format!("{PAYOUTS}/{payout}/resolve"), body, "payouts resolved").await?;
        }
        Ok(())
    }

    /// Ids of what waits in a state, page by page.
    async fn waiting(&self, list: &str, state: &str) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        let mut before = String::new();
        loop {
            let answer = self.admins[0].get(&format!("{list}?state={state}&limit=100{before}")).await;
            let page = answer.context("no answer to an administrator")?.expect(200)?.body;
            let items = page["items"].as_array().context("items")?;
            ids.extend(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)));
            let Some(next) = page["next"].as_str() else { return Ok(ids) };
            before = format!("&before={next}");
        }
    }

    async fn answer(&self, admin: usize, path: &str, body: Value, what: &str) -> Result<()> {
        let answer = self.admins[admin].post(path, &body).await.context("no answer to an administrator")?;
        // A list may be older than what is in it.
        ensure!(matches!(answer.status, 200..=204 | 409), "{:?}", answer.expect(200));
        self.record.count("desk", what);
        Ok(())
    }
}

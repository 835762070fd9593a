//! Our ledger against the books of the provider, booking by booking, to the won.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::Value;
use uuid::Uuid;

use super::Check;
use crate::chaos::flow::Flow;
use crate::chaos::people::PRICE;

/// Won of one booking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    captured: i64,
    given_back: i64,
}

/// Won of one booking, by our ledger.
#[derive(Clone, Copy, Debug, Default, sqlx::FromRow)]
struct Ledger {
    captured: i64,
    given_back: i64,
    held: i64,
    mentor: i64,
    platform: i64,
}

impl Check<'_> {
    pub(super) async fn books(&self, flows: &[Flow], states: &HashMap<Uuid, String>) -> Result<()> {
        let theirs = self.theirs().await?;
        let mut ours = self.ours().await?;
        for id in states.keys() {
            let (ours, theirs) =
                (ours.remove(id).unwrap_or_default(), theirs.get(id).copied().unwrap_or_default());
            let sums = Sums { captured: ours.captured, given_back: ours.given_back };
            if sums != theirs {
                self.record.wrong(format!("{id}: the ledger says {sums:?}, the provider {theirs:?}"));
            }
            let parts = ours.mentor + ours.platform + ours.given_back;
            if ours.held != 0 || parts != ours.captured {
                self.record
                    .wrong(format!("{id}: mentor, platform and refunds are not what was taken: {ours:?}"));
            }
            if theirs.captured > PRICE && theirs.captured - theirs.given_back > PRICE {
                self.record.wrong(format!("{id}: more than the price was kept: {theirs:?}"));
            }
        }
        for flow in flows.iter().filter(|flow| flow.facts.is_paid && flow.facts.is_cancelled) {
            let id: Option<Uuid> = flow.id.as_deref().and_then(|id| id.parse().ok());
            let given = id.and_then(|id| theirs.get(&id)).map(|sums| sums.given_back);
            if given.is_some() && given != flow.facts.promised {
                self.wrong(flow, &format!("{:?} were promised, {given:?} given back", flow.facts.promised));
            }
        }
        self.totals().await
    }

    /// What the provider took and gave back.
    async fn theirs(&self) -> Result<HashMap<Uuid, Sums>> {
        let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
            "SELECT a.id, p.reservation_id FROM payment_attempts a JOIN payments p ON p.id = a.payment_id",
        )
        .fetch_all(self.pool)
        .await?;
        let reservations: HashMap<Uuid, Uuid> = rows.into_iter().collect();
        let payments = self.toss.get("/sandbox/payments").send().await?.expect(200)?.body;
        let mut sums: HashMap<Uuid, Sums> = HashMap::new();
        for payment in payments.as_array().context("payments")? {
            let status = payment["status"].as_str().unwrap_or_default();
            if !matches!(status, "DONE" | "CANCELED" | "PARTIAL_CANCELED") {
                continue;
            }
            let won = |name: &str| payment[name].as_i64().context("won");
            let (total, left) = (won("totalAmount")?, won("balanceAmount")?);
            let order = payment["orderId"].as_str().and_then(|id| id.parse().ok());
            let Some(id) = order.and_then(|order: Uuid| reservations.get(&order)) else {
                self.record
                    .wrong(format!("the provider has a payment that we do not know: {}", line(payment)));
                continue;
            };
            let sum = sums.entry(*id).or_default();
            sum.captured += total;
            sum.given_back += total - left;
        }
        Ok(sums)
    }

    async fn ours(&self) -> Result<HashMap<Uuid, Ledger>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT g.reservation_id AS id,
                CAST(SUM(CASE WHEN g.account = 'provider' AND e.kind IN ('capture', 'uncapture')
                         THEN g.amount_krw ELSE 0 END) AS SIGNED) AS captured,
                CAST(-SUM(CASE WHEN g.account = 'provider' AND e.kind NOT IN ('capture', 'uncapture')
                          OR g.account = 'platform_bank' THEN g.amount_krw ELSE 0 END) AS SIGNED) AS given_back,
                CAST(-SUM(CASE WHEN g.account = 'held' THEN g.amount_krw ELSE 0 END) AS SIGNED) AS held,
                CAST(-SUM(CASE WHEN g.account IN ('mentor_payable', 'withholding_payable')
                          THEN g.amount_krw ELSE 0 END) AS SIGNED) AS mentor,
                CAST(-SUM(CASE WHEN g.account IN ('platform_revenue', 'vat_payable', 'goodwill')
                          THEN g.amount_krw ELSE 0 END) AS SIGNED) AS platform
             FROM ledger_postings g JOIN ledger_entries e ON e.id = g.entry_id
             WHERE g.reservation_id IS NOT NULL GROUP BY g.reservation_id",
        )
        .fetch_all(self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.ledger)).collect())
    }

    /// What the provider holds for us, all in all.
    async fn totals(&self) -> Result<()> {
        let (all, provider): (i64, i64) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(amount_krw), 0) AS SIGNED),
                    CAST(COALESCE(SUM(CASE WHEN account = 'provider' THEN amount_krw END), 0) AS SIGNED)
             FROM ledger_postings",
        )
        .fetch_one(self.pool)
        .await?;
        let book = self.toss.get("/sandbox/balance").send().await?.expect(200)?.body["ledger"].clone();
        let won = |name: &str| book[name].as_i64().unwrap_or_default();
        let theirs = won("captured") - won("cancelled") - won("reversed") - won("paidOut");
        if all != 0 || provider != theirs {
            self.record
                .wrong(format!("the ledger sums to {all}; the provider holds {theirs}, by us {provider}"));
        }
        for name in ["captured", "cancelled", "paidOut"] {
            self.record.count_many("won", name, won(name));
        }
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    #[sqlx(flatten)]
    ledger: Ledger,
}

fn line(payment: &Value) -> String {
    format!("{} {} {}", payment["orderId"], payment["status"], payment["totalAmount"])
}

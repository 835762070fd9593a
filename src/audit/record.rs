//! What becomes of what was found: rows, an alarm, and payouts that stand still.

use std::collections::BTreeMap;

use sqlx::MySqlPool;

use super::checks;
use super::error::Error;
use super::model::{Finding, Offender, PROVIDER, readable};
use super::pass::Outcome;
use super::query::{self, FindingRow};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::FindingId;
use crate::payout;

/// Writes what a pass found: what is new raises the alarm, and stops payouts where it is about money; what is gone
/// is resolved. Payouts stay stopped until an operator releases them, and what was found before the release does
/// not stop them again.
pub async fn record(tx: &mut Tx, outcome: &Outcome) -> Result<(), Error> {
    note_all(tx, &outcome.offenders).await?;
    for check in checks::all() {
        if outcome.names_all(check.name) {
            query::resolve(tx, check.name, outcome.started_at).await?;
        }
    }
    let found = outcome.counts.values().sum();
    query::note_pass(tx, outcome.pace.name(), outcome.started_at, outcome.subjects, found).await?;
    Ok(())
}

/// Writes findings. Those that are new raise the alarm, and stop payouts.
pub(super) async fn note_all(tx: &mut Tx, offenders: &[Offender]) -> Result<(), Error> {
    let mut about_money = Vec::new();
    for offender in offenders {
        let is_money = is_money(offender.check);
        if !query::note(tx, offender, is_money).await? {
            continue;
        }
        let Offender { check, subject, facts } = offender;
        metrics::counter!("konnect_audit_findings_total", "check" => *check).increment(1);
        tracing::error!(check, subject, %facts, "the audit found something");
        if is_money {
            about_money.push(offender);
        }
    }
    if let Some(first) = about_money.first() {
        let more = about_money.len() - 1;
        let why = format!("audit: {} {}, and {more} more", first.check, first.subject);
        payout::pause(tx, &why).await?;
    }
    Ok(())
}

fn is_money(name: &str) -> bool {
    name == PROVIDER || checks::all().into_iter().any(|check| check.name == name && check.is_money)
}

/// How many findings of each check are open, also of those that find nothing.
pub async fn open_counts(pool: &MySqlPool) -> sqlx::Result<Vec<(&'static str, i64)>> {
    let open: BTreeMap<String, i64> = query::open_counts(pool).await?.into_iter().collect();
    let names = checks::all().into_iter().map(|check| check.name).chain([PROVIDER]);
    Ok(names.map(|name| (name, open.get(name).copied().unwrap_or(0))).collect())
}

/// Findings, newest first: all, or those that are open, or those that are not.
pub async fn findings(
    pool: &MySqlPool,
    open: Option<bool>,
    before: Option<FindingId>,
    limit: u32,
) -> sqlx::Result<Vec<Finding>> {
    let rows = query::findings(pool, open, before, limit).await?;
    Ok(rows.into_iter().map(Finding::from).collect())
}

impl From<FindingRow> for Finding {
    fn from(row: FindingRow) -> Self {
        Self {
            id: row.id,
            check: row.check_name,
            subject: row.subject,
            is_money: row.is_money,
            facts: readable(serde_json::from_str(&row.facts).unwrap_or_default()),
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            resolved_at: row.resolved_at,
        }
    }
}

/// When the last full pass began (UTC); absent before the first.
pub async fn last_full(pool: &MySqlPool) -> sqlx::Result<Option<Instant>> {
    query::last_pass(pool, "full").await
}

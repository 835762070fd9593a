//! The SQL of alarms: each a short range of an index, because it is asked every few seconds.

use chrono::TimeDelta;
use sqlx::{MySqlConnection, MySqlPool};

use crate::clock::Instant;

/// States in which a refund waits for a person, or the provider has not said what became of it.
const REFUNDS: [&str; 3] = ["awaiting_approval", "manual_review", "unknown"];
/// States of payouts without an end.
const PAYOUTS: [&str; 5] = ["queued", "sent", "unknown", "in_progress", "manual_review"];
/// Days of the provider's books that are looked at; older ones were read often enough.
const DAYS: TimeDelta = TimeDelta::days(14);

pub struct Counted {
    /// Dead jobs by kind; kinds without one are not here.
    pub dead: Vec<(String, i64)>,
    /// Attempts to pay of which the provider has not said what became.
    pub unknown: i64,
    /// When the oldest of them was first sent (UTC).
    pub unknown_since: Option<Instant>,
    /// By state, all of [`REFUNDS`].
    pub refunds: Vec<(&'static str, i64)>,
    /// By state, all of [`PAYOUTS`].
    pub payouts: Vec<(&'static str, i64)>,
    /// Whether payouts are stopped.
    pub paused: bool,
    /// Findings that last, by whether they are about money.
    pub findings: [(bool, i64); 2],
    /// When the last whole pass of the audit began (UTC).
    pub full_pass: Option<Instant>,
    /// When the last pass over what was touched ended (UTC).
    pub recent_pass: Option<Instant>,
    /// When the first account was made (UTC).
    pub born: Option<Instant>,
    /// Rows of the provider's last days that stand against none of ours.
    pub unexplained: i64,
    /// Endpoints that we stopped telling by ourselves.
    pub given_up: i64,
}

pub async fn count(pool: &MySqlPool, now: Instant) -> sqlx::Result<Counted> {
    let mut connection = pool.acquire().await?;
    let dead = sqlx::query_as("SELECT kind, COUNT(*) FROM outbox WHERE state = 'dead' GROUP BY kind")
        .fetch_all(&mut *connection)
        .await?;
    let (unknown, unknown_since) = sqlx::query_as(
        "SELECT COUNT(*), MIN(COALESCE(sent_at, created_at)) FROM payment_attempts WHERE state = 'unknown'",
    )
    .fetch_one(&mut *connection)
    .await?;
    let refunds = by_state(&mut connection, "SELECT COUNT(*) FROM refunds WHERE state = ?", &REFUNDS).await?;
    let payouts = by_state(&mut connection, "SELECT COUNT(*) FROM payouts WHERE state = ?", &PAYOUTS).await?;
    let paused: Option<bool> = sqlx::query_scalar("SELECT paused FROM payout_controls WHERE id = 1")
        .fetch_optional(&mut *connection)
        .await?;
    let (money, all): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(CASE WHEN is_money THEN 1 END), COUNT(*) FROM audit_findings WHERE live_key IS NOT NULL",
    )
    .fetch_one(&mut *connection)
    .await?;
    let full_pass = sqlx::query_scalar("SELECT started_at FROM audit_passes WHERE pace = 'full'")
        .fetch_optional(&mut *connection)
        .await?;
    let recent_pass = sqlx::query_scalar("SELECT ended_at FROM audit_passes WHERE pace = 'recent'")
        .fetch_optional(&mut *connection)
        .await?;
    let born = sqlx::query_scalar("SELECT MIN(created_at) FROM users").fetch_one(&mut *connection).await?;
    let unexplained = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(unexplained), 0) AS SIGNED) FROM provider_days WHERE day >= ?",
    )
    .bind((now - DAYS).date_naive())
    .fetch_one(&mut *connection)
    .await?;
    let given_up = sqlx::query_scalar(
        "SELECT COUNT(*) FROM webhook_endpoints WHERE state = 'disabled' AND disabled_reason IN ('gone', 'failing')",
    )
    .fetch_one(&mut *connection)
    .await?;
    Ok(Counted {
        dead,
        unknown,
        unknown_since,
        refunds,
        payouts,
        paused: paused.unwrap_or(false),
        findings: [(true, money), (false, all - money)],
        full_pass,
        recent_pass,
        born,
        unexplained,
        given_up,
    })
}

async fn by_state(
    connection: &mut MySqlConnection,
    sql: &'static str,
    states: &[&'static str],
) -> sqlx::Result<Vec<(&'static str, i64)>> {
    let mut counted = Vec::new();
    for state in states {
        counted.push((*state, sqlx::query_scalar(sql).bind(state).fetch_one(&mut *connection).await?));
    }
    Ok(counted)
}

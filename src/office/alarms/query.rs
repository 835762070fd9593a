//! The SQL of alarms: each a short range of an index, because it is asked every few seconds.

use chrono::TimeDelta;
use sqlx::MySqlPool;

use crate::clock::Instant;

/// Days of the provider's books that are looked at; older ones were read often enough.
const DAYS: TimeDelta = TimeDelta::days(14);

pub struct Counted {
    /// Findings that last, by whether they are about money.
    pub findings: [(bool, i64); 2],
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
    let (money, all): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(CASE WHEN is_money THEN 1 END), COUNT(*) FROM audit_findings WHERE live_key IS NOT NULL",
    )
    .fetch_one(&mut *connection)
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
    Ok(Counted { findings: [(true, money), (false, all - money)], recent_pass, born, unexplained, given_up })
}

//! The SQL of figures: each a short range of an index.

use chrono::NaiveDate;
use sqlx::{MySqlConnection, MySqlExecutor, MySqlPool, QueryBuilder};

use crate::clock::Instant;
use crate::db::Tx;
use crate::money::Krw;
use crate::office::model::{Figures, Waiting};

/// What happened from one instant on and before another (UTC): one day, in one statement over three ranges.
pub async fn count(executor: impl MySqlExecutor<'_>, from: Instant, to: Instant) -> sqlx::Result<Figures> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT 'users' AS what, '' AS name, COUNT(*) AS amount FROM users WHERE created_at >= ? AND created_at < ?
         UNION ALL
         SELECT 'moved', to_state, COUNT(*) FROM reservation_history WHERE at >= ? AND at < ? GROUP BY to_state
         UNION ALL
         SELECT e.kind, p.account, CAST(SUM(p.amount_krw) AS SIGNED)
         FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id
         WHERE e.at >= ? AND e.at < ? GROUP BY e.kind, p.account",
    )
    .bind(from)
    .bind(to)
    .bind(from)
    .bind(to)
    .bind(from)
    .bind(to)
    .fetch_all(executor)
    .await?;
    let mut figures = Figures::default();
    for (what, name, amount) in rows {
        let won = Krw(amount);
        match (what.as_str(), name.as_str()) {
            ("users", _) => figures.new_users += amount,
            ("moved", state) => *figures.moves.entry(state.to_owned()).or_default() += amount,
            ("capture" | "uncapture", "provider") => figures.captured = figures.captured.plus(won),
            ("refund", "provider") => figures.refunded = figures.refunded.minus(won),
            ("refund_by_hand", "platform_bank") => figures.refunded = figures.refunded.minus(won),
            ("split" | "reversal", "platform_revenue") => figures.fees = figures.fees.minus(won),
            ("payout_paid", "payout_transit") => figures.paid_out = figures.paid_out.plus(won),
            _ => {}
        }
    }
    Ok(figures)
}

/// The figures of days that are over, from one day on and before another, oldest first.
pub async fn kept(
    pool: &MySqlPool,
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<Vec<(NaiveDate, String, i64)>> {
    sqlx::query_as(
        "SELECT day, figure, amount FROM office_days WHERE day >= ? AND day < ? ORDER BY day, figure",
    )
    .bind(from)
    .bind(to)
    .fetch_all(pool)
    .await
}

pub async fn counted(tx: &mut Tx, from: NaiveDate, to: NaiveDate) -> sqlx::Result<Vec<NaiveDate>> {
    sqlx::query_scalar("SELECT DISTINCT day FROM office_days WHERE day >= ? AND day < ?")
        .bind(from)
        .bind(to)
        .fetch_all(tx.conn())
        .await
}

pub async fn keep(tx: &mut Tx, day: NaiveDate, figures: &Figures) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::new("INSERT INTO office_days (day, figure, amount) ");
    insert.push_values(figures.rows(), |mut row, (figure, amount)| {
        row.push_bind(day).push_bind(figure).push_bind(amount);
    });
    insert.push(" ON DUPLICATE KEY UPDATE office_days.amount = office_days.amount");
    insert.build().execute(tx.conn()).await?;
    Ok(())
}

/// What waits now: each by an index over states.
pub async fn waiting(pool: &MySqlPool) -> sqlx::Result<Waiting> {
    let mut connection = pool.acquire().await?;
    let due = "SELECT CAST(COALESCE(SUM(net_krw), 0) AS SIGNED) FROM settlement_lines WHERE state = 'ready'";
    Ok(Waiting {
        payouts_due: Krw(number(&mut connection, due).await?),
        payouts_open: number(
            &mut connection,
            "SELECT COUNT(*) FROM payouts WHERE state IN ('queued', 'sent', 'unknown', 'in_progress', 'manual_review')",
        )
        .await?,
        disputes_open: number(
            &mut connection,
            "SELECT COUNT(*) FROM disputes WHERE state IN ('open', 'answered', 'in_review', 'proposed')",
        )
        .await?,
        applications: number(&mut connection, "SELECT COUNT(*) FROM mentors WHERE state = 'applied'").await?,
        refunds_waiting: number(
            &mut connection,
            "SELECT COUNT(*) FROM refunds WHERE state IN ('awaiting_approval', 'manual_review')",
        )
        .await?,
        payments_unknown: number(
            &mut connection,
            "SELECT COUNT(*) FROM payment_attempts WHERE state = 'unknown'",
        )
        .await?,
        jobs_dead: number(&mut connection, "SELECT COUNT(*) FROM outbox WHERE state = 'dead'").await?,
        findings_open: number(
            &mut connection,
            "SELECT COUNT(*) FROM audit_findings WHERE live_key IS NOT NULL",
        )
        .await?,
        reports_open: number(
            &mut connection,
            "SELECT COUNT(*) FROM review_reports WHERE closed_at IS NULL",
        )
        .await?,
    })
}

async fn number(connection: &mut MySqlConnection, sql: &'static str) -> sqlx::Result<i64> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// How many payments are unknown, and when the oldest of them was sent.
pub async fn unknown_payments(pool: &MySqlPool) -> sqlx::Result<(i64, Option<Instant>)> {
    sqlx::query_as(
        "SELECT COUNT(*), MIN(COALESCE(sent_at, created_at)) FROM payment_attempts WHERE state = 'unknown'",
    )
    .fetch_one(pool)
    .await
}

pub async fn refunds_by_state(pool: &MySqlPool, states: &[&str]) -> sqlx::Result<Vec<(String, i64)>> {
    counts(pool, "SELECT state, COUNT(*) FROM refunds WHERE state IN (", states).await
}

pub async fn payouts_by_state(pool: &MySqlPool, states: &[&str]) -> sqlx::Result<Vec<(String, i64)>> {
    counts(pool, "SELECT state, COUNT(*) FROM payouts WHERE state IN (", states).await
}

async fn counts(pool: &MySqlPool, sql: &'static str, states: &[&str]) -> sqlx::Result<Vec<(String, i64)>> {
    let mut query = QueryBuilder::new(sql);
    let mut list = query.separated(", ");
    for state in states {
        list.push_bind((*state).to_owned());
    }
    query.push(") GROUP BY state").build_query_as().fetch_all(pool).await
}

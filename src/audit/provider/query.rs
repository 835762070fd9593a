//! All SQL of the provider's days.

use chrono::NaiveDate;
use sqlx::MySqlPool;

use super::model::{DayReport, ProviderRow, StoredRow, TransactionKind};
use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::AttemptId;

macro_rules! rows {
    ($rest:literal) => {
        concat!(
            "SELECT transaction_key, payment_key, order_id, kind, status, amount_krw, at, match_state, ledger_krw,
                attempt_id, asked_at FROM provider_transactions ",
            $rest
        )
    };
}

/// An id as posting keys write it.
macro_rules! text {
    ($column:literal) => {
        concat!(
            "LOWER(CONCAT_WS('-', SUBSTR(HEX(",
            $column,
            "), 1, 8), SUBSTR(HEX(",
            $column,
            "), 9, 4), SUBSTR(HEX(",
            $column,
            "), 13, 4), SUBSTR(HEX(",
            $column,
            "), 17, 4), SUBSTR(HEX(",
            $column,
            "), 21, 12)))"
        )
    };
}

/// A row that is known keeps what was found out about it.
pub async fn upsert(
    tx: &mut Tx,
    row: &ProviderRow,
    attempt: Option<AttemptId>,
    day: NaiveDate,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO provider_transactions (transaction_key, payment_key, order_id, kind, status, amount_krw, at, day,
            match_state, attempt_id, seen_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'missing_here', ?, ?)
         ON DUPLICATE KEY UPDATE payment_key = VALUES(payment_key), order_id = VALUES(order_id),
            kind = VALUES(kind), status = VALUES(status), amount_krw = VALUES(amount_krw), at = VALUES(at),
            day = VALUES(day), attempt_id = VALUES(attempt_id), seen_at = VALUES(seen_at),
            match_state = CASE WHEN match_state = 'missing_there' THEN 'missing_here' ELSE match_state END",
    )
    .bind(&row.transaction_key)
    .bind(&row.payment_key)
    .bind(&row.order_id)
    .bind(row.kind)
    .bind(&row.status)
    .bind(row.amount)
    .bind(row.at)
    .bind(day)
    .bind(attempt)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An approval stands for a capture of that attempt that was posted with that amount.
pub async fn match_approvals(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<()> {
    posted(
        tx,
        day,
        TransactionKind::Approval,
        "capture",
        concat!("CONCAT('capture:', ", text!("t.attempt_id"), ", '%')"),
    )
    .await
}

/// A reversal stands for a capture that was taken back.
pub async fn match_reversals(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<()> {
    let key = concat!("CONCAT('uncapture:', ", text!("t.attempt_id"), ", '%')");
    posted(tx, day, TransactionKind::Reversal, "uncapture", key).await
}

/// Where an entry has the provider's very amount, that one counts; else the largest, so that the difference shows.
async fn posted(
    tx: &mut Tx,
    day: NaiveDate,
    kind: TransactionKind,
    entry: &'static str,
    key: &'static str,
) -> sqlx::Result<()> {
    let mut update = sqlx::QueryBuilder::new(
        "UPDATE provider_transactions t SET t.ledger_krw =
            (SELECT COALESCE(MAX(CASE WHEN ABS(g.amount_krw) = t.amount_krw THEN t.amount_krw END),
                             MAX(ABS(g.amount_krw)))
             FROM payment_attempts a JOIN payments p ON p.id = a.payment_id
                JOIN ledger_entries e ON e.reservation_id = p.reservation_id AND e.kind = ",
    );
    update.push_bind(entry);
    update.push(" AND e.posting_key LIKE ").push(key);
    update.push(
        " JOIN ledger_postings g ON g.entry_id = e.id AND g.account = 'provider'
             WHERE a.id = t.attempt_id AND a.payment_key = t.payment_key)
         WHERE t.match_state <> 'missing_there' AND t.day = ",
    );
    update.push_bind(day).push(" AND t.kind = ").push_bind(kind);
    update.build().execute(tx.conn()).await?;
    judge(tx, day, kind).await
}

/// A cancel stands for a refund that was made and carries its key.
pub async fn match_cancels(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE provider_transactions t SET t.ledger_krw =
            (SELECT SUM(f.amount_krw) FROM refunds f
             WHERE f.transaction_key = t.transaction_key AND f.attempt_id = t.attempt_id AND f.state = 'done')
         WHERE t.match_state <> 'missing_there' AND t.day = ? AND t.kind = 'cancel'",
    )
    .bind(day)
    .execute(tx.conn())
    .await?;
    judge(tx, day, TransactionKind::Cancel).await
}

async fn judge(tx: &mut Tx, day: NaiveDate, kind: TransactionKind) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE provider_transactions SET match_state = CASE WHEN ledger_krw IS NULL THEN 'missing_here'
            WHEN ledger_krw <> amount_krw THEN 'differs' ELSE 'matched' END
         WHERE match_state <> 'missing_there' AND day = ? AND kind = ?",
    )
    .bind(day)
    .bind(kind)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The cancel of an account that nobody paid into moves nothing; whether the list shows it is not documented.
pub async fn match_cancels_of_nothing(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE provider_transactions t
            JOIN payment_attempts a ON a.id = t.attempt_id AND a.payment_key = t.payment_key
               AND a.captured_krw IS NULL
            LEFT JOIN provider_transactions o ON o.payment_key = t.payment_key AND o.kind = 'approval'
         SET t.match_state = 'matched', t.kind = 'other'
         WHERE t.day = ? AND t.kind = 'cancel' AND t.match_state = 'missing_here' AND o.transaction_key IS NULL
            AND a.state NOT IN ('confirming', 'unknown')",
    )
    .bind(day)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes the rows of ours that had nothing there out of the table.
pub async fn take_missing(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<Vec<StoredRow>> {
    let known = sqlx::query_as(rows!("WHERE day = ? AND match_state = 'missing_there' FOR UPDATE"))
        .bind(day)
        .fetch_all(tx.conn())
        .await?;
    sqlx::query("DELETE FROM provider_transactions WHERE day = ? AND match_state = 'missing_there'")
        .bind(day)
        .execute(tx.conn())
        .await?;
    Ok(known)
}

/// Captures posted in a stretch of time of which the provider's list, whatever the day, has no approval.
pub async fn captures_without_row(tx: &mut Tx, from: Instant, to: Instant) -> sqlx::Result<Vec<ProviderRow>> {
    sqlx::query_as(concat!(
        "SELECT COALESCE(a.transaction_key, CONCAT('attempt:', ",
        text!("a.id"),
        ")) AS transaction_key,
            a.payment_key, ",
        text!("a.id"),
        " AS order_id, 'approval' AS kind, a.state AS status,
            g.amount_krw AS amount, e.at
         FROM ledger_entries e
            JOIN ledger_postings g ON g.entry_id = e.id AND g.account = 'provider'
            JOIN payments p ON p.reservation_id = e.reservation_id
            JOIN payment_attempts a ON a.payment_id = p.id
               AND e.posting_key LIKE CONCAT('capture:', ",
        text!("a.id"),
        ", '%')
         WHERE e.kind = 'capture' AND e.at >= ? AND e.at < ? AND a.payment_key IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM provider_transactions t
                            WHERE t.payment_key = a.payment_key AND t.kind = 'approval'
                               AND t.match_state <> 'missing_there')"
    ))
    .bind(from)
    .bind(to)
    .fetch_all(tx.conn())
    .await
}

/// Refunds posted in a stretch of time whose cancel the provider's list does not have.
pub async fn refunds_without_row(tx: &mut Tx, from: Instant, to: Instant) -> sqlx::Result<Vec<ProviderRow>> {
    sqlx::query_as(concat!(
        "SELECT COALESCE(f.transaction_key, CONCAT('refund:', ", text!("f.id"), ")) AS transaction_key,
            a.payment_key, ", text!("a.id"), " AS order_id, 'cancel' AS kind, f.state AS status,
            f.amount_krw AS amount, e.at
         FROM ledger_entries e
            JOIN refunds f ON f.reservation_id = e.reservation_id
               AND e.posting_key = CONCAT('refund:', ", text!("f.id"), ")
            JOIN payment_attempts a ON a.id = f.attempt_id
         WHERE e.kind = 'refund' AND e.at >= ? AND e.at < ? AND a.payment_key IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM provider_transactions t
                            WHERE t.transaction_key = f.transaction_key AND t.match_state <> 'missing_there')"
    ))
    .bind(from)
    .bind(to)
    .fetch_all(tx.conn())
    .await
}

pub async fn insert_missing(
    tx: &mut Tx,
    day: NaiveDate,
    row: &ProviderRow,
    asked_at: Option<Instant>,
) -> sqlx::Result<()> {
    let now = tx.now;
    let inserted = sqlx::query(
        "INSERT INTO provider_transactions (transaction_key, payment_key, order_id, kind, status, amount_krw, at, day,
            match_state, ledger_krw, attempt_id, asked_at, seen_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'missing_there', ?, ?, ?, ?)",
    )
    .bind(&row.transaction_key)
    .bind(&row.payment_key)
    .bind(&row.order_id)
    .bind(row.kind)
    .bind(&row.status)
    .bind(row.amount)
    .bind(row.at)
    .bind(day)
    .bind(row.amount)
    .bind(row.order_id.parse::<AttemptId>().ok())
    .bind(asked_at)
    .bind(now)
    .execute(tx.conn())
    .await;
    match inserted {
        Ok(_) => Ok(()),
        // The provider knows the key, for something else: that row shows it.
        Err(error) if duplicate_key(&error).is_some() => Ok(()),
        Err(error) => Err(error),
    }
}

pub async fn unexplained(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<Vec<StoredRow>> {
    sqlx::query_as(rows!("WHERE day = ? AND match_state <> 'matched' ORDER BY transaction_key LIMIT 1000"))
        .bind(day)
        .fetch_all(tx.conn())
        .await
}

pub async fn mark_asked(tx: &mut Tx, key: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE provider_transactions SET asked_at = ? WHERE transaction_key = ?")
        .bind(now)
        .bind(key)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn attempt_exists(tx: &mut Tx, id: AttemptId) -> sqlx::Result<bool> {
    let found: Option<i8> = sqlx::query_scalar("SELECT 1 FROM payment_attempts WHERE id = ?")
        .bind(id)
        .fetch_optional(tx.conn())
        .await?;
    Ok(found.is_some())
}

/// Whether its money is in our books.
pub async fn is_captured(tx: &mut Tx, id: AttemptId) -> sqlx::Result<bool> {
    let found: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM payment_attempts WHERE id = ? AND state IN ('done', 'surplus')")
            .bind(id)
            .fetch_optional(tx.conn())
            .await?;
    Ok(found.is_some())
}

/// Findings of the day that are explained now, and those whose row is gone.
pub async fn resolve(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE audit_findings f LEFT JOIN provider_transactions t ON t.transaction_key = f.subject
         SET f.resolved_at = ?
         WHERE f.check_name = 'provider' AND f.resolved_at IS NULL
            AND (t.transaction_key IS NULL OR t.day = ? AND t.match_state = 'matched')",
    )
    .bind(now)
    .bind(day)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A reversal takes from what was captured. What is missing there counts as ours alone.
pub async fn write_report(tx: &mut Tx, day: NaiveDate) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO provider_days (day, checked_at, transactions, matched, unexplained, captured_krw, cancelled_krw,
            ledger_captured_krw, ledger_refunded_krw)
         SELECT ?, ?, COUNT(CASE WHEN match_state <> 'missing_there' THEN 1 END),
            COUNT(CASE WHEN match_state = 'matched' THEN 1 END),
            COUNT(CASE WHEN match_state <> 'matched' THEN 1 END),
            COALESCE(SUM(CASE WHEN match_state = 'missing_there' THEN 0 WHEN kind = 'approval' THEN amount_krw
                              WHEN kind = 'reversal' THEN -amount_krw ELSE 0 END), 0),
            COALESCE(SUM(CASE WHEN match_state <> 'missing_there' AND kind = 'cancel' THEN amount_krw END), 0),
            COALESCE(SUM(CASE WHEN kind = 'approval' THEN ledger_krw WHEN kind = 'reversal' THEN -ledger_krw END), 0),
            COALESCE(SUM(CASE WHEN kind = 'cancel' THEN ledger_krw END), 0)
         FROM provider_transactions WHERE day = ?
         ON DUPLICATE KEY UPDATE checked_at = VALUES(checked_at), transactions = VALUES(transactions),
            matched = VALUES(matched), unexplained = VALUES(unexplained), captured_krw = VALUES(captured_krw),
            cancelled_krw = VALUES(cancelled_krw), ledger_captured_krw = VALUES(ledger_captured_krw),
            ledger_refunded_krw = VALUES(ledger_refunded_krw)",
    )
    .bind(day)
    .bind(now)
    .bind(day)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Newest first.
pub async fn days(pool: &MySqlPool, from: NaiveDate, to: NaiveDate) -> sqlx::Result<Vec<DayReport>> {
    sqlx::query_as(
        "SELECT day, checked_at, transactions, matched, unexplained, captured_krw, cancelled_krw,
            ledger_captured_krw, ledger_refunded_krw FROM provider_days WHERE day >= ? AND day <= ?
         ORDER BY day DESC LIMIT 400",
    )
    .bind(from)
    .bind(to)
    .fetch_all(pool)
    .await
}

pub async fn first_day(pool: &MySqlPool) -> sqlx::Result<Option<NaiveDate>> {
    sqlx::query_scalar("SELECT MIN(day) FROM provider_days").fetch_one(pool).await
}

pub async fn rows(
    pool: &MySqlPool,
    day: NaiveDate,
    all: bool,
    after: &str,
    limit: u32,
) -> sqlx::Result<Vec<StoredRow>> {
    sqlx::query_as(rows!(
        "WHERE day = ? AND (? OR match_state <> 'matched') AND transaction_key > ? ORDER BY transaction_key LIMIT ?"
    ))
    .bind(day)
    .bind(all)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}

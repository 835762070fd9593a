//! All SQL of passes and findings. The checks' own texts stand in `checks/`.

use sqlx::{MySql, MySqlPool, QueryBuilder};
use uuid::Uuid;

use super::model::{Check, Driver, Offender, Pace};
use crate::clock::Instant;
use crate::db::{Tx, duplicate_key, push_list};
use crate::id::FindingId;

/// The rows of one chunk.
#[derive(Clone, Debug)]
pub enum Scope<'a> {
    /// Later than the first, up to the second.
    Range(Uuid, Uuid),
    These(&'a [Uuid]),
}

fn key(driver: Driver) -> &'static str {
    if driver == Driver::Mentor { "user_id" } else { "id" }
}

fn table(driver: Driver) -> &'static str {
    match driver {
        Driver::Reservation => "reservations",
        Driver::Entry => "ledger_entries",
        Driver::Line => "settlement_lines",
        Driver::Payout => "payouts",
        Driver::Mentor => "mentors",
    }
}

/// Where a row that was touched shows it: selects ids, and `?` is the instant.
fn touched(driver: Driver) -> &'static [&'static str] {
    match driver {
        Driver::Reservation => &[
            "SELECT id FROM reservations WHERE updated_at >= ?",
            "SELECT reservation_id FROM ledger_entries WHERE at >= ? AND reservation_id IS NOT NULL",
            "SELECT reservation_id FROM payments WHERE updated_at >= ?",
            "SELECT p.reservation_id FROM payment_attempts a JOIN payments p ON p.id = a.payment_id
             WHERE a.updated_at >= ?",
            "SELECT reservation_id FROM refunds WHERE updated_at >= ?",
            "SELECT reservation_id FROM settlement_lines WHERE updated_at >= ?",
            "SELECT reservation_id FROM reviews WHERE updated_at >= ?",
        ],
        Driver::Entry => &["SELECT id FROM ledger_entries WHERE at >= ?"],
        Driver::Line => &[
            "SELECT id FROM settlement_lines WHERE updated_at >= ?",
            "SELECT l.id FROM ledger_entries e JOIN settlement_lines l ON l.reservation_id = e.reservation_id
             WHERE e.at >= ?",
            "SELECT l.id FROM payouts o JOIN settlement_lines l ON l.payout_id = o.id WHERE o.updated_at >= ?",
        ],
        Driver::Payout => &[
            "SELECT id FROM payouts WHERE updated_at >= ?",
            "SELECT payout_id FROM ledger_entries WHERE at >= ? AND payout_id IS NOT NULL",
            "SELECT payout_id FROM settlement_lines WHERE updated_at >= ? AND payout_id IS NOT NULL",
        ],
        Driver::Mentor => &[
            "SELECT g.owner_id AS id FROM ledger_entries e JOIN ledger_postings g ON g.entry_id = e.id
             WHERE e.at >= ? AND g.owner_id IS NOT NULL",
            "SELECT mentor_id FROM settlement_lines WHERE updated_at >= ?",
            "SELECT subject_id FROM reviews WHERE updated_at >= ?",
        ],
    }
}

fn push_rows(query: &mut QueryBuilder<MySql>, driver: Driver, pace: Pace) {
    match pace {
        Pace::Full => {
            query.push("(SELECT ").push(key(driver)).push(" AS id FROM ").push(table(driver)).push(") t");
        }
        Pace::Since(since) => {
            query.push("(");
            for (i, text) in touched(driver).iter().enumerate() {
                query.push(if i == 0 { "" } else { " UNION " });
                let (head, tail) = text.split_once('?').expect("each says since when");
                query.push(head).push_bind(since).push(tail);
            }
            query.push(") t");
        }
    }
}

/// The next ids of a driver's rows, ascending.
pub async fn chunk(
    pool: &MySqlPool,
    driver: Driver,
    pace: Pace,
    after: Uuid,
    limit: u32,
) -> sqlx::Result<Vec<Uuid>> {
    let mut query = QueryBuilder::new("SELECT t.id FROM ");
    push_rows(&mut query, driver, pace);
    query.push(" WHERE t.id > ").push_bind(after).push(" ORDER BY t.id LIMIT ").push_bind(limit);
    query.build_query_scalar().fetch_all(pool).await
}

pub async fn count(pool: &MySqlPool, driver: Driver, pace: Pace) -> sqlx::Result<u64> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM ");
    push_rows(&mut query, driver, pace);
    let count: i64 = query.build_query_scalar().fetch_one(pool).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The rows of the scope that break the rule, at most `limit`: id and facts.
pub async fn offenders(
    pool: &MySqlPool,
    check: &Check,
    scope: &Scope<'_>,
    before: Instant,
    limit: u32,
) -> sqlx::Result<Vec<(Uuid, String)>> {
    let mut query = QueryBuilder::new("");
    let mut rest = check.sql;
    while let Some((text, after)) = rest.split_once('{') {
        query.push(text);
        let (name, after) = after.split_once('}').expect("a name is closed");
        match name {
            "before" => {
                query.push_bind(before);
            }
            "scope" => push_scope(&mut query, key(check.driver), scope),
            id => {
                query.push(id_as_text(id.trim_start_matches("text:")));
            }
        }
        rest = after;
    }
    query.push(rest).push(" LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

fn push_scope(query: &mut QueryBuilder<MySql>, key: &str, scope: &Scope<'_>) {
    match scope {
        Scope::Range(after, last) => {
            query.push("d.").push(key).push(" > ").push_bind(*after);
            query.push(" AND d.").push(key).push(" <= ").push_bind(*last);
        }
        Scope::These(ids) => {
            query.push("d.").push(key).push(" IN (");
            push_list(query, ids.iter().copied());
            query.push(")");
        }
    }
}

/// An id as Rust writes it, in the words of both databases.
fn id_as_text(column: &str) -> String {
    let part = |from: u32, length: u32| format!("SUBSTR(HEX({column}), {from}, {length})");
    let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(", ");
    format!("LOWER(CONCAT_WS('-', {parts}))")
}

/// One check's open findings with their subjects, oldest first, after the finding `after`.
pub async fn open_subjects(
    pool: &MySqlPool,
    check: &str,
    after: FindingId,
    limit: u32,
) -> sqlx::Result<Vec<(FindingId, String)>> {
    sqlx::query_as(
        "SELECT id, subject FROM audit_findings WHERE check_name = ? AND resolved_at IS NULL AND id > ?
         ORDER BY id LIMIT ?",
    )
    .bind(check)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Writes that a finding lasts, or that it is new: `true`.
pub async fn note(tx: &mut Tx, offender: &Offender, is_money: bool) -> sqlx::Result<bool> {
    let now = tx.now;
    let live_key = format!("{}:{}", offender.check, offender.subject);
    let facts = offender.facts.to_string();
    let known = sqlx::query("UPDATE audit_findings SET last_seen = ?, facts = ? WHERE live_key = ?")
        .bind(now)
        .bind(&facts)
        .bind(&live_key)
        .execute(tx.conn())
        .await?;
    if known.rows_affected() > 0 {
        return Ok(false);
    }
    let inserted = sqlx::query(
        "INSERT INTO audit_findings (id, check_name, subject, is_money, facts, first_seen, last_seen)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(FindingId::generate())
    .bind(offender.check)
    .bind(&offender.subject)
    .bind(is_money)
    .bind(facts)
    .bind(now)
    .bind(now)
    .execute(tx.conn())
    .await;
    match inserted {
        Ok(_) => Ok(true),
        // Another pass was faster.
        Err(error) if duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Open findings of a check that no pass has seen since before `since`.
pub async fn resolve(tx: &mut Tx, check: &str, since: Instant) -> sqlx::Result<u64> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE audit_findings SET resolved_at = ? WHERE check_name = ? AND resolved_at IS NULL AND last_seen < ?",
    )
    .bind(now)
    .bind(check)
    .bind(since)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// How many findings of each check are open.
pub async fn open_counts(pool: &MySqlPool) -> sqlx::Result<Vec<(String, i64)>> {
    sqlx::query_as(
        "SELECT check_name, COUNT(*) FROM audit_findings WHERE resolved_at IS NULL GROUP BY check_name",
    )
    .fetch_all(pool)
    .await
}

/// A row of `audit_findings`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct FindingRow {
    pub id: FindingId,
    pub check_name: String,
    pub subject: String,
    pub is_money: bool,
    pub facts: String,
    pub first_seen: Instant,
    pub last_seen: Instant,
    pub resolved_at: Option<Instant>,
}

/// Newest first.
pub async fn findings(
    pool: &MySqlPool,
    open: Option<bool>,
    before: Option<FindingId>,
    limit: u32,
) -> sqlx::Result<Vec<FindingRow>> {
    let mut query = QueryBuilder::new(
        "SELECT id, check_name, subject, is_money, facts, first_seen, last_seen, resolved_at FROM audit_findings
         WHERE 1 = 1",
    );
    if let Some(open) = open {
        query.push(if open { " AND resolved_at IS NULL" } else { " AND resolved_at IS NOT NULL" });
    }
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// When the last pass of a pace began.
pub async fn last_pass(pool: &MySqlPool, pace: &str) -> sqlx::Result<Option<Instant>> {
    sqlx::query_scalar("SELECT started_at FROM audit_passes WHERE pace = ?")
        .bind(pace)
        .fetch_optional(pool)
        .await
}

pub async fn note_pass(
    tx: &mut Tx,
    pace: &str,
    started_at: Instant,
    subjects: u64,
    findings: u64,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO audit_passes (pace, started_at, ended_at, subjects, findings) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE started_at = VALUES(started_at), ended_at = VALUES(ended_at),
            subjects = VALUES(subjects), findings = VALUES(findings)",
    )
    .bind(pace)
    .bind(started_at)
    .bind(now)
    .bind(i64::try_from(subjects).unwrap_or(i64::MAX))
    .bind(i64::try_from(findings).unwrap_or(i64::MAX))
    .execute(tx.conn())
    .await?;
    Ok(())
}

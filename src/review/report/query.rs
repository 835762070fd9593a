//! All SQL of reports.

use sqlx::MySqlPool;

use super::{Outcome, Report};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ReviewId, UserId};
use crate::review::Part;

macro_rules! reports {
    ($rest:literal) => {
        concat!(
            "SELECT id, review_id, part, reporter_id, reason, note, at, closed_at, outcome FROM review_reports ",
            $rest
        )
    };
}

pub async fn insert(tx: &mut Tx, report: &Report) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO review_reports (id, review_id, part, reporter_id, reason, note, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(report.id)
    .bind(report.review_id)
    .bind(report.part)
    .bind(report.reporter_id)
    .bind(report.reason)
    .bind(&report.note)
    .bind(report.at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One more is open. No change of the review: its version stays.
pub async fn count_open(tx: &mut Tx, id: ReviewId) -> sqlx::Result<()> {
    sqlx::query("UPDATE reviews SET open_reports = open_reports + 1 WHERE id = ?")
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn by_reporter(
    tx: &mut Tx,
    id: ReviewId,
    part: Part,
    reporter: UserId,
) -> sqlx::Result<Option<Report>> {
    sqlx::query_as(reports!("WHERE review_id = ? AND part = ? AND reporter_id = ?"))
        .bind(id)
        .bind(part)
        .bind(reporter)
        .fetch_optional(tx.conn())
        .await
}

/// How much one person has reported since `since`.
pub async fn count_since(tx: &mut Tx, reporter: UserId, since: Instant) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM review_reports WHERE reporter_id = ? AND at > ?")
        .bind(reporter)
        .bind(since)
        .fetch_one(tx.conn())
        .await
}

/// `part`: both when none is named.
pub async fn close(tx: &mut Tx, id: ReviewId, part: Option<Part>, outcome: Outcome) -> sqlx::Result<i32> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE review_reports SET closed_at = ?, outcome = ?
         WHERE review_id = ? AND (? IS NULL OR part = ?) AND closed_at IS NULL",
    )
    .bind(now)
    .bind(outcome)
    .bind(id)
    .bind(part)
    .bind(part)
    .execute(tx.conn())
    .await?;
    Ok(i32::try_from(done.rows_affected()).unwrap_or(i32::MAX))
}

/// Oldest first; more than these say nothing new.
pub async fn of_review(pool: &MySqlPool, id: ReviewId) -> sqlx::Result<Vec<Report>> {
    sqlx::query_as(reports!("WHERE review_id = ? ORDER BY id LIMIT 200")).bind(id).fetch_all(pool).await
}

//! All SQL of the notes.

use sqlx::mysql::MySqlExecutor;

use super::Notes;
use crate::db::Tx;
use crate::id::ReservationId;

pub async fn find(db: impl MySqlExecutor<'_>, id: ReservationId) -> sqlx::Result<Option<Notes>> {
    sqlx::query_as(
        "SELECT question, question_at, summary, summary_at FROM reservation_notes WHERE reservation_id = ?",
    )
    .bind(id)
    .fetch_optional(db)
    .await
}

pub async fn set_question(tx: &mut Tx, id: ReservationId, question: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO reservation_notes (reservation_id, question, question_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE question = VALUES(question), question_at = VALUES(question_at)",
    )
    .bind(id)
    .bind(question)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn set_summary(tx: &mut Tx, id: ReservationId, summary: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO reservation_notes (reservation_id, summary, summary_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE summary = VALUES(summary), summary_at = VALUES(summary_at)",
    )
    .bind(id)
    .bind(summary)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

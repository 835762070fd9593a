//! All SQL of facts.

use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::id::UserId;

/// Requests that one mentor's median is taken of: the latest.
const MOST_REQUESTS: u32 = 500;

/// Minutes from each request since `since` to its answer, or to its end without one, ascending. What the mentee took back
/// is no answer.
pub(super) async fn answers(pool: &MySqlPool, mentor: UserId, since: Instant) -> sqlx::Result<Vec<i64>> {
    let mut minutes: Vec<i64> = sqlx::query_scalar(
        "SELECT TIMESTAMPDIFF(MINUTE, r.created_at, h.at) FROM reservations r
         JOIN reservation_history h ON h.reservation_id = r.id AND h.from_state = 'requested'
            AND h.to_state IN ('awaiting_payment', 'rejected', 'expired')
         WHERE r.mentor_id = ? AND r.created_at >= ? AND r.extends_id IS NULL
         ORDER BY r.id DESC LIMIT ?",
    )
    .bind(mentor)
    .bind(since)
    .bind(MOST_REQUESTS)
    .fetch_all(pool)
    .await?;
    minutes.sort_unstable();
    Ok(minutes)
}

#[derive(sqlx::FromRow)]
pub(super) struct Counts {
    pub completed: i64,
    pub cancelled: i64,
    pub absences: i64,
}

/// Sessions that started since `since`, and what was counted against the mentor since then.
pub(super) async fn counts(pool: &MySqlPool, mentor: UserId, since: Instant) -> sqlx::Result<Counts> {
    sqlx::query_as(
        "SELECT
            (SELECT COUNT(*) FROM reservations WHERE mentor_id = ? AND state = 'completed'
             AND extends_id IS NULL AND starts_at >= ?) AS completed,
            (SELECT COUNT(*) FROM mentor_strikes
             WHERE mentor_id = ? AND cause = 'cancelled' AND at >= ?) AS cancelled,
            (SELECT COUNT(*) FROM mentor_strikes
             WHERE mentor_id = ? AND cause = 'no_show' AND at >= ?) AS absences",
    )
    .bind(mentor)
    .bind(since)
    .bind(mentor)
    .bind(since)
    .bind(mentor)
    .bind(since)
    .fetch_one(pool)
    .await
}

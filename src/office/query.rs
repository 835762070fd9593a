//! The SQL of what is known of one person.

use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::id::UserId;

/// What one person has to do with us, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Dossier {
    pub booked: i64,
    pub booked_completed: i64,
    pub given: i64,
    pub given_completed: i64,
    pub strikes: i64,
    pub disputes: i64,
    pub reviews_written: i64,
    /// Logins that live.
    pub logins: i64,
    pub devices: i64,
    pub last_booked_at: Option<Instant>,
}

/// By an index for each number. Logins that were not used after `since` (UTC) count as ended.
pub async fn dossier(pool: &MySqlPool, id: UserId, since: Instant) -> sqlx::Result<Dossier> {
    sqlx::query_as(
        "SELECT
            (SELECT COUNT(*) FROM reservations WHERE mentee_id = ?) AS booked,
            (SELECT COUNT(*) FROM reservations WHERE mentee_id = ? AND state = 'completed') AS booked_completed,
            (SELECT COUNT(*) FROM reservations WHERE mentor_id = ?) AS given,
            (SELECT COUNT(*) FROM reservations WHERE mentor_id = ? AND state = 'completed') AS given_completed,
            (SELECT COUNT(*) FROM mentor_strikes WHERE mentor_id = ?) AS strikes,
            (SELECT COUNT(*) FROM disputes WHERE mentor_id = ?)
                + (SELECT COUNT(*) FROM disputes WHERE mentee_id = ?) AS disputes,
            (SELECT COUNT(*) FROM reviews WHERE author_id = ?) AS reviews_written,
            (SELECT COUNT(*) FROM sessions
                WHERE user_id = ? AND revoked_at IS NULL AND last_seen_at > ?) AS logins,
            (SELECT COUNT(*) FROM device_tokens WHERE user_id = ?) AS devices,
            (SELECT MAX(created_at) FROM reservations WHERE mentee_id = ?) AS last_booked_at",
    )
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(since)
    .bind(id)
    .bind(id)
    .fetch_one(pool)
    .await
}

/// One line of an account's history.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Line {
    pub version: i64,
    pub action: String,
    pub note: Option<String>,
    pub actor_kind: String,
    pub actor_id: Option<uuid::Uuid>,
    /// UTC.
    pub at: Instant,
}

/// The history of an account, latest first.
pub async fn lines_of_user(pool: &MySqlPool, id: UserId, limit: u32) -> sqlx::Result<Vec<Line>> {
    sqlx::query_as(
        "SELECT version, action, note, actor_kind, actor_id, at FROM user_history WHERE user_id = ?
         ORDER BY version DESC LIMIT ?",
    )
    .bind(id)
    .bind(limit)
    .fetch_all(pool)
    .await
}

//! All SQL of what was missed.

use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::id::UserId;

/// A card whose free days are not those of its calendar, its offerings or the time.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Stale {
    pub mentor_id: UserId,
    pub version: i64,
    pub revision: i64,
    pub free_calendar: i64,
    pub free_revision: i64,
    pub refresh_at: Option<Instant>,
}

pub(super) async fn stale(pool: &MySqlPool, late: Instant, limit: u32) -> sqlx::Result<Vec<Stale>> {
    sqlx::query_as(
        "SELECT c.mentor_id, k.version, c.revision, c.free_calendar, c.free_revision, c.refresh_at
         FROM mentor_cards c JOIN calendars k ON k.person_id = c.mentor_id
         WHERE c.free_calendar < k.version OR c.free_revision < c.revision OR c.refresh_at < ?
         LIMIT ?",
    )
    .bind(late)
    .bind(limit)
    .fetch_all(pool)
    .await
}

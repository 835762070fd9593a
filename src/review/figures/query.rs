//! All SQL of the figures.

use sqlx::MySqlPool;
use sqlx::mysql::MySqlExecutor;

use super::Figures;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::UserId;
use crate::review::Side;

pub async fn find(
    executor: impl MySqlExecutor<'_>,
    person: UserId,
    side: Side,
) -> sqlx::Result<Option<Figures>> {
    sqlx::query_as(
        "SELECT stars_1, stars_2, stars_3, stars_4, stars_5 FROM review_sums WHERE person_id = ? AND side = ?",
    )
    .bind(person)
    .bind(side)
    .fetch_optional(executor)
    .await
}

/// Makes the row where there is none, and locks it.
async fn ensure(tx: &mut Tx, person: UserId, side: Side) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO review_sums (person_id, side, checked_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE checked_at = checked_at",
    )
    .bind(person)
    .bind(side)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn lock(tx: &mut Tx, person: UserId, side: Side) -> sqlx::Result<Figures> {
    ensure(tx, person, side).await?;
    sqlx::query_as(
        "SELECT stars_1, stars_2, stars_3, stars_4, stars_5 FROM review_sums WHERE person_id = ? AND side = ?
         FOR UPDATE",
    )
    .bind(person)
    .bind(side)
    .fetch_one(tx.conn())
    .await
}

/// Adds `by`, whose parts may be less than nothing.
pub async fn change(tx: &mut Tx, person: UserId, side: Side, by: &Figures) -> sqlx::Result<()> {
    ensure(tx, person, side).await?;
    sqlx::query(
        "UPDATE review_sums SET stars_1 = stars_1 + ?, stars_2 = stars_2 + ?, stars_3 = stars_3 + ?,
            stars_4 = stars_4 + ?, stars_5 = stars_5 + ?, reviews = reviews + ?, total = total + ?
         WHERE person_id = ? AND side = ?",
    )
    .bind(by.stars_1)
    .bind(by.stars_2)
    .bind(by.stars_3)
    .bind(by.stars_4)
    .bind(by.stars_5)
    .bind(by.count())
    .bind(by.total())
    .bind(person)
    .bind(side)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What the rows say. Read without locks, by whoever holds that of the figures.
pub async fn count(tx: &mut Tx, person: UserId, side: Side) -> sqlx::Result<Figures> {
    let author = side.other();
    sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(stars = 1), 0) AS SIGNED) AS stars_1,
            CAST(COALESCE(SUM(stars = 2), 0) AS SIGNED) AS stars_2,
            CAST(COALESCE(SUM(stars = 3), 0) AS SIGNED) AS stars_3,
            CAST(COALESCE(SUM(stars = 4), 0) AS SIGNED) AS stars_4,
            CAST(COALESCE(SUM(stars = 5), 0) AS SIGNED) AS stars_5
         FROM reviews WHERE subject_id = ? AND side = ? AND counted = 1",
    )
    .bind(person)
    .bind(author)
    .fetch_one(tx.conn())
    .await
}

/// Writes what was counted, and that it was.
pub async fn set(tx: &mut Tx, person: UserId, side: Side, to: &Figures) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE review_sums SET stars_1 = ?, stars_2 = ?, stars_3 = ?, stars_4 = ?, stars_5 = ?, reviews = ?,
            total = ?, checked_at = ? WHERE person_id = ? AND side = ?",
    )
    .bind(to.stars_1)
    .bind(to.stars_2)
    .bind(to.stars_3)
    .bind(to.stars_4)
    .bind(to.stars_5)
    .bind(to.count())
    .bind(to.total())
    .bind(now)
    .bind(person)
    .bind(side)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn oldest_checked(pool: &MySqlPool, limit: u32) -> sqlx::Result<Vec<(UserId, Side)>> {
    sqlx::query_as("SELECT person_id, side FROM review_sums ORDER BY checked_at LIMIT ?")
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// The subjects of reviews that changed since `since`, on their own side.
pub async fn touched_since(
    pool: &MySqlPool,
    since: Instant,
    limit: u32,
) -> sqlx::Result<Vec<(UserId, Side)>> {
    let authors: Vec<(UserId, Side)> =
        sqlx::query_as("SELECT DISTINCT subject_id, side FROM reviews WHERE updated_at >= ? LIMIT ?")
            .bind(since)
            .bind(limit)
            .fetch_all(pool)
            .await?;
    Ok(authors.into_iter().map(|(subject, author)| (subject, author.other())).collect())
}

//! All SQL of pictures.

use sqlx::{MySqlExecutor, MySqlPool};

use super::model::Picture;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{PictureId, UserId};

pub async fn insert(
    tx: &mut Tx,
    id: PictureId,
    owner: UserId,
    key: &str,
    media_type: &str,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO user_pictures (id, user_id, file_key, media_type, state, updated_at)
         VALUES (?, ?, ?, ?, 'coming', ?)",
    )
    .bind(id)
    .bind(owner)
    .bind(key)
    .bind(media_type)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// `false`: it is not this owner's, or was given up meanwhile.
pub async fn show(tx: &mut Tx, id: PictureId, owner: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE user_pictures SET state = 'shown', updated_at = ?
         WHERE id = ? AND user_id = ? AND state = 'coming'",
    )
    .bind(now)
    .bind(id)
    .bind(owner)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up every picture of an owner that is shown, but one.
pub async fn discard(tx: &mut Tx, owner: UserId, but: Option<PictureId>) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE user_pictures SET state = 'gone', updated_at = ?
         WHERE user_id = ? AND state = 'shown' AND (? IS NULL OR id <> ?)",
    )
    .bind(now)
    .bind(owner)
    .bind(but)
    .bind(but)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn shown(executor: impl MySqlExecutor<'_>, id: PictureId) -> sqlx::Result<Option<Picture>> {
    sqlx::query_as("SELECT id, file_key, media_type FROM user_pictures WHERE id = ? AND state = 'shown'")
        .bind(id)
        .fetch_optional(executor)
        .await
}

/// Pictures that were given up, and those that have not arrived since `before`.
pub async fn unwanted(pool: &MySqlPool, before: Instant, limit: u32) -> sqlx::Result<Vec<Picture>> {
    sqlx::query_as(
        "SELECT id, file_key, media_type FROM user_pictures
         WHERE state = 'gone' OR (state = 'coming' AND updated_at < ?) LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn delete(tx: &mut Tx, id: PictureId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM user_pictures WHERE id = ? AND state <> 'shown'")
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

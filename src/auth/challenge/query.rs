//! All SQL of logins that wait for the second factor.

use sqlx::MySqlExecutor;

use super::model::Pending;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::UserId;

pub async fn insert(
    tx: &mut Tx,
    hash: &[u8; 32],
    user: UserId,
    restores: bool,
    expires_at: Instant,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO login_challenges (token_hash, user_id, restores, attempts, expires_at) VALUES (?, ?, ?, 0, ?)",
    )
    .bind(&hash[..])
    .bind(user)
    .bind(restores)
    .bind(expires_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn owner(
    executor: impl MySqlExecutor<'_>,
    hash: &[u8; 32],
    now: Instant,
) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar("SELECT user_id FROM login_challenges WHERE token_hash = ? AND expires_at > ?")
        .bind(&hash[..])
        .bind(now)
        .fetch_optional(executor)
        .await
}

pub async fn lock(tx: &mut Tx, hash: &[u8; 32]) -> sqlx::Result<Option<Pending>> {
    sqlx::query_as(
        "SELECT user_id, restores, attempts, expires_at FROM login_challenges WHERE token_hash = ? FOR UPDATE",
    )
    .bind(&hash[..])
    .fetch_optional(tx.conn())
    .await
}

pub async fn count_guess(tx: &mut Tx, hash: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query("UPDATE login_challenges SET attempts = attempts + 1 WHERE token_hash = ?")
        .bind(&hash[..])
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, hash: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM login_challenges WHERE token_hash = ?")
        .bind(&hash[..])
        .execute(tx.conn())
        .await?;
    Ok(())
}

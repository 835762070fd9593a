//! All SQL of second factors.

use sqlx::MySqlExecutor;

use super::model::{FactorStanding, Row};
use crate::db::Tx;
use crate::id::UserId;

pub async fn lock(tx: &mut Tx, user: UserId) -> sqlx::Result<Option<Row>> {
    sqlx::query_as("SELECT secret, last_step, confirmed_at FROM second_factors WHERE user_id = ? FOR UPDATE")
        .bind(user)
        .fetch_optional(tx.conn())
        .await
}

pub async fn replace(tx: &mut Tx, user: UserId, secret: &[u8]) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO second_factors (user_id, secret, last_step, created_at) VALUES (?, ?, 0, ?)
         ON DUPLICATE KEY UPDATE secret = VALUES(secret), last_step = 0, created_at = VALUES(created_at)",
    )
    .bind(user)
    .bind(secret)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn confirm(tx: &mut Tx, user: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE second_factors SET confirmed_at = ? WHERE user_id = ?")
        .bind(now)
        .bind(user)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn use_step(tx: &mut Tx, user: UserId, step: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE second_factors SET last_step = ? WHERE user_id = ?")
        .bind(step)
        .bind(user)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, user: UserId) -> sqlx::Result<bool> {
    delete_recovery_codes(tx, user).await?;
    let done =
        sqlx::query("DELETE FROM second_factors WHERE user_id = ?").bind(user).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

pub async fn delete_recovery_codes(tx: &mut Tx, user: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = ?").bind(user).execute(tx.conn()).await?;
    Ok(())
}

pub async fn insert_recovery_code(tx: &mut Tx, user: UserId, mac: &str) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO recovery_codes (user_id, mac) VALUES (?, ?)")
        .bind(user)
        .bind(mac)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// `false`: there is no such code, or it was used.
pub async fn use_recovery_code(tx: &mut Tx, user: UserId, mac: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE recovery_codes SET used_at = ? WHERE user_id = ? AND mac = ? AND used_at IS NULL",
    )
    .bind(now)
    .bind(user)
    .bind(mac)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn standing(executor: impl MySqlExecutor<'_>, user: UserId) -> sqlx::Result<FactorStanding> {
    let (since, recovery_codes_left) = sqlx::query_as(
        "SELECT (SELECT confirmed_at FROM second_factors WHERE user_id = ?),
                (SELECT COUNT(*) FROM recovery_codes WHERE user_id = ? AND used_at IS NULL)",
    )
    .bind(user)
    .bind(user)
    .fetch_one(executor)
    .await?;
    Ok(FactorStanding { since, recovery_codes_left })
}

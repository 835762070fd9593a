//! All SQL of identities.

use sqlx::MySqlExecutor;

use super::model::{Identity, Source, Vouched};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::UserId;

pub async fn owner(tx: &mut Tx, source: &Source, subject: &str) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar("SELECT user_id FROM user_identities WHERE provider = ? AND subject = ? FOR UPDATE")
        .bind(source.word())
        .bind(subject)
        .fetch_optional(tx.conn())
        .await
}

pub async fn insert(tx: &mut Tx, owner: UserId, vouched: &Vouched) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO user_identities (provider, subject, user_id, email, created_at, used_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(vouched.source.word())
    .bind(&vouched.subject)
    .bind(owner)
    .bind(vouched.email.as_ref().map(|email| email.as_str()))
    .bind(now)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn touch(tx: &mut Tx, vouched: &Vouched) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE user_identities SET email = ?, used_at = ? WHERE provider = ? AND subject = ?")
        .bind(vouched.email.as_ref().map(|email| email.as_str()))
        .bind(now)
        .bind(vouched.source.word())
        .bind(&vouched.subject)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn list(executor: impl MySqlExecutor<'_>, owner: UserId) -> sqlx::Result<Vec<Identity>> {
    sqlx::query_as(
        "SELECT provider, email, created_at, used_at FROM user_identities WHERE user_id = ? ORDER BY provider",
    )
    .bind(owner)
    .fetch_all(executor)
    .await
}

pub async fn delete(tx: &mut Tx, owner: UserId, source: &Source) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM user_identities WHERE user_id = ? AND provider = ?")
        .bind(owner)
        .bind(source.word())
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn delete_all(tx: &mut Tx, owner: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM user_identities WHERE user_id = ?").bind(owner).execute(tx.conn()).await?;
    Ok(())
}

pub async fn delete_since(tx: &mut Tx, owner: UserId, since: Instant) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM user_identities WHERE user_id = ? AND created_at >= ?")
        .bind(owner)
        .bind(since)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether somebody can come in by a password.
pub async fn has_password(tx: &mut Tx, owner: UserId) -> sqlx::Result<bool> {
    let found: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM users WHERE id = ? AND password_hash IS NOT NULL")
            .bind(owner)
            .fetch_optional(tx.conn())
            .await?;
    Ok(found.is_some())
}

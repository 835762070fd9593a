//! All SQL of addresses that come and go.

use sqlx::MySqlExecutor;

use super::model::{Former, REGRET};
use crate::auth::CODE_LIFE;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{FormerEmailId, SessionId, UserId};
use crate::user::model::User;

pub async fn want(tx: &mut Tx, user: UserId, session: SessionId, email: &str) -> sqlx::Result<()> {
    let until = tx.now + CODE_LIFE;
    sqlx::query(
        "INSERT INTO email_changes (user_id, session_id, email, expires_at) VALUES (?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE session_id = VALUES(session_id), email = VALUES(email),
             expires_at = VALUES(expires_at)",
    )
    .bind(user)
    .bind(session)
    .bind(email)
    .bind(until)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The address that somebody asked for in this login, and not too long ago.
pub async fn wanted(tx: &mut Tx, user: UserId, session: SessionId) -> sqlx::Result<Option<String>> {
    let now = tx.now;
    sqlx::query_scalar(
        "SELECT email FROM email_changes WHERE user_id = ? AND session_id = ? AND expires_at > ? FOR UPDATE",
    )
    .bind(user)
    .bind(session)
    .bind(now)
    .fetch_optional(tx.conn())
    .await
}

pub async fn forget_wanted(tx: &mut Tx, user: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM email_changes WHERE user_id = ?").bind(user).execute(tx.conn()).await?;
    Ok(())
}

/// Gives a user an address that they have proven. `false`: the user has another version.
pub async fn set_email(tx: &mut Tx, user: &User, email: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE users SET email = ?, email_verified_at = ?, version = version + 1 WHERE id = ? AND version = ?",
    )
    .bind(email)
    .bind(now)
    .bind(user.id)
    .bind(user.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The same, and no password opens the account any more.
pub async fn restore_email(tx: &mut Tx, user: &User, email: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE users SET email = ?, email_verified_at = ?, password_hash = NULL, version = version + 1
         WHERE id = ? AND version = ?",
    )
    .bind(email)
    .bind(now)
    .bind(user.id)
    .bind(user.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn insert_former(
    tx: &mut Tx,
    id: FormerEmailId,
    user: &User,
    hash: &[u8; 32],
    sealed: &[u8],
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO former_emails (id, user_id, email, token_hash, sealed, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(user.id)
    .bind(&user.email)
    .bind(&hash[..])
    .bind(sealed)
    .bind(now)
    .bind(now + REGRET)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn lock_former(tx: &mut Tx, hash: &[u8; 32]) -> sqlx::Result<Option<Former>> {
    let now = tx.now;
    sqlx::query_as(
        "SELECT id, user_id, email, sealed, created_at, expires_at FROM former_emails
         WHERE token_hash = ? AND expires_at > ? FOR UPDATE",
    )
    .bind(&hash[..])
    .bind(now)
    .fetch_optional(tx.conn())
    .await
}

pub async fn waiting(tx: &mut Tx, id: FormerEmailId) -> sqlx::Result<Option<Former>> {
    let now = tx.now;
    sqlx::query_as(
        "SELECT id, user_id, email, sealed, created_at, expires_at FROM former_emails
         WHERE id = ? AND sealed IS NOT NULL AND expires_at > ?",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(tx.conn())
    .await
}

pub async fn forget_sealed(tx: &mut Tx, id: FormerEmailId) -> sqlx::Result<()> {
    sqlx::query("UPDATE former_emails SET sealed = NULL WHERE id = ?").bind(id).execute(tx.conn()).await?;
    Ok(())
}

/// Forgets what an account was called at this moment and later.
pub async fn forget_formers(tx: &mut Tx, user: UserId, since: Instant) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM former_emails WHERE user_id = ? AND created_at >= ?")
        .bind(user)
        .bind(since)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn forget_all_formers(tx: &mut Tx, user: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM former_emails WHERE user_id = ?").bind(user).execute(tx.conn()).await?;
    Ok(())
}

/// Whether somebody other than `user` can still take this address back.
pub async fn is_kept(tx: &mut Tx, email: &str, user: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let found: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM former_emails WHERE email = ? AND user_id <> ? AND expires_at > ? LIMIT 1",
    )
    .bind(email)
    .bind(user)
    .bind(now)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

pub async fn since(executor: impl MySqlExecutor<'_>, user: UserId) -> sqlx::Result<Option<Instant>> {
    sqlx::query_scalar(
        "SELECT MAX(at) FROM user_history WHERE user_id = ? AND action IN ('email_changed', 'email_restored')",
    )
    .bind(user)
    .fetch_one(executor)
    .await
}

//! All SQL of codes.

use super::model::{CODE_LIFE, CodeToMail, Known, NewCode, Purpose};
use crate::db::Tx;
use crate::id::EmailCodeId;

pub async fn replace(tx: &mut Tx, new: &NewCode<'_>) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO email_codes (email, purpose, id, code_mac, sealed, locale, attempts, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)
         ON DUPLICATE KEY UPDATE id = VALUES(id), code_mac = VALUES(code_mac), sealed = VALUES(sealed),
             locale = VALUES(locale), attempts = 0, created_at = VALUES(created_at),
             expires_at = VALUES(expires_at)",
    )
    .bind(new.email)
    .bind(new.purpose)
    .bind(new.id)
    .bind(&new.mac)
    .bind(&new.sealed)
    .bind(new.locale)
    .bind(now)
    .bind(now + CODE_LIFE)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn lock(tx: &mut Tx, email: &str, purpose: Purpose) -> sqlx::Result<Option<Known>> {
    sqlx::query_as(
        "SELECT id, code_mac, attempts, expires_at FROM email_codes WHERE email = ? AND purpose = ? FOR UPDATE",
    )
    .bind(email)
    .bind(purpose)
    .fetch_optional(tx.conn())
    .await
}

pub async fn delete(tx: &mut Tx, id: EmailCodeId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM email_codes WHERE id = ?").bind(id).execute(tx.conn()).await?;
    Ok(())
}

pub async fn delete_all(tx: &mut Tx, email: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM email_codes WHERE email = ?").bind(email).execute(tx.conn()).await?;
    Ok(())
}

pub async fn count_guess(tx: &mut Tx, id: EmailCodeId) -> sqlx::Result<()> {
    sqlx::query("UPDATE email_codes SET attempts = attempts + 1 WHERE id = ?")
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn waiting(tx: &mut Tx, id: EmailCodeId) -> sqlx::Result<Option<CodeToMail>> {
    let now = tx.now;
    sqlx::query_as(
        "SELECT email, purpose, locale, sealed FROM email_codes
         WHERE id = ? AND sealed IS NOT NULL AND expires_at > ?",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(tx.conn())
    .await
}

pub async fn forget_sealed(tx: &mut Tx, id: EmailCodeId) -> sqlx::Result<()> {
    sqlx::query("UPDATE email_codes SET sealed = NULL WHERE id = ?").bind(id).execute(tx.conn()).await?;
    Ok(())
}

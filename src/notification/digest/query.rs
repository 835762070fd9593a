//! SQL of digests.

use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{DigestId, UserId};
use crate::notification::Notice;
use crate::notification::query::find_gathered;

/// Finds or makes the digest of a window and locks it; whether it is open.
pub async fn lock_window(tx: &mut Tx, user: UserId, due_at: Instant) -> sqlx::Result<(DigestId, bool)> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO notice_digests (id, user_id, due_at, state, created_at) VALUES (?, ?, ?, 'open', ?)
         ON DUPLICATE KEY UPDATE state = state",
    )
    .bind(DigestId::generate())
    .bind(user)
    .bind(due_at)
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query_as(
        "SELECT id, state = 'open' FROM notice_digests WHERE user_id = ? AND due_at = ? FOR UPDATE",
    )
    .bind(user)
    .bind(due_at)
    .fetch_one(tx.conn())
    .await
}

/// From `open` to `closed`, once: the owner, for whoever did it.
pub async fn close(tx: &mut Tx, id: DigestId) -> sqlx::Result<Option<UserId>> {
    let now = tx.now;
    let closed = sqlx::query(
        "UPDATE notice_digests SET state = 'closed', closed_at = ? WHERE id = ? AND state = 'open'",
    )
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    if closed.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT user_id FROM notice_digests WHERE id = ?")
        .bind(id)
        .fetch_optional(tx.conn())
        .await
}

pub async fn skip_all(tx: &mut Tx, id: DigestId, why: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE notices SET state = 'skipped', error = ? WHERE digest_id = ? AND state = 'gathered'")
        .bind(why)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What its reader has read or deleted in the app is no news.
pub async fn skip_read(tx: &mut Tx, id: DigestId) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE notices AS waiting
         JOIN notices AS shown ON shown.event_key = waiting.event_key AND shown.user_id = waiting.user_id
              AND shown.channel = 'in_app'
         SET waiting.state = 'skipped', waiting.error = 'read in the app'
         WHERE waiting.digest_id = ? AND waiting.state = 'gathered'
           AND (shown.read_at IS NOT NULL OR shown.deleted_at IS NOT NULL)",
    )
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn skip_expired(tx: &mut Tx, id: DigestId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE notices SET state = 'skipped', error = 'expired'
         WHERE digest_id = ? AND state = 'gathered' AND expires_at <= ?",
    )
    .bind(id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What waits in a digest, oldest first.
pub async fn gathered(tx: &mut Tx, id: DigestId) -> sqlx::Result<Vec<Notice>> {
    find_gathered(tx, id).await
}

pub async fn mark_digested(tx: &mut Tx, id: DigestId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE notices SET state = 'digested', sent_at = ? WHERE digest_id = ? AND state = 'gathered'",
    )
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

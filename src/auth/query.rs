//! All SQL of sessions and refresh tokens.

use sqlx::{MySqlExecutor, QueryBuilder};

use super::model::{Freshness, KnownLogins, Presented};
use super::{Session, SessionStanding};
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{SessionId, UserId};

pub async fn insert_session(tx: &mut Tx, id: SessionId, user: UserId, user_agent: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO sessions (id, user_id, user_agent, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(user)
    .bind(user_agent)
    .bind(now)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What is known of a person's logins so far, by a device that calls itself so. `before`: older logins are forgotten.
pub async fn known_logins(
    tx: &mut Tx,
    user: UserId,
    user_agent: &str,
    before: Instant,
) -> sqlx::Result<KnownLogins> {
    sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM sessions WHERE user_id = ?)
                OR EXISTS (SELECT 1 FROM users WHERE id = ? AND created_at < ?) AS has_come,
            EXISTS (SELECT 1 FROM sessions WHERE user_id = ? AND user_agent = ?) AS on_it",
    )
    .bind(user)
    .bind(user)
    .bind(before)
    .bind(user)
    .bind(user_agent)
    .fetch_one(tx.conn())
    .await
}

pub async fn insert_token(
    tx: &mut Tx,
    hash: &[u8; 32],
    session: SessionId,
    expires_at: Instant,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at) VALUES (?, ?, ?, ?)",
    )
    .bind(&hash[..])
    .bind(session)
    .bind(now)
    .bind(expires_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Locks the token and its session until the commit: of two that present one token, one sees it used.
pub async fn lock_token(tx: &mut Tx, hash: &[u8; 32]) -> sqlx::Result<Option<Presented>> {
    sqlx::query_as(
        "SELECT t.session_id, s.user_id, t.expires_at, t.used_at, s.revoked_at
         FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
         WHERE t.token_hash = ? FOR UPDATE",
    )
    .bind(&hash[..])
    .fetch_optional(tx.conn())
    .await
}

pub async fn mark_used(tx: &mut Tx, hash: &[u8; 32], session: SessionId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE refresh_tokens SET used_at = ? WHERE token_hash = ?")
        .bind(now)
        .bind(&hash[..])
        .execute(tx.conn())
        .await?;
    sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ?")
        .bind(now)
        .bind(session)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The live sessions of a user, locked, in order of their ids.
pub async fn lock_live(tx: &mut Tx, owner: UserId) -> sqlx::Result<Vec<SessionId>> {
    sqlx::query_scalar(
        "SELECT id FROM sessions WHERE user_id = ? AND revoked_at IS NULL ORDER BY id FOR UPDATE",
    )
    .bind(owner)
    .fetch_all(tx.conn())
    .await
}

/// Up to `limit` live sessions of a user beyond the `keep` that were used last. Not locked: [`revoke`] leaves alone what
/// ended meanwhile.
pub async fn live_beyond(tx: &mut Tx, owner: UserId, keep: u32, limit: u32) -> sqlx::Result<Vec<SessionId>> {
    sqlx::query_scalar(
        "SELECT id FROM sessions WHERE user_id = ? AND revoked_at IS NULL
         ORDER BY last_seen_at DESC, id DESC LIMIT ? OFFSET ?",
    )
    .bind(owner)
    .bind(limit)
    .bind(keep)
    .fetch_all(tx.conn())
    .await
}

/// `false`: not this owner's, or ended already.
pub async fn lock_live_for_owner(tx: &mut Tx, id: SessionId, owner: UserId) -> sqlx::Result<bool> {
    let live: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM sessions WHERE id = ? AND user_id = ? AND revoked_at IS NULL FOR UPDATE",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional(tx.conn())
    .await?;
    Ok(live.is_some())
}

/// As many as a statement has room for; the caller cuts longer lists.
pub async fn revoke(tx: &mut Tx, ids: &[SessionId], reason: &str) -> sqlx::Result<()> {
    let now = tx.now;
    let mut update = QueryBuilder::new("UPDATE sessions SET revoked_at = ");
    update.push_bind(now).push(", revoked_reason = ").push_bind(reason).push(" WHERE id IN (");
    push_list(&mut update, ids.iter().copied());
    update.push(") AND revoked_at IS NULL").build().execute(tx.conn()).await?;
    Ok(())
}

pub async fn is_live(executor: impl MySqlExecutor<'_>, id: SessionId) -> sqlx::Result<bool> {
    let live: Option<i8> = sqlx::query_scalar("SELECT 1 FROM sessions WHERE id = ? AND revoked_at IS NULL")
        .bind(id)
        .fetch_optional(executor)
        .await?;
    Ok(live.is_some())
}

pub async fn standing(
    executor: impl MySqlExecutor<'_>,
    id: SessionId,
) -> sqlx::Result<Option<SessionStanding>> {
    sqlx::query_as("SELECT factor_at FROM sessions WHERE id = ? AND revoked_at IS NULL")
        .bind(id)
        .fetch_optional(executor)
        .await
}

pub async fn mark_factor(tx: &mut Tx, id: SessionId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE sessions SET factor_at = ? WHERE id = ?")
        .bind(now)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn freshness(executor: impl MySqlExecutor<'_>, id: SessionId) -> sqlx::Result<Option<Freshness>> {
    sqlx::query_as(
        "SELECT s.created_at, s.factor_at, f.user_id IS NOT NULL AS has_factor
         FROM sessions s
         LEFT JOIN second_factors f ON f.user_id = s.user_id AND f.confirmed_at IS NOT NULL
         WHERE s.id = ? AND s.revoked_at IS NULL",
    )
    .bind(id)
    .fetch_optional(executor)
    .await
}

/// Those that were used after `since`, the one used last first.
pub async fn list_live(
    executor: impl MySqlExecutor<'_>,
    owner: UserId,
    since: Instant,
    limit: u32,
) -> sqlx::Result<Vec<Session>> {
    sqlx::query_as(
        "SELECT id, user_id, user_agent, created_at, last_seen_at, revoked_at FROM sessions
         WHERE user_id = ? AND revoked_at IS NULL AND last_seen_at > ?
         ORDER BY last_seen_at DESC, id DESC LIMIT ?",
    )
    .bind(owner)
    .bind(since)
    .bind(limit)
    .fetch_all(executor)
    .await
}

pub async fn forget_person(tx: &mut Tx, user: UserId) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM login_challenges WHERE user_id = ?",
        "DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = ?)",
        "UPDATE sessions SET user_agent = '' WHERE user_id = ?",
    ] {
        sqlx::query(statement).bind(user).execute(tx.conn()).await?;
    }
    Ok(())
}

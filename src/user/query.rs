//! All SQL of users, their calendars' lock rows, their history and their devices.

use sqlx::mysql::MySqlRow;
use sqlx::{FromRow, MySqlExecutor, MySqlPool, QueryBuilder, Row};

use super::model::{Credentials, DeviceToken, Filter, NewUser, Platform, State, User};
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{PictureId, UserId};

const COLUMNS: &str =
    "SELECT id, email, name, locale, time_zone, is_admin, state, email_verified_at, erase_at,
     picture_id, created_at, version FROM users";

const CREDENTIALS: &str =
    "SELECT id, email, name, locale, time_zone, is_admin, state, email_verified_at, erase_at,
    picture_id, created_at, version, password_hash FROM users WHERE ";

pub async fn insert(
    tx: &mut Tx,
    id: UserId,
    new: &NewUser,
    password_hash: Option<&str>,
    verified: bool,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO users (id, email, password_hash, name, locale, time_zone, is_admin, state,
                            email_verified_at, created_at, version)
         VALUES (?, ?, ?, ?, ?, ?, FALSE, 'active', ?, ?, 1)",
    )
    .bind(id)
    .bind(new.email.as_str())
    .bind(password_hash)
    .bind(&new.name)
    .bind(new.locale.name())
    .bind(new.time_zone.to_string())
    .bind(verified.then_some(now))
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query("INSERT INTO calendars (person_id, version) VALUES (?, 1)")
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn find(executor: impl MySqlExecutor<'_>, id: UserId) -> sqlx::Result<Option<User>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id);
    query.build_query_as().fetch_optional(executor).await
}

pub async fn find_many(executor: impl MySqlExecutor<'_>, ids: &[UserId]) -> sqlx::Result<Vec<User>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE id IN (");
    push_list(&mut query, ids.iter().copied());
    query.push(")").build_query_as().fetch_all(executor).await
}

/// Those of these people whose accounts are active.
pub async fn active_of(executor: impl MySqlExecutor<'_>, ids: &[UserId]) -> sqlx::Result<Vec<UserId>> {
    let mut query = QueryBuilder::new("SELECT id FROM users WHERE state = 'active' AND id IN (");
    push_list(&mut query, ids.iter().copied());
    query.push(")").build_query_scalar().fetch_all(executor).await
}

pub async fn administrators(executor: impl MySqlExecutor<'_>) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar("SELECT id FROM users WHERE is_admin = TRUE AND state = 'active' ORDER BY id")
        .fetch_all(executor)
        .await
}

pub async fn lock(tx: &mut Tx, id: UserId) -> sqlx::Result<Option<User>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE id = ").push_bind(id).push(" FOR UPDATE");
    query.build_query_as().fetch_optional(tx.conn()).await
}

pub async fn find_by_email(executor: impl MySqlExecutor<'_>, email: &str) -> sqlx::Result<Option<User>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE email = ").push_bind(email);
    query.build_query_as().fetch_optional(executor).await
}

pub async fn credentials(executor: impl MySqlExecutor<'_>, email: &str) -> sqlx::Result<Option<Credentials>> {
    let mut query = QueryBuilder::new(CREDENTIALS);
    query.push("email = ").push_bind(email);
    query.build().fetch_optional(executor).await?.map(with_hash).transpose()
}

pub async fn credentials_of(
    executor: impl MySqlExecutor<'_>,
    id: UserId,
) -> sqlx::Result<Option<Credentials>> {
    let mut query = QueryBuilder::new(CREDENTIALS);
    query.push("id = ").push_bind(id);
    query.build().fetch_optional(executor).await?.map(with_hash).transpose()
}

fn with_hash(row: MySqlRow) -> sqlx::Result<Credentials> {
    let hash: Option<String> = row.try_get("password_hash")?;
    Ok(Credentials { user: User::from_row(&row)?, password_hash: hash.map(Into::into) })
}

pub async fn lock_by_email(tx: &mut Tx, email: &str) -> sqlx::Result<Option<User>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE email = ").push_bind(email).push(" FOR UPDATE");
    query.build_query_as().fetch_optional(tx.conn()).await
}

/// `false`: the user has another version or another password.
pub async fn replace_password(tx: &mut Tx, user: &User, was: &str, is: &str) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET password_hash = ?, version = version + 1
         WHERE id = ? AND version = ? AND password_hash = ?",
    )
    .bind(is)
    .bind(user.id)
    .bind(user.version)
    .bind(was)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// For somebody who has proven the mailbox. `false`: the user has another version.
pub async fn set_password(tx: &mut Tx, user: &User, hash: &str) -> sqlx::Result<bool> {
    let verified_at = user.email_verified_at.unwrap_or(tx.now);
    let done = sqlx::query(
        "UPDATE users SET password_hash = ?, email_verified_at = ?, version = version + 1
         WHERE id = ? AND version = ?",
    )
    .bind(hash)
    .bind(verified_at)
    .bind(user.id)
    .bind(user.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `false`: the user has another version.
pub async fn verify_email(tx: &mut Tx, user: &User) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE users SET email_verified_at = ?, version = version + 1 WHERE id = ? AND version = ?",
    )
    .bind(now)
    .bind(user.id)
    .bind(user.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Newest first: ids grow with time.
pub async fn list(pool: &MySqlPool, filter: &Filter, limit: u32) -> sqlx::Result<Vec<User>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" WHERE 1 = 1");
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state.name());
    }
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// `false`: the user has another version.
pub async fn update_profile(tx: &mut Tx, changed: &User, expected: i64) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET name = ?, locale = ?, time_zone = ?, version = version + 1
         WHERE id = ? AND version = ? AND state = 'active'",
    )
    .bind(&changed.name)
    .bind(changed.locale.name())
    .bind(changed.time_zone.to_string())
    .bind(changed.id)
    .bind(expected)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `false`: the user has another state or version.
pub async fn set_state(tx: &mut Tx, user: &User, to: State) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET state = ?, version = version + 1 WHERE id = ? AND state = ? AND version = ?",
    )
    .bind(to.name())
    .bind(user.id)
    .bind(user.state.name())
    .bind(user.version)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `false`: the user has another version.
pub async fn set_admin(tx: &mut Tx, user: &User) -> sqlx::Result<bool> {
    let done =
        sqlx::query("UPDATE users SET is_admin = TRUE, version = version + 1 WHERE id = ? AND version = ?")
            .bind(user.id)
            .bind(user.version)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// `false`: the user has another version.
pub async fn count_up(tx: &mut Tx, user: &User) -> sqlx::Result<bool> {
    let done = sqlx::query("UPDATE users SET version = version + 1 WHERE id = ? AND version = ?")
        .bind(user.id)
        .bind(user.version)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// `false`: the user has another version.
pub async fn set_picture(tx: &mut Tx, user: &User, picture: Option<PictureId>) -> sqlx::Result<bool> {
    let done =
        sqlx::query("UPDATE users SET picture_id = ?, version = version + 1 WHERE id = ? AND version = ?")
            .bind(picture)
            .bind(user.id)
            .bind(user.version)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Goes with a change of state.
pub async fn set_erase_at(tx: &mut Tx, id: UserId, at: Option<Instant>) -> sqlx::Result<()> {
    sqlx::query("UPDATE users SET erase_at = ? WHERE id = ?").bind(at).bind(id).execute(tx.conn()).await?;
    Ok(())
}

/// Goes with the state `deleted`. The address is one that nobody has (RFC 6761, 6.4), so that it can be taken again.
pub async fn erase(tx: &mut Tx, id: UserId) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE users SET email = ?, name = '', password_hash = NULL, email_verified_at = NULL, erase_at = NULL,
             picture_id = NULL, is_admin = FALSE, time_zone = 'UTC'
         WHERE id = ? AND state = 'deleted'",
    )
    .bind(format!("{id}@deleted.invalid"))
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Accounts whose time was over before `before` and for which no job of this kind waits or runs.
pub async fn overdue(
    pool: &MySqlPool,
    before: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<(UserId, i64)>> {
    sqlx::query_as(
        "SELECT u.id, u.version FROM users u
         WHERE u.erase_at < ? AND u.state = 'leaving'
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = u.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY u.erase_at LIMIT ?",
    )
    .bind(before)
    .bind(kind)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Notes what led to `version`, and who did it.
pub async fn add_history(
    tx: &mut Tx,
    id: UserId,
    version: i64,
    action: &str,
    note: Option<&str>,
) -> sqlx::Result<()> {
    tx.moved("user", id.0, None, action);
    let (now, cx) = (tx.now, tx.cx.clone());
    let note: Option<String> = note.map(|text| text.chars().take(500).collect());
    sqlx::query(
        "INSERT INTO user_history (user_id, version, action, note, actor_kind, actor_id, request_id, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(version)
    .bind(action)
    .bind(note)
    .bind(cx.actor.kind())
    .bind(cx.actor.id())
    .bind(cx.request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A token that somebody else registered moves: it names a device, and the device changed hands.
pub async fn upsert_device(
    tx: &mut Tx,
    owner: UserId,
    hash: &[u8; 32],
    token: &str,
    platform: Platform,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO device_tokens (token_hash, token, user_id, platform, created_at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE user_id = VALUES(user_id), platform = VALUES(platform),
                                 created_at = VALUES(created_at)",
    )
    .bind(&hash[..])
    .bind(token)
    .bind(owner)
    .bind(platform.name())
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn delete_device(tx: &mut Tx, owner: UserId, hash: &[u8; 32]) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM device_tokens WHERE token_hash = ? AND user_id = ?")
        .bind(&hash[..])
        .bind(owner)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn delete_devices(tx: &mut Tx, owner: UserId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM device_tokens WHERE user_id = ?").bind(owner).execute(tx.conn()).await?;
    Ok(())
}

/// Forgets all but the newest devices of somebody.
pub async fn keep_devices(tx: &mut Tx, owner: UserId, keep: u32) -> sqlx::Result<()> {
    let old: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT token_hash FROM device_tokens WHERE user_id = ?
         ORDER BY created_at DESC, token_hash LIMIT 1000 OFFSET ?",
    )
    .bind(owner)
    .bind(keep)
    .fetch_all(tx.conn())
    .await?;
    for hash in old {
        sqlx::query("DELETE FROM device_tokens WHERE token_hash = ? AND user_id = ?")
            .bind(hash)
            .bind(owner)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

pub async fn devices(executor: impl MySqlExecutor<'_>, owners: &[UserId]) -> sqlx::Result<Vec<DeviceToken>> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT user_id, token, platform, created_at FROM device_tokens WHERE user_id IN (",
    );
    push_list(&mut query, owners.iter().copied());
    query.push(") ORDER BY created_at DESC, token_hash").build_query_as().fetch_all(executor).await
}

pub async fn with_devices(executor: impl MySqlExecutor<'_>, people: &[UserId]) -> sqlx::Result<Vec<UserId>> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT DISTINCT user_id FROM device_tokens WHERE user_id IN (");
    push_list(&mut query, people.iter().copied());
    query.push(")").build_query_scalar().fetch_all(executor).await
}

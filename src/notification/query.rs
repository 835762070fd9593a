//! All SQL of notices.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};
use sqlx::{MySqlExecutor, MySqlPool, QueryBuilder};

use super::model::{Filter, Notice, State};
use crate::db::{Tx, filled, push_list};
use crate::id::{DigestId, NoticeId, UserId};

pub(super) const NOTICE: &str =
    "SELECT id, event_key, user_id, channel, kind, reservation_id, data, state, provider_id, error,
    expires_at, created_at, attempted_at, sent_at, read_at, opened_at, digest_id FROM notices";

/// Why a notice waits whose reader is left alone.
pub(super) const QUIET: &str = "quiet hours";

/// Writes notices in one statement. What somebody was told of before on the same channel stays as it is.
pub async fn insert(tx: &mut Tx, notices: &[Notice]) -> sqlx::Result<()> {
    if notices.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::new(
        "INSERT INTO notices (id, event_key, user_id, channel, kind, reservation_id, data, state, expires_at,
                              created_at, digest_id) ",
    );
    insert.push_values(notices, |mut row, notice| {
        row.push_bind(notice.id)
            .push_bind(&notice.event_key)
            .push_bind(notice.user_id)
            .push_bind(notice.channel)
            .push_bind(&notice.kind)
            .push_bind(notice.reservation_id)
            .push_bind(&notice.data)
            .push_bind(notice.state)
            .push_bind(notice.expires_at)
            .push_bind(notice.created_at)
            .push_bind(notice.digest_id);
    });
    insert.push(" ON DUPLICATE KEY UPDATE notices.id = notices.id").build().execute(tx.conn()).await?;
    Ok(())
}

/// Those of these notices of one happening that stand in the table: the others were told before.
pub async fn among(tx: &mut Tx, event_key: &str, notices: &[Notice]) -> sqlx::Result<HashSet<NoticeId>> {
    if notices.is_empty() {
        return Ok(HashSet::new());
    }
    let mut query = QueryBuilder::new("SELECT id FROM notices WHERE event_key = ");
    query.push_bind(event_key).push(" AND user_id IN (");
    push_list(&mut query, notices.iter().map(|notice| notice.user_id));
    let ids: Vec<NoticeId> = query.push(")").build_query_scalar().fetch_all(tx.conn()).await?;
    Ok(ids.into_iter().collect())
}

/// For the delivery job. Requests use the finders that take the owner.
pub async fn lock(tx: &mut Tx, id: NoticeId) -> sqlx::Result<Option<Notice>> {
    Ok(lock_many(tx, &[id]).await?.pop())
}

/// For delivery jobs. Locked in the order of their keys, against deadlocks.
pub async fn lock_many(tx: &mut Tx, ids: &[NoticeId]) -> sqlx::Result<Vec<Notice>> {
    let mut query = QueryBuilder::new(NOTICE);
    query.push(" WHERE id IN (");
    push_list(&mut query, ids.iter().copied());
    query.push(") ORDER BY id FOR UPDATE").build_query_as().fetch_all(tx.conn()).await
}

/// What waits in a digest, oldest first.
pub async fn find_gathered(tx: &mut Tx, id: DigestId) -> sqlx::Result<Vec<Notice>> {
    let mut query = QueryBuilder::new(NOTICE);
    query.push(" WHERE digest_id = ").push_bind(id).push(" AND state = 'gathered' ORDER BY id");
    query.build_query_as().fetch_all(tx.conn()).await
}

/// What waits for the end of somebody's quiet hours.
pub async fn waiting_quietly(tx: &mut Tx, owner: UserId) -> sqlx::Result<Vec<NoticeId>> {
    sqlx::query_scalar(
        "SELECT id FROM notices WHERE user_id = ? AND state = 'queued' AND error = ? ORDER BY id LIMIT 500",
    )
    .bind(owner)
    .bind(QUIET)
    .fetch_all(tx.conn())
    .await
}

pub async fn mark_attempts(tx: &mut Tx, ids: &[NoticeId]) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::new("UPDATE notices SET attempted_at = ");
    update.push_bind(tx.now).push(" WHERE id IN (");
    push_list(&mut update, ids.iter().copied());
    update.push(")").build().execute(tx.conn()).await?;
    Ok(())
}

/// Writes the end of a delivery; `false` when it had one.
pub async fn end(
    tx: &mut Tx,
    id: NoticeId,
    state: State,
    provider_id: Option<&str>,
    error: Option<&str>,
) -> sqlx::Result<bool> {
    let sent_at = (state == State::Sent).then_some(tx.now);
    let ended = sqlx::query(
        "UPDATE notices SET state = ?, provider_id = ?, error = ?, sent_at = ? WHERE id = ? AND state = 'queued'",
    )
    .bind(state.name())
    .bind(provider_id)
    .bind(error)
    .bind(sent_at)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() == 1)
}

pub async fn note_error(tx: &mut Tx, id: NoticeId, error: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE notices SET error = ? WHERE id = ? AND state = 'queued'")
        .bind(error)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Writes that several notices were sent, under these ids of their providers. One that had an end keeps it.
pub async fn mark_sent(tx: &mut Tx, sent: &[(NoticeId, &str)]) -> sqlx::Result<()> {
    if sent.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::new(
        "UPDATE notices FORCE INDEX (PRIMARY) SET state = 'sent', error = NULL, sent_at = ",
    );
    update.push_bind(tx.now).push(", provider_id = CASE id");
    for (id, provider_id) in filled(sent.iter()) {
        update.push(" WHEN ").push_bind(*id).push(" THEN ").push_bind(*provider_id);
    }
    update.push(" END WHERE state = 'queued' AND id IN (");
    push_list(&mut update, sent.iter().map(|(id, _)| *id));
    update.push(")").build().execute(tx.conn()).await?;
    Ok(())
}

/// Pushes that were accepted, each for one device: notice, token, the service's id. Written again they stay as they were.
pub async fn insert_pushes(tx: &mut Tx, accepted: &[(NoticeId, &str, &str)]) -> sqlx::Result<()> {
    if accepted.is_empty() {
        return Ok(());
    }
    let now = tx.now;
    let mut insert =
        QueryBuilder::new("INSERT INTO notice_pushes (notice_id, token_hash, provider_id, sent_at) ");
    // A row that stands in it twice is as one.
    insert.push_values(filled(accepted.iter()), |mut row, (id, token, provider_id)| {
        row.push_bind(*id).push_bind(hash(token).to_vec()).push_bind(*provider_id).push_bind(now);
    });
    insert.push(" ON DUPLICATE KEY UPDATE notice_id = notice_id").build().execute(tx.conn()).await?;
    Ok(())
}

/// The service's id of the first push of a notice, if any device got it.
pub async fn first_push(tx: &mut Tx, id: NoticeId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT provider_id FROM notice_pushes WHERE notice_id = ? ORDER BY sent_at, token_hash LIMIT 1",
    )
    .bind(id)
    .fetch_optional(tx.conn())
    .await
}

/// Those of `tokens` whose device has not got this notice.
pub async fn without_push(tx: &mut Tx, id: NoticeId, tokens: Vec<String>) -> sqlx::Result<Vec<String>> {
    let done: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM notice_pushes WHERE notice_id = ?")
        .bind(id)
        .fetch_all(tx.conn())
        .await?;
    Ok(tokens.into_iter().filter(|token| !done.iter().any(|d| d[..] == hash(token))).collect())
}

/// Locks people's lists until the transaction ends; they are in order, against deadlocks.
pub async fn lock_inboxes(tx: &mut Tx, owners: &[UserId]) -> sqlx::Result<()> {
    if owners.is_empty() {
        return Ok(());
    }
    let mut lock = QueryBuilder::new("INSERT INTO notice_inboxes (user_id, version) ");
    lock.push_values(owners, |mut row, owner| {
        row.push_bind(owner).push("1");
    });
    lock.push(" ON DUPLICATE KEY UPDATE version = version + 1").build().execute(tx.conn()).await?;
    Ok(())
}

/// How many are unread of those who have any.
pub async fn unread_counts(tx: &mut Tx, owners: &[UserId]) -> sqlx::Result<HashMap<UserId, i64>> {
    if owners.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query =
        QueryBuilder::new("SELECT user_id, COUNT(*) FROM notices WHERE unread = 1 AND user_id IN (");
    push_list(&mut query, owners.iter().copied());
    let counts = query.push(") GROUP BY user_id").build_query_as().fetch_all(tx.conn()).await?;
    Ok(counts.into_iter().collect())
}

pub async fn unread_count(executor: impl MySqlExecutor<'_>, owner: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM notices WHERE user_id = ? AND unread = 1")
        .bind(owner)
        .fetch_one(executor)
        .await
}

pub async fn page_for_owner(
    pool: &MySqlPool,
    owner: UserId,
    filter: Filter,
    limit: u32,
) -> sqlx::Result<Vec<Notice>> {
    let mut query = QueryBuilder::new(NOTICE);
    query.push(" WHERE user_id = ").push_bind(owner);
    query.push(if filter.unread_only { " AND unread = 1" } else { " AND shown = 1" });
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before);
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// Whether the owner sees a notice with this id.
pub async fn is_shown(tx: &mut Tx, id: NoticeId, owner: UserId) -> sqlx::Result<bool> {
    let found: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM notices WHERE id = ? AND user_id = ? AND shown = 1")
            .bind(id)
            .bind(owner)
            .fetch_optional(tx.conn())
            .await?;
    Ok(found.is_some())
}

/// `false` when there was nothing unread with this id.
pub async fn read(tx: &mut Tx, id: NoticeId, owner: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let read = sqlx::query("UPDATE notices SET read_at = ? WHERE id = ? AND user_id = ? AND unread = 1")
        .bind(now)
        .bind(id)
        .bind(owner)
        .execute(tx.conn())
        .await?;
    Ok(read.rows_affected() == 1)
}

/// Notes that a push was opened, the first time; the happening that it told of. `None`: the owner got no such push.
pub async fn open(tx: &mut Tx, id: NoticeId, owner: UserId) -> sqlx::Result<Option<String>> {
    let now = tx.now;
    sqlx::query(
        "UPDATE notices SET opened_at = COALESCE(opened_at, ?) WHERE id = ? AND user_id = ? AND channel = 'push'",
    )
    .bind(now)
    .bind(id)
    .bind(owner)
    .execute(tx.conn())
    .await?;
    sqlx::query_scalar("SELECT event_key FROM notices WHERE id = ? AND user_id = ? AND channel = 'push'")
        .bind(id)
        .bind(owner)
        .fetch_optional(tx.conn())
        .await
}

/// The notice in the app that tells of the same happening, if the owner still sees it.
pub async fn shown_twin(tx: &mut Tx, event_key: &str, owner: UserId) -> sqlx::Result<Option<NoticeId>> {
    sqlx::query_scalar(
        "SELECT id FROM notices WHERE event_key = ? AND user_id = ? AND channel = 'in_app' AND shown = 1",
    )
    .bind(event_key)
    .bind(owner)
    .fetch_optional(tx.conn())
    .await
}

/// How many were unread.
pub async fn read_all(tx: &mut Tx, owner: UserId) -> sqlx::Result<u64> {
    let now = tx.now;
    let read = sqlx::query("UPDATE notices SET read_at = ? WHERE user_id = ? AND unread = 1")
        .bind(now)
        .bind(owner)
        .execute(tx.conn())
        .await?;
    Ok(read.rows_affected())
}

/// The row stays: it is the proof that the notice was there.
pub async fn delete(tx: &mut Tx, id: NoticeId, owner: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let deleted = sqlx::query("UPDATE notices SET deleted_at = ? WHERE id = ? AND user_id = ? AND shown = 1")
        .bind(now)
        .bind(id)
        .bind(owner)
        .execute(tx.conn())
        .await?;
    Ok(deleted.rows_affected() == 1)
}

/// The key of a device's token.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

pub async fn forget_person(tx: &mut Tx, user: UserId, address: &str) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM notice_preferences WHERE user_id = ?",
        "DELETE FROM notice_hours WHERE user_id = ?",
        // Older builds named the address.
        "UPDATE notices SET data = JSON_REMOVE(data, '$.address') WHERE user_id = ? AND kind = 'mail.undeliverable'",
        // What their browser calls itself.
        "UPDATE notices SET data = JSON_REMOVE(data, '$.device') WHERE user_id = ? AND kind = 'security.new_login'",
    ] {
        sqlx::query(statement).bind(user).execute(tx.conn()).await?;
    }
    forget_address(tx, address).await
}

/// Forgets what an address refused.
pub async fn forget_address(tx: &mut Tx, address: &str) -> sqlx::Result<()> {
    for statement in
        ["DELETE FROM mail_refusals WHERE address = ?", "DELETE FROM mail_addresses WHERE address = ?"]
    {
        sqlx::query(statement).bind(address).execute(tx.conn()).await?;
    }
    Ok(())
}

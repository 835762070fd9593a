//! All SQL of rooms: stays, signs of life, wishes to end, decisions.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Cause, Presence};
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{PresenceId, ReservationId, UserId};
use crate::reservation::Reservation;

pub(super) async fn insert_presence(tx: &mut Tx, p: &Presence) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO session_presences (id, reservation_id, user_id, side, connection_id, node, joined_at, seen_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(p.id)
    .bind(p.reservation_id)
    .bind(p.user_id)
    .bind(p.side)
    .bind(p.connection_id)
    .bind(&p.node)
    .bind(p.joined_at)
    .bind(p.seen_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub(super) async fn presences(
    executor: impl MySqlExecutor<'_>,
    room: ReservationId,
) -> sqlx::Result<Vec<Presence>> {
    sqlx::query_as(
        "SELECT id, reservation_id, user_id, side, connection_id, node, joined_at, seen_at, left_at, cause
         FROM session_presences WHERE reservation_id = ? ORDER BY joined_at, id",
    )
    .bind(room)
    .fetch_all(executor)
    .await
}

pub(super) async fn mark_seen(pool: &MySqlPool, ids: &[PresenceId], now: Instant) -> sqlx::Result<()> {
    let mut query = QueryBuilder::new("UPDATE session_presences SET seen_at = ");
    query.push_bind(now).push(" WHERE left_at IS NULL AND seen_at < ").push_bind(now).push(" AND id IN (");
    push_list(&mut query, ids.iter().copied());
    query.push(")").build().execute(pool).await?;
    Ok(())
}

pub(super) async fn closed_among(pool: &MySqlPool, ids: &[PresenceId]) -> sqlx::Result<Vec<PresenceId>> {
    let mut query =
        QueryBuilder::new("SELECT id FROM session_presences WHERE left_at IS NOT NULL AND id IN (");
    push_list(&mut query, ids.iter().copied());
    query.push(")").build_query_scalar().fetch_all(pool).await
}

/// `false`: it was closed before.
pub(super) async fn close_presence(
    tx: &mut Tx,
    id: PresenceId,
    at: Instant,
    cause: Cause,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE session_presences SET left_at = GREATEST(joined_at, ?), cause = ? WHERE id = ? AND left_at IS NULL",
    )
    .bind(at)
    .bind(cause)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes open stays that were last seen before `before`, `after` seconds after their last sign.
pub(super) async fn close_silent(tx: &mut Tx, before: Instant, after: i64, limit: u32) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "UPDATE session_presences SET left_at = DATE_ADD(seen_at, INTERVAL ? SECOND), cause = ?
         WHERE left_at IS NULL AND seen_at < ? ORDER BY seen_at LIMIT ?",
    )
    .bind(after)
    .bind(Cause::Lost)
    .bind(before)
    .bind(limit)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

pub(super) async fn last_beat(executor: impl MySqlExecutor<'_>) -> sqlx::Result<Option<Instant>> {
    sqlx::query_scalar("SELECT MAX(beat_at) FROM session_nodes").fetch_one(executor).await
}

pub(super) async fn beat(pool: &MySqlPool, node: &str, now: Instant) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO session_nodes (node, beat_at) VALUES (?, ?)
         ON DUPLICATE KEY UPDATE beat_at = GREATEST(beat_at, VALUES(beat_at))",
    )
    .bind(node)
    .bind(now)
    .execute(pool)
    .await?;
    Ok(())
}

/// Of two processes that come back at once, the first one's word counts.
pub(super) async fn insert_outage(pool: &MySqlPool, began: Instant, ended: Instant) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO session_outages (began_at, ended_at) VALUES (?, ?)
         ON DUPLICATE KEY UPDATE ended_at = LEAST(ended_at, VALUES(ended_at))",
    )
    .bind(began)
    .bind(ended)
    .execute(pool)
    .await?;
    Ok(())
}

pub(super) async fn outages(
    tx: &mut Tx,
    from: Instant,
    to: Instant,
) -> sqlx::Result<Vec<(Instant, Instant)>> {
    sqlx::query_as("SELECT began_at, ended_at FROM session_outages WHERE ended_at > ? AND began_at < ?")
        .bind(from)
        .bind(to)
        .fetch_all(tx.conn())
        .await
}

/// `false`: the wish was known.
pub(super) async fn insert_end(tx: &mut Tx, room: ReservationId, user: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let inserted = sqlx::query("INSERT INTO session_ends (reservation_id, user_id, at) VALUES (?, ?, ?)")
        .bind(room)
        .bind(user)
        .bind(now)
        .execute(tx.conn())
        .await;
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if crate::db::duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) async fn delete_end(tx: &mut Tx, room: ReservationId, user: UserId) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM session_ends WHERE reservation_id = ? AND user_id = ?")
        .bind(room)
        .bind(user)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Who wants to end a session.
pub(super) async fn ends(executor: impl MySqlExecutor<'_>, room: ReservationId) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar("SELECT user_id FROM session_ends WHERE reservation_id = ? ORDER BY at, user_id")
        .bind(room)
        .fetch_all(executor)
        .await
}

pub(super) async fn is_decided(tx: &mut Tx, r: &Reservation) -> sqlx::Result<bool> {
    let decided: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM session_decisions WHERE reservation_id = ? AND schedule_version = ?",
    )
    .bind(r.id)
    .bind(r.schedule_version)
    .fetch_optional(tx.conn())
    .await?;
    Ok(decided.is_some())
}

pub(super) async fn insert_decision(
    tx: &mut Tx,
    r: &Reservation,
    verdict: &str,
    facts: &str,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO session_decisions (reservation_id, schedule_version, verdict, facts, at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(r.id)
    .bind(r.schedule_version)
    .bind(verdict)
    .bind(facts)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Sessions that run, began before `before`, and of which nobody has decided who came, nor will.
pub(super) async fn undecided(
    pool: &MySqlPool,
    before: Instant,
    kind: &str,
    limit: u32,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar(
        "SELECT r.id FROM reservations r
         WHERE r.state = 'in_session' AND r.starts_at < ? AND r.extends_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM session_decisions d
                            WHERE d.reservation_id = r.id AND d.schedule_version = r.schedule_version)
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = r.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY r.id LIMIT ?",
    )
    .bind(before)
    .bind(kind)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Sessions that came to nothing before `before` and have extensions that live.
pub(super) async fn outlived(
    pool: &MySqlPool,
    before: Instant,
    limit: u32,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar(
        "SELECT DISTINCT r.id FROM reservations e JOIN reservations r ON r.id = e.extends_id
         WHERE e.state IN ('requested', 'awaiting_payment', 'confirmed', 'in_session')
            AND r.state IN ('cancelled', 'no_show') AND r.updated_at < ?
         ORDER BY r.id LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

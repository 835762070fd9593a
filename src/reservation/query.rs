//! All SQL of reservations.

use chrono::NaiveDateTime;
use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Reservation, State};
use super::strike::{Record, Strike};
use crate::availability::wall_clock;
use crate::clock::Instant;
use crate::db::{Tx, push_list};
use crate::id::{ReservationId, UserId};

/// Every column of a reservation, and the rest of the statement.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone, policy_version,
                starts_at, ends_at, schedule_version, state, version, request_deadline, hold_until, payment_failed,
                refund_krw, absent, extends_id, ended_at, needs_approval, moves_freely, move_id, move_by, move_to, move_until, move_proposals,
                refund_cap_bps, created_at, updated_at FROM reservations ",
            $rest
        )
    };
}

pub(super) use select;

pub async fn insert(tx: &mut Tx, r: &Reservation) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
            policy_version, starts_at, ends_at, schedule_version, state, version, request_deadline, hold_until,
            payment_failed, refund_krw, extends_id, needs_approval, moves_freely, created_at, updated_at,
            local_starts_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(r.id)
    .bind(r.offering_id)
    .bind(r.mentor_id)
    .bind(r.mentee_id)
    .bind(&r.title)
    .bind(r.price_krw)
    .bind(r.duration_min)
    .bind(&r.time_zone)
    .bind(r.policy_version)
    .bind(r.starts_at)
    .bind(r.ends_at)
    .bind(r.schedule_version)
    .bind(r.state)
    .bind(r.version)
    .bind(r.request_deadline)
    .bind(r.hold_until)
    .bind(r.payment_failed)
    .bind(r.refund_krw)
    .bind(r.extends_id)
    .bind(r.needs_approval)
    .bind(r.moves_freely)
    .bind(r.created_at)
    .bind(r.updated_at)
    .bind(wall_clock(&r.time_zone, r.starts_at))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// For work that nobody asked for: jobs and reconcilers. Requests use [`find_for_member`].
pub async fn lock(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as(select!("WHERE id = ? FOR UPDATE")).bind(id).fetch_optional(tx.conn()).await
}

/// What a mentor has ahead and can still be cancelled, soonest first; at most a thousand.
pub async fn ahead_of_mentor(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Vec<ReservationId>> {
    let now = tx.now;
    sqlx::query_scalar(
        "SELECT id FROM reservations
         WHERE mentor_id = ? AND starts_at > ? AND state IN ('requested', 'awaiting_payment', 'paying', 'confirmed')
         ORDER BY starts_at, id LIMIT 1000",
    )
    .bind(mentor)
    .bind(now)
    .fetch_all(tx.conn())
    .await
}

/// The sessions a mentor has ahead, soonest first, without extensions; at most a thousand.
pub async fn booked_ahead(pool: &MySqlPool, mentor: UserId, now: Instant) -> sqlx::Result<Vec<Reservation>> {
    sqlx::query_as(select!(
        "WHERE mentor_id = ? AND starts_at > ? AND extends_id IS NULL
            AND state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
         ORDER BY starts_at, id LIMIT 1000"
    ))
    .bind(mentor)
    .bind(now)
    .fetch_all(pool)
    .await
}

/// Whether somebody has booked what lies ahead, or is in a session, or was in one that is not over yet.
pub async fn is_awaited(tx: &mut Tx, person: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let found: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM reservations
         WHERE (mentee_id = ? OR mentor_id = ? AND starts_at <= ?)
           AND state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session') LIMIT 1",
    )
    .bind(person)
    .bind(person)
    .bind(now)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

pub async fn find(executor: impl MySqlExecutor<'_>, id: ReservationId) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as(select!("WHERE id = ?")).bind(id).fetch_optional(executor).await
}

/// In no order; those that do not exist are left out.
pub async fn find_many(tx: &mut Tx, ids: &[ReservationId]) -> sqlx::Result<Vec<Reservation>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(select!("WHERE id IN ("));
    push_list(&mut query, ids.iter().copied());
    query.push(")").build_query_as().fetch_all(tx.conn()).await
}

pub async fn find_for_member(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
    member: UserId,
) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as(select!("WHERE id = ? AND (mentor_id = ? OR mentee_id = ?)"))
        .bind(id)
        .bind(member)
        .bind(member)
        .fetch_optional(executor)
        .await
}

pub async fn lock_for_member(
    tx: &mut Tx,
    id: ReservationId,
    member: UserId,
) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as(select!("WHERE id = ? AND (mentor_id = ? OR mentee_id = ?) FOR UPDATE"))
        .bind(id)
        .bind(member)
        .bind(member)
        .fetch_optional(tx.conn())
        .await
}

/// A member's session with its extensions, whatever became of them, in the order of their starts. One statement, which
/// does the same work for a stranger as for an id that nobody has.
pub async fn chain_for_member(
    executor: impl MySqlExecutor<'_>,
    id: ReservationId,
    member: UserId,
) -> sqlx::Result<Vec<Reservation>> {
    sqlx::query_as(select!(
        "WHERE (id = ? OR extends_id = ?) AND (mentor_id = ? OR mentee_id = ?) ORDER BY starts_at, id"
    ))
    .bind(id)
    .bind(id)
    .bind(member)
    .bind(member)
    .fetch_all(executor)
    .await
}

/// The extensions of a session, locked, in the order of their starts. The caller holds the session's lock.
pub async fn lock_extensions(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Vec<Reservation>> {
    sqlx::query_as(select!("WHERE extends_id = ? ORDER BY starts_at, id FOR UPDATE"))
        .bind(id)
        .fetch_all(tx.conn())
        .await
}

/// What of an extension's chain ends when the extension starts, and has a place in the calendars.
pub async fn live_before(tx: &mut Tx, extension: &Reservation) -> sqlx::Result<Option<ReservationId>> {
    sqlx::query_scalar(
        "SELECT id FROM reservations WHERE (id = ? OR extends_id = ?) AND ends_at = ?
            AND state IN ('requested', 'awaiting_payment', 'paying', 'confirmed', 'in_session')
         ORDER BY id LIMIT 1",
    )
    .bind(extension.room())
    .bind(extension.room())
    .bind(extension.starts_at)
    .fetch_optional(tx.conn())
    .await
}

/// A member's reservations, newest first, from before `before`.
pub async fn page_for_member(
    pool: &MySqlPool,
    member: UserId,
    state: Option<State>,
    before: Option<ReservationId>,
    limit: u32,
) -> sqlx::Result<Vec<Reservation>> {
    // Two index ranges, merged: an OR over two keys would read everything.
    let mut query = QueryBuilder::new("");
    for (i, column) in ["mentor_id", "mentee_id"].into_iter().enumerate() {
        query.push(if i == 0 { "(" } else { " UNION (" });
        query.push(select!("WHERE ")).push(column).push(" = ").push_bind(member);
        if let Some(state) = state {
            query.push(" AND state = ").push_bind(state);
        }
        if let Some(before) = before {
            query.push(" AND id < ").push_bind(before);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit).push(")");
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// The compare-and-set of every change. `false`: somebody was faster.
pub async fn compare_and_set(tx: &mut Tx, was: &Reservation, is: &Reservation) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE reservations SET local_starts_at = CASE WHEN starts_at = ? THEN local_starts_at ELSE ? END,
            state = ?, version = ?, price_krw = ?, request_deadline = ?, hold_until = ?, payment_failed = ?,
            refund_krw = ?, absent = ?, ended_at = ?, needs_approval = ?, starts_at = ?, ends_at = ?, schedule_version = ?, move_id = ?,
            move_by = ?, move_to = ?, move_until = ?, move_proposals = ?, refund_cap_bps = ?, updated_at = ? WHERE id = ? AND version = ? AND state = ?",
    )
    // The wall clock that was shown changes with the start alone, not with a zone's data.
    .bind(is.starts_at)
    .bind(wall_clock(&is.time_zone, is.starts_at))
    .bind(is.state)
    .bind(is.version)
    .bind(is.price_krw)
    .bind(is.request_deadline)
    .bind(is.hold_until)
    .bind(is.payment_failed)
    .bind(is.refund_krw)
    .bind(is.absent)
    .bind(is.ended_at)
    .bind(is.needs_approval)
    .bind(is.starts_at)
    .bind(is.ends_at)
    .bind(is.schedule_version)
    .bind(is.move_id)
    .bind(is.move_by)
    .bind(is.move_to)
    .bind(is.move_until)
    .bind(is.move_proposals)
    .bind(is.refund_cap_bps)
    .bind(is.updated_at)
    .bind(was.id)
    .bind(was.version)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Live reservations whose deadline passed before `late`, or whose session ended before `ended`.
pub async fn overdue(
    pool: &MySqlPool,
    late: Instant,
    ended: Instant,
    limit: u32,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar(
        "SELECT id FROM reservations
         WHERE (state = 'requested' AND request_deadline < ?)
            OR (state = 'awaiting_payment' AND hold_until < ?)
            OR (state = 'confirmed' AND starts_at < ?)
            OR (state = 'in_session' AND ends_at < ?)
         UNION SELECT id FROM reservations WHERE move_until < ?
         ORDER BY id LIMIT ?",
    )
    .bind(late)
    .bind(late)
    .bind(late)
    .bind(ended)
    .bind(late)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// `false`: it was counted before.
pub async fn insert_strike(tx: &mut Tx, r: &Reservation, cause: &str) -> sqlx::Result<bool> {
    let now = tx.now;
    let inserted =
        sqlx::query("INSERT INTO mentor_strikes (mentor_id, reservation_id, cause, at) VALUES (?, ?, ?, ?)")
            .bind(r.mentor_id)
            .bind(r.id)
            .bind(cause)
            .bind(now)
            .execute(tx.conn())
            .await;
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if crate::db::duplicate_key(&error).is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

pub async fn delete_strike(tx: &mut Tx, r: &Reservation, cause: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM mentor_strikes WHERE mentor_id = ? AND reservation_id = ? AND cause = ?")
        .bind(r.mentor_id)
        .bind(r.id)
        .bind(cause)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn strikes(pool: &MySqlPool, mentor: UserId, limit: u32) -> sqlx::Result<Vec<Strike>> {
    sqlx::query_as(
        "SELECT reservation_id, cause, at FROM mentor_strikes WHERE mentor_id = ?
         ORDER BY at DESC, reservation_id DESC LIMIT ?",
    )
    .bind(mentor)
    .bind(limit)
    .fetch_all(pool)
    .await
}

pub async fn record(pool: &MySqlPool, mentor: UserId) -> sqlx::Result<Record> {
    sqlx::query_as(
        "SELECT
            (SELECT COUNT(*) FROM reservations
             WHERE mentor_id = ? AND state = 'completed' AND extends_id IS NULL) AS completed,
            (SELECT COUNT(*) FROM mentor_strikes WHERE mentor_id = ? AND cause = 'cancelled') AS cancelled,
            (SELECT COUNT(*) FROM mentor_strikes WHERE mentor_id = ? AND cause = 'no_show') AS no_shows",
    )
    .bind(mentor)
    .bind(mentor)
    .bind(mentor)
    .fetch_one(pool)
    .await
}

/// A booking ahead and what the wall clock of its zone showed when it was booked.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct WallClock {
    pub id: ReservationId,
    pub starts_at: Instant,
    pub time_zone: String,
    pub local_starts_at: NaiveDateTime,
}

/// By id, from behind `after`.
pub async fn wall_clocks_ahead(
    pool: &MySqlPool,
    now: Instant,
    after: Option<ReservationId>,
    limit: u32,
) -> sqlx::Result<Vec<WallClock>> {
    let mut query = QueryBuilder::new(
        "SELECT id, starts_at, time_zone, local_starts_at FROM reservations
         WHERE state IN ('requested', 'awaiting_payment', 'paying', 'confirmed') AND local_starts_at IS NOT NULL
            AND starts_at > ",
    );
    query.push_bind(now);
    if let Some(after) = after {
        query.push(" AND id > ").push_bind(after);
    }
    query.push(" ORDER BY id LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub async fn local_start(tx: &mut Tx, id: ReservationId) -> sqlx::Result<Option<NaiveDateTime>> {
    sqlx::query_scalar("SELECT local_starts_at FROM reservations WHERE id = ?")
        .bind(id)
        .fetch_one(tx.conn())
        .await
}

pub async fn set_local_start(tx: &mut Tx, id: ReservationId, local: NaiveDateTime) -> sqlx::Result<()> {
    sqlx::query("UPDATE reservations SET local_starts_at = ? WHERE id = ?")
        .bind(local)
        .bind(id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The newest zone data by which the bookings were looked through.
pub async fn reviewed_zone_data(pool: &MySqlPool) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT version FROM zone_data WHERE id = 1").fetch_optional(pool).await
}

pub async fn set_reviewed_zone_data(tx: &mut Tx, version: &str) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO zone_data (id, version, checked_at) VALUES (1, ?, ?)
         ON DUPLICATE KEY UPDATE version = VALUES(version), checked_at = VALUES(checked_at)",
    )
    .bind(version)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

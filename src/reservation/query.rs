//! All SQL of reservations.

use sqlx::mysql::MySqlExecutor;
use sqlx::{MySqlPool, QueryBuilder};

use super::model::{Reservation, State};
use super::strike::{Record, Strike};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{OfferingId, ReservationId, UserId};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone, policy_version,
                starts_at, ends_at, schedule_version, state, version, request_deadline, hold_until, payment_failed,
                refund_krw, absent, extends_id, ended_at, created_at, updated_at FROM reservations ",
            $rest
        )
    };
}

pub async fn insert(tx: &mut Tx, r: &Reservation) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO reservations (id, offering_id, mentor_id, mentee_id, title, price_krw, duration_min, time_zone,
            policy_version, starts_at, ends_at, schedule_version, state, version, request_deadline, hold_until,
            payment_failed, refund_krw, extends_id, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(r.created_at)
    .bind(r.updated_at)
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

/// The same mentee's live unpaid reservation of the same slot, where there is one.
pub async fn unpaid_twin(
    tx: &mut Tx,
    mentee: UserId,
    offering: OfferingId,
    starts_at: Instant,
) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as(select!("WHERE live_mentee_id = ? AND offering_id = ? AND starts_at = ?"))
        .bind(mentee)
        .bind(offering)
        .bind(starts_at)
        .fetch_optional(tx.conn())
        .await
}

pub async fn count_unpaid(tx: &mut Tx, mentee: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM reservations WHERE live_mentee_id = ?")
        .bind(mentee)
        .fetch_one(tx.conn())
        .await
}

/// The compare-and-set of every change. `false`: somebody was faster.
pub async fn compare_and_set(tx: &mut Tx, was: &Reservation, is: &Reservation) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "UPDATE reservations SET state = ?, version = ?, price_krw = ?, request_deadline = ?, hold_until = ?, payment_failed = ?,
            refund_krw = ?, absent = ?, ended_at = ?, updated_at = ? WHERE id = ? AND version = ? AND state = ?",
    )
    .bind(is.state)
    .bind(is.version)
    .bind(is.price_krw)
    .bind(is.request_deadline)
    .bind(is.hold_until)
    .bind(is.payment_failed)
    .bind(is.refund_krw)
    .bind(is.absent)
    .bind(is.ended_at)
    .bind(is.updated_at)
    .bind(was.id)
    .bind(was.version)
    .bind(was.state)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One line of a reservation's history.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HistoryRow {
    pub version: i64,
    pub from_state: Option<State>,
    pub to_state: State,
    pub cause: String,
    pub reason: Option<String>,
    pub actor_kind: String,
    pub actor_id: Option<uuid::Uuid>,
    pub request_id: String,
    pub at: Instant,
}

pub async fn add_history(
    tx: &mut Tx,
    from: Option<State>,
    r: &Reservation,
    cause: &str,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    let (now, cx) = (tx.now, tx.cx.clone());
    sqlx::query(
        "INSERT INTO reservation_history
            (reservation_id, version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(r.id)
    .bind(r.version)
    .bind(from)
    .bind(r.state)
    .bind(cause)
    .bind(reason)
    .bind(cx.actor.kind())
    .bind(cx.actor.id())
    .bind(cx.request_id)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn history(pool: &MySqlPool, id: ReservationId) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as(
        "SELECT version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id, at
         FROM reservation_history WHERE reservation_id = ? ORDER BY version",
    )
    .bind(id)
    .fetch_all(pool)
    .await
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
         ORDER BY id LIMIT ?",
    )
    .bind(late)
    .bind(late)
    .bind(late)
    .bind(ended)
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

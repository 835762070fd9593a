//! All SQL of the waitlist.

use sqlx::MySqlPool;
use uuid::Uuid;

use super::super::model::State;
use super::{Waiting, WaitlistEntry};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ReservationId, UserId, WaitlistId};

pub async fn insert(tx: &mut Tx, entry: &WaitlistEntry) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO waitlist_entries (id, offering_id, mentor_id, mentee_id, duration_min, from_at, to_at, state,
                                       created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(entry.id)
    .bind(entry.offering_id)
    .bind(entry.mentor_id)
    .bind(entry.mentee_id)
    .bind(entry.duration_min)
    .bind(entry.from_at)
    .bind(entry.to_at)
    .bind(entry.state)
    .bind(entry.created_at)
    .bind(entry.created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn count_live(tx: &mut Tx, mentee: UserId) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM waitlist_entries WHERE live_mentee_id = ?")
        .bind(mentee)
        .fetch_one(tx.conn())
        .await
}

pub async fn of_mentee(pool: &MySqlPool, mentee: UserId, limit: u32) -> sqlx::Result<Vec<WaitlistEntry>> {
    sqlx::query_as(
        "SELECT id, offering_id, mentor_id, mentee_id, duration_min, from_at, to_at, state, reservation_id, created_at
         FROM waitlist_entries WHERE mentee_id = ? ORDER BY id DESC LIMIT ?",
    )
    .bind(mentee)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Who waits for something of a mentor, behind the entry `after`, the first first.
pub async fn waiting(
    tx: &mut Tx,
    mentor: UserId,
    after: Option<WaitlistId>,
    limit: usize,
) -> sqlx::Result<Vec<WaitlistEntry>> {
    sqlx::query_as(
        "SELECT id, offering_id, mentor_id, mentee_id, duration_min, from_at, to_at, state, reservation_id, created_at
         FROM waitlist_entries WHERE mentor_id = ? AND state = 'waiting' AND id > ? ORDER BY id LIMIT ?",
    )
    .bind(mentor)
    .bind(after.unwrap_or(WaitlistId(Uuid::nil())))
    .bind(u32::try_from(limit).unwrap_or(u32::MAX))
    .fetch_all(tx.conn())
    .await
}

pub async fn is_waited_for(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    exists(tx, mentor, Waiting::Waiting).await
}

pub async fn is_offered(tx: &mut Tx, mentor: UserId) -> sqlx::Result<bool> {
    exists(tx, mentor, Waiting::Offered).await
}

async fn exists(tx: &mut Tx, mentor: UserId, state: Waiting) -> sqlx::Result<bool> {
    let found: Option<i8> =
        sqlx::query_scalar("SELECT 1 FROM waitlist_entries WHERE mentor_id = ? AND state = ? LIMIT 1")
            .bind(mentor)
            .bind(state)
            .fetch_optional(tx.conn())
            .await?;
    Ok(found.is_some())
}

/// The reservations that a mentor's open offers are, as they stand.
pub async fn offers(tx: &mut Tx, mentor: UserId) -> sqlx::Result<Vec<(ReservationId, State)>> {
    sqlx::query_as(
        "SELECT r.id, r.state FROM waitlist_entries w JOIN reservations r ON r.id = w.reservation_id
         WHERE w.mentor_id = ? AND w.state = 'offered'",
    )
    .bind(mentor)
    .fetch_all(tx.conn())
    .await
}

/// Somebody who waits is offered a hold, or has it.
pub async fn offer(
    tx: &mut Tx,
    id: WaitlistId,
    reservation: ReservationId,
    state: Waiting,
) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE waitlist_entries SET state = ?, reservation_id = ?, updated_at = ?
         WHERE id = ? AND state = 'waiting'",
    )
    .bind(state)
    .bind(reservation)
    .bind(now)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How the offer that a hold was ended.
pub async fn settle(tx: &mut Tx, reservation: ReservationId, state: Waiting) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE waitlist_entries SET state = ?, updated_at = ? WHERE reservation_id = ? AND state = 'offered'",
    )
    .bind(state)
    .bind(now)
    .bind(reservation)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// `false`: there is no such entry of theirs that waits.
pub async fn leave(tx: &mut Tx, id: WaitlistId, mentee: UserId) -> sqlx::Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "UPDATE waitlist_entries SET state = 'left', updated_at = ?
         WHERE id = ? AND mentee_id = ? AND state = 'waiting'",
    )
    .bind(now)
    .bind(id)
    .bind(mentee)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends whatever somebody waits for.
pub async fn leave_all(tx: &mut Tx, mentee: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE waitlist_entries SET state = 'left', updated_at = ? WHERE live_mentee_id = ? AND state = 'waiting'",
    )
    .bind(now)
    .bind(mentee)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends what those wait for whose accounts are suspended or closed.
pub async fn end_closed(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE waitlist_entries SET state = 'left', updated_at = ?
         WHERE mentor_id = ? AND state = 'waiting'
            AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = waitlist_entries.mentee_id AND u.state = 'active')",
    )
    .bind(now)
    .bind(mentor)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends what waited for a time that has passed.
pub async fn end_past(tx: &mut Tx, mentor: UserId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query(
        "UPDATE waitlist_entries SET state = 'over', updated_at = ?
         WHERE mentor_id = ? AND state = 'waiting' AND to_at <= ?",
    )
    .bind(now)
    .bind(mentor)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Also those for whom nobody waits in time any more, or who have only an offer out: the look ends what is over.
pub async fn waited_for(
    pool: &MySqlPool,
    now: Instant,
    after: Option<UserId>,
    limit: u32,
) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar(
        "SELECT DISTINCT mentor_id FROM waitlist_entries
         WHERE state IN ('waiting', 'offered') AND created_at <= ? AND mentor_id > ? ORDER BY mentor_id LIMIT ?",
    )
    .bind(now)
    .bind(after.unwrap_or(UserId(Uuid::nil())))
    .bind(limit)
    .fetch_all(pool)
    .await
}

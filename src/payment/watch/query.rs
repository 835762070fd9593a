//! SQL that finds what somebody should look at.

use sqlx::MySqlPool;

use crate::clock::Instant;
use crate::id::AttemptId;
use crate::job::{CloseDeposit, ConfirmPayment, Job, RequeryPayment, SyncPayment};

use super::super::model::{Attempt, AttemptState};

/// Attempts whose outcome has been open since before `since`, for which no job waits or runs. Those with a job
/// are left out here, lest they fill the limit and hide the others for as long as their job waits.
pub async fn open_attempts(
    pool: &MySqlPool,
    since: Instant,
    except_code: &str,
    limit: u32,
) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payment_attempts a
         WHERE a.state IN ('confirming', 'unknown') AND a.updated_at < ?
            AND (a.error_code IS NULL OR a.error_code <> ?)
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind IN (?, ?)
                            AND o.state IN ('pending', 'published'))
         ORDER BY a.updated_at LIMIT ?",
    )
    .bind(since)
    .bind(except_code)
    .bind(ConfirmPayment::KIND)
    .bind(RequeryPayment::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Attempts that wait for a deposit and were last read before `since`, for which no job asks.
pub async fn waiting_attempts(pool: &MySqlPool, since: Instant, limit: u32) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payment_attempts a
         WHERE a.state = 'waiting_for_deposit' AND (a.read_at IS NULL OR a.read_at < ?)
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY a.read_at LIMIT ?",
    )
    .bind(since)
    .bind(RequeryPayment::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Attempts that wait for a deposit nobody wants: the reservation is paid, over, or never waited for it. The account
/// of a session that has begun unpaid, because the bank took the deposit back, stays open until its deadline.
pub async fn unwanted_deposits(pool: &MySqlPool, now: Instant, limit: u32) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payment_attempts a
            JOIN payments p ON p.id = a.payment_id
            JOIN reservations r ON r.id = p.reservation_id
         WHERE a.state = 'waiting_for_deposit'
            AND (p.state IN ('done', 'partial_canceled', 'canceled')
                 OR r.state IN ('requested', 'confirmed', 'rejected', 'expired', 'payment_failed', 'cancelled')
                 OR (r.state IN ('in_session', 'completed', 'no_show')
                     AND (a.reversals = 0 OR a.account_due_at < ?)))
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind = ?
                            AND o.state IN ('pending', 'published') AND o.run_at <= ?)
         ORDER BY a.id LIMIT ?",
    )
    .bind(now)
    .bind(CloseDeposit::KIND)
    .bind(now)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Captures of sessions that lie ahead or run, last read before `since`, for which no job asks: a cancel or a reversal
/// at the provider may have gone without its webhook (S37).
pub async fn unread_captures(pool: &MySqlPool, since: Instant, limit: u32) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM reservations r
            JOIN payments p ON p.reservation_id = r.id
            JOIN payment_attempts a ON a.payment_id = p.id AND a.state = 'done'
         WHERE r.state IN ('confirmed', 'in_session') AND COALESCE(a.read_at, a.updated_at) < ?
            AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = a.id AND o.kind = ?
                            AND o.state IN ('pending', 'published'))
         ORDER BY a.id LIMIT ?",
    )
    .bind(since)
    .bind(SyncPayment::KIND)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// Captures that buy nothing and for which no refund stands (I9): those that came beside another, and of what changed
/// since `since` those of dead reservations. One is an orphan from when its reservation died or its payment was captured,
/// and both of these leave their time; so the look costs as much as those days have bookings, however many there ever were.
pub async fn orphaned_captures(pool: &MySqlPool, since: Instant, limit: u32) -> sqlx::Result<Vec<AttemptId>> {
    sqlx::query_scalar(
        "SELECT a.id FROM payment_attempts a
         WHERE a.state = 'surplus' AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.attempt_id = a.id)
         UNION
         SELECT a.id FROM reservations r FORCE INDEX (reservations_touched)
            STRAIGHT_JOIN payments p ON p.reservation_id = r.id AND p.state = 'done'
            STRAIGHT_JOIN payment_attempts a ON a.payment_id = p.id AND a.state = 'done'
         WHERE r.updated_at >= ? AND r.state IN ('expired', 'payment_failed', 'rejected')
            AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.attempt_id = a.id)
         UNION
         SELECT a.id FROM payments p FORCE INDEX (payments_touched)
            STRAIGHT_JOIN reservations r ON r.id = p.reservation_id
            STRAIGHT_JOIN payment_attempts a ON a.payment_id = p.id AND a.state = 'done'
         WHERE p.updated_at >= ? AND p.state = 'done' AND r.state IN ('expired', 'payment_failed', 'rejected')
            AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.attempt_id = a.id)
         ORDER BY id LIMIT ?",
    )
    .bind(since)
    .bind(since)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// For operators: attempts in a state, or (`None`) those that nobody but an operator asks about, newest first.
pub async fn page(
    pool: &MySqlPool,
    state: Option<AttemptState>,
    held_code: &str,
    before: Option<AttemptId>,
    limit: u32,
) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as(attempts!(
        "WHERE ((? IS NULL AND state = 'unknown' AND error_code = ?) OR state = ?) AND (? IS NULL OR id < ?)
         ORDER BY id DESC LIMIT ?"
    ))
    .bind(state)
    .bind(held_code)
    .bind(state)
    .bind(before)
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

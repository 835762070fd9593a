//! All SQL of holds.

use super::super::model::Reservation;
use super::super::query::select;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{OfferingId, ReservationId, UserId};

/// The same mentee's live unpaid reservation of the same slot, where there is one.
pub async fn twin(
    tx: &mut Tx,
    mentee: UserId,
    offering: OfferingId,
    starts_at: Instant,
    duration_min: u32,
) -> sqlx::Result<Option<Reservation>> {
    sqlx::query_as(select!(
        "WHERE live_mentee_id = ? AND offering_id = ? AND starts_at = ? AND duration_min = ?"
    ))
    .bind(mentee)
    .bind(offering)
    .bind(starts_at)
    .bind(duration_min)
    .fetch_optional(tx.conn())
    .await
}

/// What a mentee has not paid for, with the instant at which it ends by itself, the first to end first.
pub async fn unpaid(tx: &mut Tx, mentee: UserId) -> sqlx::Result<Vec<(ReservationId, Option<Instant>)>> {
    sqlx::query_as(
        "SELECT id, COALESCE(hold_until, request_deadline) AS ends FROM reservations WHERE live_mentee_id = ?
         ORDER BY ends, id",
    )
    .bind(mentee)
    .fetch_all(tx.conn())
    .await
}

/// Whether these two have, or have had, a free session: one that came to nothing by the mentor or by time does not count,
/// nor one that was cancelled.
pub async fn had_free(tx: &mut Tx, mentor: UserId, mentee: UserId) -> sqlx::Result<bool> {
    let found: Option<i8> = sqlx::query_scalar(
        "SELECT 1 FROM reservations
         WHERE mentee_id = ? AND mentor_id = ? AND price_krw = 0 AND extends_id IS NULL
            AND state NOT IN ('rejected', 'expired', 'payment_failed', 'cancelled')
            AND NOT (state = 'no_show' AND absent = 'mentor')
         LIMIT 1",
    )
    .bind(mentee)
    .bind(mentor)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

/// When holds of a mentee ran out since `since`, the last `limit` of them, newest first. A reservation that was held again
/// and ran out again counts twice; extensions do not count. A payment that came to nothing when the time was over anyway
/// does: it had kept the slot all the while.
pub async fn ran_out(tx: &mut Tx, mentee: UserId, since: Instant, limit: i64) -> sqlx::Result<Vec<Instant>> {
    sqlx::query_scalar(
        "SELECT h.at FROM reservations r STRAIGHT_JOIN reservation_history h ON h.reservation_id = r.id
         WHERE r.mentee_id = ? AND r.updated_at >= ? AND r.extends_id IS NULL AND h.cause IN ('expired', 'payment_failed')
            AND h.at >= ?
         ORDER BY h.at DESC LIMIT ?",
    )
    .bind(mentee)
    .bind(since)
    .bind(since)
    .bind(limit)
    .fetch_all(tx.conn())
    .await
}

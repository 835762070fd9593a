//! All SQL of settlement lines.

use sqlx::MySqlPool;

use super::model::SettlementLine;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ReservationId, SettlementLineId, UserId};

macro_rules! lines {
    ($rest:literal) => {
        concat!(
            "SELECT id, reservation_id, mentor_id, gross_krw, fee_krw, net_krw, fee_bps, rule_version, state,
                created_at FROM settlement_lines ",
            $rest
        )
    };
}

pub async fn insert_line(tx: &mut Tx, line: &SettlementLine) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO settlement_lines (id, reservation_id, mentor_id, gross_krw, fee_krw, net_krw, fee_bps,
            rule_version, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(line.id)
    .bind(line.reservation_id)
    .bind(line.mentor_id)
    .bind(line.gross_krw)
    .bind(line.fee_krw)
    .bind(line.net_krw)
    .bind(line.fee_bps)
    .bind(line.rule_version)
    .bind(line.state)
    .bind(line.created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn line_of_reservation(
    pool: &MySqlPool,
    id: ReservationId,
    mentor: UserId,
) -> sqlx::Result<Option<SettlementLine>> {
    sqlx::query_as(lines!("WHERE reservation_id = ? AND mentor_id = ?"))
        .bind(id)
        .bind(mentor)
        .fetch_optional(pool)
        .await
}

/// Newest first, from before `before`.
pub async fn lines_of_mentor(
    pool: &MySqlPool,
    mentor: UserId,
    before: Option<SettlementLineId>,
    limit: u32,
) -> sqlx::Result<Vec<SettlementLine>> {
    sqlx::query_as(lines!("WHERE mentor_id = ? AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?"))
        .bind(mentor)
        .bind(before)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// Reservations that ended before `before` and have no line although money was kept, and none is on its way back.
pub async fn unaccrued(pool: &MySqlPool, before: Instant, limit: u32) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar(
        "SELECT r.id FROM reservations r JOIN payments p ON p.reservation_id = r.id
         WHERE r.state IN ('completed', 'cancelled') AND r.updated_at < ? AND p.state IN ('done', 'partial_canceled')
            AND NOT EXISTS (SELECT 1 FROM settlement_lines l WHERE l.reservation_id = r.id)
            AND NOT EXISTS (SELECT 1 FROM refunds f WHERE f.reservation_id = r.id AND f.state <> 'done')
         ORDER BY r.id LIMIT ?",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(pool)
    .await
}

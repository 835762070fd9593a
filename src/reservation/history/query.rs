//! All SQL of the history.

use sqlx::MySqlPool;

use super::super::model::{Reservation, State};
use super::{HistoryRow, Times};
use crate::db::Tx;
use crate::id::ReservationId;

pub async fn add(
    tx: &mut Tx,
    from: Option<State>,
    r: &Reservation,
    cause: &str,
    reason: Option<&str>,
    times: Option<Times>,
) -> sqlx::Result<()> {
    tx.moved("reservation", r.id.0, from.map(State::name), r.state.name());
    let (now, cx) = (tx.now, tx.cx.clone());
    sqlx::query(
        "INSERT INTO reservation_history
            (reservation_id, version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id,
             from_starts_at, to_starts_at, at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(times.map(|t| t.from))
    .bind(times.map(|t| t.to))
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn of(pool: &MySqlPool, id: ReservationId) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as(
        "SELECT version, from_state, to_state, cause, reason, actor_kind, actor_id, request_id, from_starts_at,
                to_starts_at, at
         FROM reservation_history WHERE reservation_id = ? ORDER BY version",
    )
    .bind(id)
    .fetch_all(pool)
    .await
}

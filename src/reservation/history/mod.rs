//! What became of a reservation, line by line: one for each version.

mod query;

use sqlx::MySqlPool;

use super::model::{Move, Reservation, State};
use crate::clock::Instant;
use crate::id::ReservationId;

pub(super) use query::add;

/// One line of a reservation's history. Instants are UTC.
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
    /// Of a line about a move: the start that it was about to leave.
    pub from_starts_at: Option<Instant>,
    /// And the one that was proposed, or taken.
    pub to_starts_at: Option<Instant>,
    pub at: Instant,
}

/// The starts that a move is about (UTC).
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub from: Instant,
    pub to: Instant,
}

impl Times {
    /// Of a step from one row to the next; `None` for one that is not about the time.
    pub fn of(step: Move, was: &Reservation, is: &Reservation) -> Option<Self> {
        let to = match step {
            Move::Reschedule => Some(is.starts_at),
            Move::ProposeMove => is.move_to,
            Move::DeclineMove | Move::WithdrawMove | Move::MoveExpired => was.move_to,
            _ => None,
        };
        to.map(|to| Self { from: was.starts_at, to })
    }
}

/// Every line, oldest first.
pub async fn history(pool: &MySqlPool, id: ReservationId) -> sqlx::Result<Vec<HistoryRow>> {
    query::of(pool, id).await
}

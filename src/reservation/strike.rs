//! What is counted against mentors, for administrators to see.

use sqlx::MySqlPool;

use super::model::Reservation;
use super::query;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{ReservationId, UserId};

/// A mentor let down a mentee who had paid.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Strike {
    pub reservation_id: ReservationId,
    /// One of the causes below.
    pub cause: String,
    /// UTC.
    pub at: Instant,
}

impl Strike {
    /// Cancelled a session that was paid for.
    pub const CANCELLED: &'static str = "cancelled";
    /// Did not come.
    pub const NO_SHOW: &'static str = "no_show";
}

/// What became of a mentor's bookings, as everybody may know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Record {
    /// Sessions that were completed, extensions not counted.
    pub completed: i64,
    /// Sessions that were paid for and that the mentor cancelled.
    pub cancelled: i64,
    /// Sessions to which the mentor did not come.
    pub no_shows: i64,
}

/// A mentor's record. What was appealed with success is not in it.
pub async fn record(pool: &MySqlPool, mentor: UserId) -> sqlx::Result<Record> {
    query::record(pool, mentor).await
}

/// Counts something against the mentor of a reservation. Once for each cause: a second time changes nothing.
pub async fn strike(tx: &mut Tx, r: &Reservation, cause: &str) -> sqlx::Result<()> {
    if query::insert_strike(tx, r, cause).await? {
        metrics::counter!("konnect_mentor_strikes_total", "cause" => cause.to_owned()).increment(1);
    }
    Ok(())
}

/// Takes back what was counted, because it was not so.
pub async fn forgive(tx: &mut Tx, r: &Reservation, cause: &str) -> sqlx::Result<()> {
    query::delete_strike(tx, r, cause).await
}

/// Everything counted against a mentor, newest first, at most `limit`.
pub async fn strikes(pool: &MySqlPool, mentor: UserId, limit: u32) -> sqlx::Result<Vec<Strike>> {
    query::strikes(pool, mentor, limit).await
}

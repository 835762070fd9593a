//! All SQL of chats: who is in a room and what their rights rest on. The room itself is in MongoDB.

use sqlx::MySqlPool;

use super::error::Error;
use super::model::{Access, Room};
use super::rights::Facts;
use crate::clock::Instant;
use crate::id::{ReservationId, UserId};
use crate::reservation::State;

/// Only a capture confirms a reservation, so its history tells whether it was ever paid for.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.mentor_id, r.mentee_id, r.state, r.ends_at, EXISTS (
                SELECT 1 FROM reservation_history h WHERE h.reservation_id = r.id AND h.to_state = 'confirmed'
             ) AS was_paid FROM reservations r ",
            $rest
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ReservationId,
    mentor_id: UserId,
    mentee_id: UserId,
    state: State,
    ends_at: Instant,
    was_paid: bool,
}

impl From<Row> for Room {
    fn from(row: Row) -> Self {
        let facts = Facts { state: row.state, ends_at: row.ends_at, was_paid: row.was_paid };
        Self { id: row.id, mentor: row.mentor_id, mentee: row.mentee_id, facts }
    }
}

/// A member's access to a room; the same work whether the room is another's or does not exist.
///
/// # Errors
/// `NotFound`
pub async fn access(pool: &MySqlPool, room: ReservationId, user: UserId) -> Result<Access, Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE r.id = ? AND (r.mentor_id = ? OR r.mentee_id = ?)"))
        .bind(room)
        .bind(user)
        .bind(user)
        .fetch_optional(pool)
        .await?;
    let room: Room = row.ok_or(Error::NotFound)?.into();
    let peer = if room.mentor == user { room.mentee } else { room.mentor };
    Ok(Access { room: room.id, user, peer, side: room.side_of(user), facts: room.facts })
}

/// A room for those who need not be members of it: administrators.
///
/// # Errors
/// `NotFound`
pub async fn room(pool: &MySqlPool, room: ReservationId) -> Result<Room, Error> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE r.id = ?")).bind(room).fetch_optional(pool).await?;
    Ok(row.ok_or(Error::NotFound)?.into())
}

/// The newest of a member's rooms that were ever opened, at most `limit` of each role.
pub async fn rooms_of(pool: &MySqlPool, user: UserId, limit: u32) -> sqlx::Result<Vec<ReservationId>> {
    // Two index ranges, merged: an OR over two keys would read everything.
    sqlx::query_scalar(
        "(SELECT r.id FROM reservations r WHERE r.mentor_id = ? AND EXISTS (
            SELECT 1 FROM reservation_history h WHERE h.reservation_id = r.id AND h.to_state = 'confirmed')
          ORDER BY r.id DESC LIMIT ?)
         UNION
         (SELECT r.id FROM reservations r WHERE r.mentee_id = ? AND EXISTS (
            SELECT 1 FROM reservation_history h WHERE h.reservation_id = r.id AND h.to_state = 'confirmed')
          ORDER BY r.id DESC LIMIT ?)",
    )
    .bind(user)
    .bind(limit)
    .bind(user)
    .bind(limit)
    .fetch_all(pool)
    .await
}

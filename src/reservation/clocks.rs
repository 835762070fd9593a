//! Bookings and new zone data. A booking is an instant: when a country changes the rules of its clocks, the wall clock at
//! that instant is another one than both sides saw when they booked. They are asked to look at it (S9).

use serde_json::json;
use sqlx::MySqlPool;

use super::error::Error;
use super::query;
use crate::availability::{ZONE_DATA, wall_clock};
use crate::clock::Instant;
use crate::db::Tx;
use crate::event;
use crate::id::ReservationId;
use crate::job::NotifyEvent;
use crate::outbox;

const KIND: &str = "reservation.clock_changed";

/// Whether this process has newer zone data than any that looked through the bookings. An older process, in the middle
/// of a deployment, does nothing.
pub async fn has_newer_zone_data(pool: &MySqlPool) -> sqlx::Result<bool> {
    Ok(query::reviewed_zone_data(pool).await?.is_none_or(|reviewed| reviewed.as_str() < ZONE_DATA))
}

/// Some of the bookings ahead, by id: those whose wall clock shows another time than at their booking, and from where to
/// go on.
#[derive(Clone, Debug, Default)]
pub struct Shifted {
    pub found: Vec<ReservationId>,
    /// `None`: that was all.
    pub next: Option<ReservationId>,
}

pub async fn shifted(
    pool: &MySqlPool,
    now: Instant,
    after: Option<ReservationId>,
    limit: u32,
) -> sqlx::Result<Shifted> {
    let rows = query::wall_clocks_ahead(pool, now, after, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.id);
    let moved =
        |row: &query::WallClock| wall_clock(&row.time_zone, row.starts_at) != Some(row.local_starts_at);
    Ok(Shifted { found: rows.iter().filter(|row| moved(row)).map(|row| row.id).collect(), next })
}

/// Writes down what the wall clock shows now, and asks both sides to look at it. `false`: it needs nobody's look any more.
pub async fn tell_shifted(tx: &mut Tx, id: ReservationId) -> Result<bool, Error> {
    let Some(r) = query::lock(tx, id).await?.filter(|r| r.state.holds_slot()) else { return Ok(false) };
    let (was, is) = (query::local_start(tx, id).await?, wall_clock(&r.time_zone, r.starts_at));
    let (Some(was), Some(is)) = (was, is) else { return Ok(false) };
    if was == is || r.starts_at <= tx.now {
        return Ok(false);
    }
    query::set_local_start(tx, id, is).await?;
    let shown = |local: chrono::NaiveDateTime| local.format("%Y-%m-%d %H:%M").to_string();
    let data = json!({
        "reservationId": r.id, "state": r.state, "version": r.version, "title": r.title, "startsAt": r.starts_at,
        "timeZone": r.time_zone, "was": shown(was), "is": shown(is),
    });
    event::append(tx, &[r.mentor_id, r.mentee_id], KIND, data.clone()).await?;
    let notice = NotifyEvent {
        event_key: format!("{}:clock_changed:{ZONE_DATA}", r.id),
        kind: KIND.to_owned(),
        people: vec![r.mentor_id, r.mentee_id],
        reservation_id: Some(r.id),
        data,
        expires_at: Some(r.starts_at),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(true)
}

/// Every booking ahead was looked through by this process's zone data.
pub async fn zone_data_reviewed(tx: &mut Tx) -> sqlx::Result<()> {
    query::set_reviewed_zone_data(tx, ZONE_DATA).await
}

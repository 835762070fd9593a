//! Evidence: who was in the room, from when to when.

use serde_json::json;
use sqlx::MySqlPool;

use super::error::Refused;
use super::gate::{Admission, admit_locked};
use super::model::{AFTER_LAST_SIGN, Cause, OUTAGE, Presence, SILENCE};
use super::query;
use crate::clock::Instant;
use crate::config::Rules;
use crate::db::Tx;
use crate::event;
use crate::id::{ConnectionId, PresenceId, ReservationId, UserId};
use crate::job::NotifyEvent;
use crate::outbox;
use crate::reservation;

/// Somebody enters a room: asks the gate under the room's lock, so that a cancellation comes before or after (S29), and
/// writes the stay. The first one of a side tells the other side, who is waited for where they are not there yet.
///
/// # Errors
/// [`Refused`]
pub async fn joined(
    tx: &mut Tx,
    rules: &Rules,
    room: ReservationId,
    user: UserId,
    connection: ConnectionId,
    node: &str,
) -> Result<(PresenceId, Admission), Refused> {
    reservation::lock_for_member(tx, room, user).await?.ok_or(Refused::NotParticipant)?;
    let admission = admit_locked(tx, room, user, rules).await?;
    let known = query::presences(tx.conn(), room).await?;
    let stay = Presence {
        id: PresenceId::generate(),
        reservation_id: room,
        user_id: user,
        side: admission.role,
        connection_id: connection,
        node: node.chars().take(64).collect(),
        joined_at: tx.now,
        seen_at: tx.now,
        left_at: None,
        cause: None,
    };
    query::insert_presence(tx, &stay).await?;
    if !known.iter().any(|other| other.user_id == user) {
        let other_is_there = known.iter().any(|other| other.user_id != user && other.is_there(tx.now));
        tell(tx, &admission, other_is_there).await?;
    }
    Ok((stay.id, admission))
}

async fn tell(tx: &mut Tx, admission: &Admission, other_is_there: bool) -> sqlx::Result<()> {
    let r = &admission.reservation;
    let data = json!({
        "reservationId": r.id, "title": r.title, "startsAt": r.starts_at, "timeZone": r.time_zone,
        "side": admission.role,
    });
    event::append(tx, &[admission.peer], "session.joined", data.clone()).await?;
    if other_is_there {
        return Ok(());
    }
    let notice = NotifyEvent {
        event_key: format!("session_waiting:{}:{}:{}", r.id, r.schedule_version, admission.role.name()),
        kind: "session.waiting".to_owned(),
        people: vec![admission.peer],
        reservation_id: Some(r.id),
        data,
        expires_at: Some(admission.ends_at),
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

/// Signs of life at `now` (UTC) of stays that this process serves. Gives those that are closed meanwhile: whoever is
/// there all the same has to join again.
pub async fn seen(pool: &MySqlPool, ids: &[PresenceId], now: Instant) -> sqlx::Result<Vec<PresenceId>> {
    let mut closed = Vec::new();
    for some in ids.chunks(500) {
        query::mark_seen(pool, some, now).await?;
        closed.extend(query::closed_among(pool, some).await?);
    }
    Ok(closed)
}

/// A stay has ended, at `at` (UTC). The first word counts: `false` where it had ended before.
pub async fn left(tx: &mut Tx, id: PresenceId, at: Instant, cause: Cause) -> sqlx::Result<bool> {
    query::close_presence(tx, id, at, cause).await
}

/// Closes the stays of which nothing was heard for a minute, as lost; how many.
pub async fn close_lost(tx: &mut Tx, limit: u32) -> sqlx::Result<u64> {
    let silent_since = tx.now - SILENCE;
    query::close_silent(tx, silent_since, AFTER_LAST_SIGN.num_seconds(), limit).await
}

/// Every stay in a room, in the order of their beginnings.
pub async fn presences(pool: &MySqlPool, room: ReservationId) -> sqlx::Result<Vec<Presence>> {
    query::presences(pool, room).await
}

/// Says that a process that serves rooms is alive at `now` (UTC); every 5 seconds. The first word after a silence of all
/// of them writes the outage down.
pub async fn beat(pool: &MySqlPool, node: &str, now: Instant) -> sqlx::Result<()> {
    let last = query::last_beat(pool).await?.unwrap_or(Instant::UNIX_EPOCH);
    if now - last > OUTAGE {
        query::insert_outage(pool, last, now).await?;
    }
    let node: String = node.chars().take(64).collect();
    query::beat(pool, &node, now).await
}

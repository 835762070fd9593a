//! Telling somebody who is away that they were written to.

use chrono::TimeDelta;
use serde_json::json;

use super::error::Error;
use super::model::Access;
use super::{query, read};
use crate::clock::Instant;
use crate::core::Core;
use crate::db::Tx;
use crate::job::{NotifyEvent, TellUnreadChat};
use crate::outbox;

/// How long a message may lie unread before its reader is told. Whoever is in the chat reads it sooner.
const NEWS_AFTER: TimeDelta = TimeDelta::minutes(2);

/// A member has written, and it is stored: writes the job that tells the other one, unless one waits already, which
/// looks after this moment. Gives when the job is due that was written (UTC).
pub async fn note_message(tx: &mut Tx, access: &Access) -> sqlx::Result<Option<Instant>> {
    let job = TellUnreadChat { reservation_id: access.room, user_id: access.peer };
    let at = tx.now + NEWS_AFTER;
    Ok(outbox::enqueue_at(tx, &job, at).await?.then_some(at))
}

/// What somebody is to be told of a room: once for everything since they last read there. `None`: they have read it
/// all, or may no longer read it.
///
/// # Errors
/// MongoDB or the database is away.
pub async fn unread_news(core: &Core, job: &TellUnreadChat) -> Result<Option<NotifyEvent>, Error> {
    let access = match query::access(core.db.pool(), job.reservation_id, job.user_id).await {
        Err(Error::NotFound) => return Ok(None),
        other => other?,
    };
    let state = match read::state(core, &access).await {
        Err(Error::NotOpen) => return Ok(None),
        other => other?,
    };
    if state.unread == 0 {
        return Ok(None);
    }
    Ok(Some(NotifyEvent {
        event_key: format!("chat:{}:{}:{}", access.room, access.user, state.last_read.mine),
        kind: "chat.messages".to_owned(),
        people: vec![access.user],
        reservation_id: Some(access.room),
        data: json!({ "reservationId": access.room }),
        expires_at: None,
    }))
}

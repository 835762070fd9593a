//! Telling somebody who is away that they were written to.

use chrono::TimeDelta;
use serde_json::json;

use super::error::Error;
use super::model::Access;
use super::{query, read};
use crate::core::Core;
use crate::db::Tx;
use crate::job::{NotifyEvent, TellUnreadChat};
use crate::outbox;

/// How long a message may lie unread before its reader is told. Whoever is in the chat reads it sooner.
pub const NEWS_AFTER: TimeDelta = TimeDelta::minutes(2);

/// A member has written: writes the job that tells the other one, unless it waits already.
pub async fn note_message(tx: &mut Tx, access: &Access) -> sqlx::Result<()> {
    let job = TellUnreadChat { reservation_id: access.room, user_id: access.peer };
    let at = tx.now + NEWS_AFTER;
    outbox::enqueue_at(tx, &job, at).await?;
    Ok(())
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

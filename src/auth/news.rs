//! What people are told about the safety of their account.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Error;
use super::model::clip_user_agent;
use super::query;
use crate::db::Tx;
use crate::id::{SessionId, UserId};
use crate::job::NotifyEvent;
use crate::outbox;

/// As long as `retention` keeps a login that is used no more. Of an older account without logins they are forgotten, and it
/// may not be its owner who comes after so long a time.
const KEPT: TimeDelta = TimeDelta::days(365);

/// Somebody logs in: tells them when it is not their first login and they never did so on such a device. Called
/// before the session is written.
pub(super) async fn of_login(
    tx: &mut Tx,
    session: SessionId,
    user: UserId,
    user_agent: &str,
) -> sqlx::Result<()> {
    let device = clip_user_agent(user_agent);
    let before = tx.now - KEPT;
    let known = query::known_logins(tx, user, &device, before).await?;
    if !known.has_come || known.on_it {
        return Ok(());
    }
    let data = json!({ "device": device, "at": tx.now });
    tell(tx, user, "security.new_login", format!("login:{session}"), data).await
}

/// A refresh token came a second time: somebody has a copy, and the login was ended.
pub(super) async fn of_reuse(tx: &mut Tx, session: SessionId, user: UserId) -> sqlx::Result<()> {
    let data = json!({ "at": tx.now });
    tell(tx, user, "security.token_reused", format!("reuse:{session}"), data).await
}

/// Tells the owner of an account what was done to it. `kind` begins with `security.`; `event_key` names the happening.
pub async fn warn(
    tx: &mut Tx,
    user: UserId,
    kind: &str,
    event_key: String,
    data: Value,
) -> Result<(), Error> {
    Ok(tell(tx, user, kind, event_key, data).await?)
}

async fn tell(tx: &mut Tx, user: UserId, kind: &str, event_key: String, data: Value) -> sqlx::Result<()> {
    let notice = NotifyEvent {
        event_key,
        kind: kind.to_owned(),
        people: vec![user],
        reservation_id: None,
        data,
        expires_at: None,
    };
    outbox::enqueue(tx, &notice).await?;
    Ok(())
}

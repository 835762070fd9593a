//! Authentication: keys, access tokens, passwords, sessions and their rotating refresh tokens.
//!
//! A session is one login on one device and a family of refresh tokens. Each token is good once: presenting it
//! gives the next one, presenting it again means that somebody has a copy, and ends the session. An access token
//! names its session, so ending the session ends both.

mod challenge;
mod code;
mod error;
mod factor;
mod keys;
mod model;
mod news;
mod password;
mod query;
#[cfg(test)]
mod tests;
mod token;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::MySqlExecutor;

use crate::clock::Instant;
use crate::db::Tx;
use crate::event;
use crate::id::{SessionId, UserId, secret};

pub use challenge::{Answered, Challenge, answer, challenge, challenged};
pub use code::{
    CODE_LIFE, CodeToMail, Purpose, code_mailed, code_to_mail, forget_codes, send_code, try_code,
};
pub use error::Error;
pub use factor::{
    Enrolment, FactorStanding, confirm_factor, drop_factor, drop_factor_since, enrol, factor,
    renew_recovery_codes, step_up, try_factor,
};
pub use keys::{KeyError, Rotated, SigningKeys, generate as generate_key, rotate as rotate_key};
pub use model::{AccessToken, Grant, Principal, Reason, Role, Rotation, Session, SessionStanding};
pub use news::warn;
pub use password::{HashCost, Hasher};
pub use token::Tokens;

use model::{Refusal, Verdict, clip_user_agent, hash_token};

/// The event in the owner's feed when sessions end: `{"sessionIds": […], "reason": "logout|reuse|suspended|password|email|leaving|too_many"}`.
/// Sockets of these sessions close on it. Many sessions make several events.
pub const SESSION_REVOKED: &str = "auth.session_revoked";

/// Live logins that one person has at most.
pub const MOST_SESSIONS: u32 = 100;
/// Sessions that one login ends at most, of somebody who has had more than that for a time.
const MOST_ENDED: u32 = 1_000;
/// Sessions that end by one statement and stand in one event.
const CHUNK: usize = 500;

/// Opens a session with its first refresh token, and ends those used longest ago beyond [`MOST_SESSIONS`]. The caller has
/// checked the password and locked the user's row.
pub async fn open_session(
    tx: &mut Tx,
    user: UserId,
    user_agent: &str,
    refresh_life: TimeDelta,
) -> Result<Grant, Error> {
    let session = SessionId::generate();
    news::of_login(tx, session, user, user_agent).await?;
    let beyond = query::live_beyond(tx, user, MOST_SESSIONS - 1, MOST_ENDED).await?;
    end(tx, user, &beyond, Reason::TooMany).await?;
    query::insert_session(tx, session, user, &clip_user_agent(user_agent)).await?;
    grant(tx, session, user, refresh_life).await
}

/// Exchanges a refresh token for the next one of its family.
///
/// Commit also when it was reused: that outcome has ended the session. Turn it into an error afterwards with
/// [`Rotation::granted`].
///
/// # Errors
/// [`Error::RefreshInvalid`] for an unknown or expired token, [`Error::SessionRevoked`] for one whose session
/// has ended; nothing was written then.
pub async fn rotate(
    tx: &mut Tx,
    refresh_token: &SecretString,
    refresh_life: TimeDelta,
) -> Result<Rotation, Error> {
    let hash = hash_token(refresh_token.expose_secret());
    let Some(presented) = query::lock_token(tx, &hash).await? else {
        return Err(Error::RefreshInvalid);
    };
    let (session_id, user_id) = (presented.session_id, presented.user_id);
    match presented.judge(tx.now) {
        Verdict::Refuse(Refusal::Revoked) => Err(Error::SessionRevoked),
        Verdict::Refuse(Refusal::Expired) => Err(Error::RefreshInvalid),
        Verdict::Revoke => {
            end(tx, user_id, &[session_id], Reason::Reuse).await?;
            news::of_reuse(tx, session_id, user_id).await?;
            Ok(Rotation::Reused { session_id, user_id })
        }
        Verdict::Rotate => {
            query::mark_used(tx, &hash, session_id).await?;
            Ok(Rotation::Rotated(grant(tx, session_id, user_id, refresh_life).await?))
        }
    }
}

/// Ends one session of its owner. `false`: there is none, or it had ended; a second logout is no error.
pub async fn revoke_session(
    tx: &mut Tx,
    session: SessionId,
    owner: UserId,
    reason: Reason,
) -> Result<bool, Error> {
    let live = query::lock_live_for_owner(tx, session, owner).await?;
    if live {
        end(tx, owner, &[session], reason).await?;
    }
    Ok(live)
}

/// Ends every live session of a user and says how many there were.
pub async fn revoke_all(tx: &mut Tx, owner: UserId, reason: Reason) -> Result<usize, Error> {
    let sessions = query::lock_live(tx, owner).await?;
    end(tx, owner, &sessions, reason).await?;
    Ok(sessions.len())
}

/// Ends every live session of a user but one, and says how many there were.
pub async fn revoke_others(
    tx: &mut Tx,
    owner: UserId,
    but: SessionId,
    reason: Reason,
) -> Result<usize, Error> {
    let mut sessions = query::lock_live(tx, owner).await?;
    sessions.retain(|session| *session != but);
    end(tx, owner, &sessions, reason).await?;
    Ok(sessions.len())
}

/// Whether a session may still be used: one look-up by primary key, which the caller may cache for seconds.
pub async fn session_live(executor: impl MySqlExecutor<'_>, session: SessionId) -> Result<bool, Error> {
    Ok(query::is_live(executor, session).await?)
}

/// What a live session may do: one look-up by primary key. `None`: it has ended.
pub async fn standing(
    executor: impl MySqlExecutor<'_>,
    session: SessionId,
) -> Result<Option<SessionStanding>, Error> {
    Ok(query::standing(executor, session).await?)
}

/// Notes that the second factor was shown in this login.
pub async fn mark_factor(tx: &mut Tx, session: SessionId) -> Result<(), Error> {
    Ok(query::mark_factor(tx, session).await?)
}

/// Refuses a session whose login is older: for what a stolen token must not do. A refreshed session is as old as its
/// login. Of whoever has a second factor, it is the factor that must have been shown since.
///
/// # Errors
/// [`Error::NotFresh`], [`Error::FactorNotFresh`], [`Error::SessionRevoked`]
pub async fn require_fresh(tx: &mut Tx, session: SessionId, most: TimeDelta) -> Result<(), Error> {
    let found = query::freshness(tx.conn(), session).await?.ok_or(Error::SessionRevoked)?;
    let since = tx.now - most;
    match (found.has_factor, found.factor_at) {
        (true, Some(at)) if at >= since => Ok(()),
        (true, _) => Err(Error::FactorNotFresh),
        (false, _) if found.created_at >= since => Ok(()),
        (false, _) => Err(Error::NotFresh),
    }
}

/// The live sessions of a user, the one used last first; at most [`MOST_SESSIONS`]. `since`: what was not used after it
/// (UTC) can't be refreshed any more, and counts as ended.
pub async fn sessions_of(
    executor: impl MySqlExecutor<'_>,
    owner: UserId,
    since: Instant,
) -> Result<Vec<Session>, Error> {
    Ok(query::list_live(executor, owner, since, MOST_SESSIONS).await?)
}

/// Forgets everything by which somebody came in, and on what devices they did. Their logins have ended.
pub async fn forget_person(tx: &mut Tx, user: UserId, email: &str) -> Result<(), Error> {
    forget_codes(tx, email).await?;
    factor::forget(tx, user).await?;
    Ok(query::forget_person(tx, user).await?)
}

async fn grant(
    tx: &mut Tx,
    session_id: SessionId,
    user_id: UserId,
    refresh_life: TimeDelta,
) -> Result<Grant, Error> {
    let refresh_token = SecretString::from(secret());
    let refresh_expires_at = tx.now + refresh_life;
    let hash = hash_token(refresh_token.expose_secret());
    query::insert_token(tx, &hash, session_id, refresh_expires_at).await?;
    Ok(Grant { session_id, user_id, refresh_token, refresh_expires_at })
}

async fn end(tx: &mut Tx, owner: UserId, sessions: &[SessionId], reason: Reason) -> Result<(), Error> {
    for chunk in sessions.chunks(CHUNK) {
        query::revoke(tx, chunk, reason.as_str()).await?;
        let data = json!({ "sessionIds": chunk, "reason": reason.as_str() });
        event::append(tx, &[owner], SESSION_REVOKED, data).await?;
    }
    Ok(())
}

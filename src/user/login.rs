//! Logging in, in two halves: the slow check of the password outside any transaction, then the session in one.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use sqlx::MySqlExecutor;

use super::model::{Credentials, State, User};
use super::values::Email;
use super::{Error, leaving, query};
use crate::auth::{self, Answered, Challenge, Grant, Hasher};
use crate::db::Tx;
use crate::id::UserId;
use crate::seal::Sealer;

/// The user with this address and the hash of the password. `None` also for text that is no address.
pub async fn credentials(
    executor: impl MySqlExecutor<'_>,
    email: &str,
) -> Result<Option<Credentials>, Error> {
    let Ok(email) = Email::parse(email) else { return Ok(None) };
    Ok(query::credentials(executor, email.as_str()).await?)
}

/// A user and the hash of their password.
///
/// # Errors
/// `user.not_found`
pub async fn credentials_of(executor: impl MySqlExecutor<'_>, id: UserId) -> Result<Credentials, Error> {
    query::credentials_of(executor, id).await?.ok_or(Error::NotFound)
}

/// Looks the user up and checks the password; an unknown user takes as long as a wrong password.
///
/// # Errors
/// `auth.invalid_credentials`; `auth.suspended`, but only to whoever knows the password.
pub async fn authenticate(
    executor: impl MySqlExecutor<'_>,
    hasher: &Hasher,
    email: &str,
    password: &SecretString,
) -> Result<User, Error> {
    let found = credentials(executor, email).await?;
    let hash = found.as_ref().and_then(|c| c.password_hash.as_ref()).map(ExposeSecret::expose_secret);
    let matches = hasher.verify(password, hash).await?;
    let user = found.filter(|_| matches).ok_or(auth::Error::InvalidCredentials)?.user;
    match user.state {
        // Whoever comes back in time may stay: that is decided when the session is opened.
        State::Leaving => Ok(user),
        _ => {
            admit(&user)?;
            Ok(user)
        }
    }
}

/// How far somebody got whose password, or whose provider, was checked.
#[derive(Debug)]
pub enum Way {
    In(User, Grant),
    /// They have a second factor, and are asked for it.
    Asked(Challenge),
}

/// Lets somebody in, or asks them for their second factor. With `restores`, an account that is being deleted stays.
///
/// # Errors
/// `auth.suspended`, `auth.account_leaving`; `auth.invalid_credentials` when the account is gone.
pub async fn enter(
    tx: &mut Tx,
    id: UserId,
    user_agent: &str,
    refresh_life: TimeDelta,
    restores: bool,
) -> Result<Way, Error> {
    let user = query::lock(tx, id).await?.ok_or(auth::Error::InvalidCredentials)?;
    let comes_back = restores && user.state == State::Leaving;
    if !comes_back {
        admit(&user)?;
    }
    if auth::factor(tx.conn(), id).await?.since.is_some() {
        return Ok(Way::Asked(auth::challenge(tx, id, restores).await?));
    }
    let user = if comes_back { leaving::stay(tx, user).await? } else { user };
    let grant = auth::open_session(tx, id, user_agent, refresh_life).await?;
    Ok(Way::In(user, grant))
}

/// Lets somebody in who was asked for their second factor. `None`: it is wrong, which must be committed.
///
/// # Errors
/// `auth.challenge_invalid`, and those of [`enter`].
pub async fn answer_challenge(
    tx: &mut Tx,
    sealer: &Sealer,
    token: &SecretString,
    code: &str,
    user_agent: &str,
    refresh_life: TimeDelta,
) -> Result<Option<(User, Grant)>, Error> {
    let Answered::Right { user, restores } = auth::answer(tx, sealer, token, code).await? else {
        return Ok(None);
    };
    let mut user = query::lock(tx, user).await?.ok_or(auth::Error::InvalidCredentials)?;
    if restores && user.state == State::Leaving {
        user = leaving::stay(tx, user).await?;
    }
    admit(&user)?;
    let grant = auth::open_session(tx, user.id, user_agent, refresh_life).await?;
    auth::mark_factor(tx, grant.session_id).await?;
    Ok(Some((user, grant)))
}

/// Opens a session for a user who was checked in every way. Locks the user's row, so that a suspension at the same
/// moment either refuses this login or ends its session.
///
/// # Errors
/// `auth.suspended`, `auth.account_leaving`; `auth.invalid_credentials` when the account is gone.
pub async fn open_session(
    tx: &mut Tx,
    id: UserId,
    user_agent: &str,
    refresh_life: TimeDelta,
) -> Result<(User, Grant), Error> {
    let user = query::lock(tx, id).await?.ok_or(auth::Error::InvalidCredentials)?;
    admit(&user)?;
    let grant = auth::open_session(tx, id, user_agent, refresh_life).await?;
    Ok((user, grant))
}

/// Only an active account is let in.
pub(super) fn admit(user: &User) -> Result<(), auth::Error> {
    match user.state {
        State::Active => Ok(()),
        State::Suspended => Err(auth::Error::Suspended),
        State::Leaving => Err(auth::Error::Leaving(user.erase_at)),
        State::Deleted => Err(auth::Error::InvalidCredentials),
    }
}

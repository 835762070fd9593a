//! Logging in, in two halves: the slow check of the password outside any transaction, then the session in one.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use sqlx::MySqlExecutor;

use super::model::{Credentials, State, User};
use super::values::Email;
use super::{Error, query};
use crate::auth::{self, Grant, Hasher};
use crate::db::Tx;
use crate::id::UserId;

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
    admit(&user)?;
    Ok(user)
}

/// Opens a session for a user whose password was checked. Locks the user's row, so that a suspension at the same
/// moment either refuses this login or ends its session.
///
/// # Errors
/// `auth.suspended`; `auth.invalid_credentials` when the account is gone.
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
        State::Deleted => Err(auth::Error::InvalidCredentials),
    }
}

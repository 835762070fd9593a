//! Passwords that change, and mailboxes that are proven.

use serde_json::json;

use super::model::{State, User};
use super::values::Email;
use super::{Error, changed, identity, locked, login, query};
use crate::auth::{self, Reason};
use crate::db::Tx;
use crate::id::{SessionId, UserId};

/// Sets the password of somebody who has given the present one, whose hash was `present`. Every other login ends.
///
/// # Errors
/// [`Error::Stale`] when the password was changed meanwhile; `auth.suspended`.
pub async fn change_password(
    tx: &mut Tx,
    id: UserId,
    session: SessionId,
    present: &str,
    hash: &str,
) -> Result<(), Error> {
    let user = locked(tx, id).await?;
    login::admit(&user)?;
    if !query::replace_password(tx, &user, present, hash).await? {
        return Err(Error::Stale);
    }
    auth::revoke_others(tx, id, session, Reason::Password).await?;
    let user = changed(tx, user, "password", None).await?;
    tell_password(tx, &user).await
}

/// Sets the password of the account of an address whose owner has proven that they read it, and ends every login.
/// `false`: there is no such account.
///
/// Where nobody had proven the address before, whoever made the account may have been somebody else: nothing by which
/// they could come back survives.
pub async fn reset_password(tx: &mut Tx, email: &Email, hash: &str) -> Result<bool, Error> {
    let found = query::lock_by_email(tx, email.as_str()).await?;
    let Some(user) = found.filter(|user| user.state != State::Deleted) else { return Ok(false) };
    if user.email_verified_at.is_none() {
        shut_out(tx, user.id).await?;
    }
    if !query::set_password(tx, &user, hash).await? {
        return Err(Error::Stale);
    }
    auth::revoke_all(tx, user.id, Reason::Password).await?;
    let user = changed(tx, user, "password_reset", None).await?;
    tell_password(tx, &user).await?;
    Ok(true)
}

/// Notes that the owner of an account reads its mailbox. Again it changes nothing.
pub async fn verify_email(tx: &mut Tx, id: UserId) -> Result<User, Error> {
    let mut user = locked(tx, id).await?;
    login::admit(&user)?;
    if user.email_verified_at.is_some() {
        return Ok(user);
    }
    if !query::verify_email(tx, &user).await? {
        return Err(Error::Stale);
    }
    user.email_verified_at = Some(tx.now);
    changed(tx, user, "email_verified", None).await
}

/// Takes away every way in but the password.
async fn shut_out(tx: &mut Tx, id: UserId) -> Result<(), Error> {
    query::delete_devices(tx, id).await?;
    identity::forget_all(tx, id).await?;
    auth::drop_factor(tx, id).await?;
    Ok(())
}

async fn tell_password(tx: &mut Tx, user: &User) -> Result<(), Error> {
    let key = format!("password:{}:{}", user.id, user.version);
    let at = tx.now;
    Ok(auth::warn(tx, user.id, "security.password_changed", key, json!({ "at": at })).await?)
}

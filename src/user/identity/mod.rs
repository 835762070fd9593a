//! Signing in by a provider, or by an issuer that the operator trusts.
//!
//! An identity leads to one account for ever. A new one makes an account, or joins the account of the same address when
//! both sides of that are known: somebody vouches that the person reads the mailbox, and the account's owner has proven
//! the same. An account whose address nobody has proven may be somebody else's, who wrote down an address and waits for
//! its owner to come; it is never joined (S55).

mod model;
mod query;

use serde_json::json;
use sqlx::MySqlExecutor;

use super::model::{Locale, NewUser, State, User};
use super::values::{Email, TimeZone, check_name};
use super::{Error, get, locked, login, query as users, register_verified, touched};
use crate::auth;
use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::UserId;

pub use model::{Identity, Named, Provider, Source, Vouched};

/// What a new account of somebody is made with.
#[derive(Clone, Debug)]
pub struct Welcome {
    pub locale: Locale,
    pub time_zone: TimeZone,
    /// In place of the provider's word.
    pub name: Option<String>,
}

/// The account of somebody whom a provider has vouched for; made when there is none. It may be suspended: opening a
/// session says so.
///
/// # Errors
/// `auth.email_code_required` when nobody knows whether they read the mailbox, [`Error::IdentityWithoutEmail`],
/// [`Error::IdentityNotLinked`] when the account of that address may be somebody else's, [`Error::IdentityTaken`] when that
/// account has another identity of this provider.
pub async fn sign_in(tx: &mut Tx, vouched: &Vouched, welcome: &Welcome) -> Result<User, Error> {
    if let Some(owner) = query::owner(tx, &vouched.source, &vouched.subject).await? {
        query::touch(tx, vouched).await?;
        return get(tx.conn(), owner).await;
    }
    let email = vouched.email.as_ref().ok_or(Error::IdentityWithoutEmail)?;
    if !vouched.email_verified {
        return Err(auth::Error::EmailCodeRequired.into());
    }
    match users::lock_by_email(tx, email.as_str()).await? {
        None => {
            let new = newcomer(email, vouched, welcome)?;
            let user = register_verified(tx, &new, None).await?;
            insert(tx, user.id, vouched).await?;
            Ok(user)
        }
        Some(user) if user.email_verified_at.is_some() && user.state != State::Deleted => {
            insert(tx, user.id, vouched).await?;
            tell(tx, &user, &vouched.source, "security.identity_linked").await?;
            Ok(user)
        }
        Some(_) => Err(Error::IdentityNotLinked),
    }
}

/// Gives somebody who is logged in another way in. Again it changes nothing.
///
/// # Errors
/// [`Error::IdentityTaken`] when it leads to another account, or they have another identity of this provider.
pub async fn link(tx: &mut Tx, owner: UserId, vouched: &Vouched) -> Result<(), Error> {
    let user = locked(tx, owner).await?;
    login::admit(&user)?;
    match query::owner(tx, &vouched.source, &vouched.subject).await? {
        Some(known) if known == owner => return Ok(()),
        Some(_) => return Err(Error::IdentityTaken),
        None => insert(tx, owner, vouched).await?,
    }
    tell(tx, &user, &vouched.source, "security.identity_linked").await
}

/// Takes a way in away.
///
/// # Errors
/// [`Error::IdentityNotFound`]; [`Error::LastWayIn`] when they could not come back.
pub async fn unlink(tx: &mut Tx, owner: UserId, named: Named<'_>) -> Result<(), Error> {
    let user = locked(tx, owner).await?;
    login::admit(&user)?;
    let ways = query::list(tx.conn(), owner).await?;
    // One name can mean several: an issuer of that name before, and the one that has it now.
    let (goes, stays): (Vec<_>, Vec<_>) = ways.into_iter().partition(|way| way.source.is(named));
    let Some(first) = goes.first() else { return Err(Error::IdentityNotFound) };
    if stays.is_empty() && !query::has_password(tx, owner).await? {
        return Err(Error::LastWayIn);
    }
    for way in &goes {
        query::delete(tx, owner, &way.source).await?;
    }
    tell(tx, &user, &first.source, "security.identity_unlinked").await
}

/// Takes every way in by a provider away.
pub(super) async fn forget_all(tx: &mut Tx, owner: UserId) -> Result<(), Error> {
    Ok(query::delete_all(tx, owner).await?)
}

/// Takes every way in away that was added at this moment or later.
pub(super) async fn forget_since(tx: &mut Tx, owner: UserId, since: Instant) -> Result<(), Error> {
    Ok(query::delete_since(tx, owner, since).await?)
}

/// By whose word somebody comes in.
pub async fn identities(executor: impl MySqlExecutor<'_>, owner: UserId) -> Result<Vec<Identity>, Error> {
    Ok(query::list(executor, owner).await?)
}

async fn insert(tx: &mut Tx, owner: UserId, vouched: &Vouched) -> Result<(), Error> {
    match query::insert(tx, owner, vouched).await {
        Err(error) if duplicate_key(&error).is_some() => Err(Error::IdentityTaken),
        other => Ok(other?),
    }
}

/// A provider's word for a name may be none of ours: then it is the mailbox's.
fn newcomer(email: &Email, vouched: &Vouched, welcome: &Welcome) -> Result<NewUser, Error> {
    let mailbox = email.as_str().split('@').next().unwrap_or_default();
    let name = match &welcome.name {
        Some(own) => check_name(own)?,
        None => vouched.name.as_deref().and_then(|name| check_name(name).ok()).unwrap_or(mailbox.to_owned()),
    };
    Ok(NewUser { email: email.clone(), name, locale: welcome.locale, time_zone: welcome.time_zone })
}

/// Notes it in the history, and tells the owner.
async fn tell(tx: &mut Tx, user: &User, source: &Source, kind: &str) -> Result<(), Error> {
    let user = touched(tx, user.clone(), kind.trim_start_matches("security."), source.name()).await?;
    let (key, at) = (format!("{kind}:{}:{}", user.id, user.version), tx.now);
    Ok(auth::warn(tx, user.id, kind, key, json!({ "at": at, "provider": source.name() })).await?)
}

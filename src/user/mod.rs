//! People: registration, profile, login, standing, devices.
//!
//! Every user has a row in `calendars`, made at registration: the row that is locked first by whoever changes or
//! reserves that person's time.

mod email;
mod error;
mod identity;
mod leaving;
mod login;
mod model;
mod password;
mod picture;
mod query;
mod values;

use sha2::{Digest, Sha256};
use sqlx::{MySqlExecutor, MySqlPool};

use crate::auth::{self, Reason};
use crate::db::{Tx, duplicate_key};
use crate::id::UserId;
use crate::job::CancelAhead;
use crate::outbox;

pub use email::{
    FormerToMail, Moved, REGRET, change_email, email_since, former_mailed, former_to_mail, take_back,
    want_email,
};
pub use error::Error;
pub use identity::{
    Identity, Named, Provider, Source, Vouched, Welcome, identities, link as link_identity, sign_in,
    unlink as unlink_identity,
};
pub use leaving::{GRACE, erase, leave, leaving_until, overdue};
pub use login::{Way, answer_challenge, authenticate, credentials, credentials_of, enter, open_session};
pub use model::{Credentials, DeviceToken, Filter, Locale, NewUser, Platform, ProfileChange, State, User};
pub use password::{change_password, reset_password, verify_email};
pub use picture::{
    Picture, hide_picture, picture, picture_comes, picture_gone, pictures_to_remove, show_picture,
};
pub use values::{Email, TimeZone, check_name, check_password};

use model::Act;
use values::check_device_token;

/// The most devices that one person gets pushes on.
pub const MAX_DEVICES: u32 = 20;

impl NewUser {
    /// Checks what somebody typed.
    ///
    /// # Errors
    /// `user.invalid_email`, `user.invalid_name`, `user.invalid_time_zone`
    pub fn parse(email: &str, name: &str, locale: Locale, time_zone: &str) -> Result<Self, Error> {
        Ok(Self {
            email: Email::parse(email)?,
            name: check_name(name)?,
            locale,
            time_zone: time_zone.parse()?,
        })
    }
}

/// Makes a user with their calendar. The password was checked by [`check_password`] and hashed before the
/// transaction.
///
/// # Errors
/// [`Error::EmailTaken`]
pub async fn register(tx: &mut Tx, new: &NewUser, password_hash: &str) -> Result<User, Error> {
    insert(tx, new, Some(password_hash), false).await
}

/// The same for somebody who has proven that they read the mailbox, with a password or without.
///
/// # Errors
/// [`Error::EmailTaken`]
pub async fn register_verified(
    tx: &mut Tx,
    new: &NewUser,
    password_hash: Option<&str>,
) -> Result<User, Error> {
    insert(tx, new, password_hash, true).await
}

async fn insert(
    tx: &mut Tx,
    new: &NewUser,
    password_hash: Option<&str>,
    verified: bool,
) -> Result<User, Error> {
    let id = UserId::generate();
    match query::insert(tx, id, new, password_hash, verified).await {
        Ok(()) => {
            email::check_kept(tx, new.email.as_str(), id).await?;
            get(tx.conn(), id).await
        }
        Err(error) if duplicate_key(&error).as_deref() == Some("users_email") => Err(Error::EmailTaken),
        Err(error) => Err(error.into()),
    }
}

/// One user, from the pool or (`tx.conn()`) inside a transaction.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn get(executor: impl MySqlExecutor<'_>, id: UserId) -> Result<User, Error> {
    query::find(executor, id).await?.ok_or(Error::NotFound)
}

/// Whether there is such an account that is neither suspended nor deleted.
pub async fn is_active(executor: impl MySqlExecutor<'_>, id: UserId) -> sqlx::Result<bool> {
    Ok(query::find(executor, id).await?.is_some_and(|user| user.state == State::Active))
}

/// Those of these people whose account is not active, or who have none.
pub async fn inactive(executor: impl MySqlExecutor<'_>, ids: &[UserId]) -> sqlx::Result<Vec<UserId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let active = query::active_of(executor, ids).await?;
    Ok(ids.iter().copied().filter(|id| !active.contains(id)).collect())
}

/// Everybody who runs the place.
pub async fn administrators(executor: impl MySqlExecutor<'_>) -> sqlx::Result<Vec<UserId>> {
    query::administrators(executor).await
}

/// The users of these ids, in no order; ids that nobody has are left out.
pub async fn get_many(executor: impl MySqlExecutor<'_>, ids: &[UserId]) -> Result<Vec<User>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(query::find_many(executor, ids).await?)
}

pub async fn find_by_email(executor: impl MySqlExecutor<'_>, email: &Email) -> Result<Option<User>, Error> {
    Ok(query::find_by_email(executor, email.as_str()).await?)
}

/// Users for an administrator, newest first.
pub async fn list(pool: &MySqlPool, filter: &Filter, limit: u32) -> Result<Vec<User>, Error> {
    Ok(query::list(pool, filter, limit).await?)
}

/// Changes a profile that the caller saw at `expected_version`.
///
/// # Errors
/// [`Error::Stale`] when it has another version by now, [`Error::InvalidName`], [`Error::NotFound`],
/// `auth.suspended`.
pub async fn update_profile(
    tx: &mut Tx,
    id: UserId,
    change: &ProfileChange,
    expected_version: i64,
) -> Result<User, Error> {
    let mut user = locked(tx, id).await?;
    login::admit(&user)?;
    if let Some(name) = &change.name {
        user.name = check_name(name)?;
    }
    user.locale = change.locale.unwrap_or(user.locale);
    user.time_zone = change.time_zone.unwrap_or(user.time_zone);
    if !query::update_profile(tx, &user, expected_version).await? {
        return Err(Error::Stale);
    }
    changed(tx, user, "profile", None).await
}

/// Suspends an account and ends all its sessions. What it has ahead as a mentor is cancelled by jobs, with everything given
/// back (S73); what it has booked as a mentee stays. One that is leaving is not erased while it is suspended.
///
/// # Errors
/// [`Error::WrongState`] unless it is active or leaving.
pub async fn suspend(tx: &mut Tx, id: UserId, reason: &str) -> Result<User, Error> {
    let user = act(tx, id, Act::Suspend, reason).await?;
    if user.erase_at.is_some() {
        leaving::hold(tx, id).await?;
    }
    auth::revoke_all(tx, id, Reason::Suspended).await?;
    outbox::enqueue(tx, &CancelAhead { mentor_id: id, suspension: user.version, look: 1 }).await?;
    Ok(user)
}

/// Lets a suspended account in again. One that was leaving leaves again, with the whole of [`GRACE`] in which its owner can
/// come back.
///
/// # Errors
/// [`Error::WrongState`] unless it is suspended.
pub async fn reinstate(tx: &mut Tx, id: UserId, reason: &str) -> Result<User, Error> {
    let user = act(tx, id, Act::Reinstate, reason).await?;
    match user.erase_at {
        Some(_) => leave(tx, id, reason).await,
        None => Ok(user),
    }
}

/// Makes a user an administrator, from the next access token on; no error for one who is.
pub async fn make_admin(tx: &mut Tx, id: UserId) -> Result<User, Error> {
    let mut user = locked(tx, id).await?;
    if user.is_admin {
        return Ok(user);
    }
    if user.state != State::Active {
        return Err(Error::WrongState);
    }
    if !query::set_admin(tx, &user).await? {
        return Err(Error::Stale);
    }
    user.is_admin = true;
    changed(tx, user, "made_admin", None).await
}

/// Registers a push token for a user; one that somebody else registered moves to this user. Of more than
/// [`MAX_DEVICES`] the oldest are forgotten.
///
/// # Errors
/// [`Error::InvalidDeviceToken`]
pub async fn add_device_token(
    tx: &mut Tx,
    owner: UserId,
    token: &str,
    platform: Platform,
) -> Result<(), Error> {
    check_device_token(token)?;
    query::upsert_device(tx, owner, &hash(token), token, platform).await?;
    Ok(query::keep_devices(tx, owner, MAX_DEVICES).await?)
}

/// `false`: this user has no such token.
pub async fn remove_device_token(tx: &mut Tx, owner: UserId, token: &str) -> Result<bool, Error> {
    Ok(query::delete_device(tx, owner, &hash(token)).await?)
}

/// Where pushes for these people go, newest first.
pub async fn device_tokens(
    executor: impl MySqlExecutor<'_>,
    owners: &[UserId],
) -> Result<Vec<DeviceToken>, Error> {
    Ok(query::devices(executor, owners).await?)
}

/// Those of these people who have a device that pushes can go to.
pub async fn with_devices(executor: impl MySqlExecutor<'_>, people: &[UserId]) -> Result<Vec<UserId>, Error> {
    Ok(query::with_devices(executor, people).await?)
}

/// Takes somebody's second factor away and ends their logins: for whoever has lost everything, after an operator knows who
/// they are.
pub async fn drop_second_factor(tx: &mut Tx, id: UserId, reason: &str) -> Result<User, Error> {
    let user = locked(tx, id).await?;
    auth::drop_factor(tx, id).await?;
    auth::revoke_all(tx, id, Reason::Password).await?;
    touched(tx, user, "factor_dropped", reason).await
}

async fn locked(tx: &mut Tx, id: UserId) -> Result<User, Error> {
    query::lock(tx, id).await?.ok_or(Error::NotFound)
}

async fn act(tx: &mut Tx, id: UserId, act: Act, note: &str) -> Result<User, Error> {
    let mut user = locked(tx, id).await?;
    let to = user.state.after(act).ok_or(Error::WrongState)?;
    if !query::set_state(tx, &user, to).await? {
        return Err(Error::Stale);
    }
    user.state = to;
    changed(tx, user, act.as_str(), Some(note)).await
}

/// Notes a change of what belongs to a user but stands in other rows.
async fn touched(tx: &mut Tx, user: User, action: &str, note: &str) -> Result<User, Error> {
    if !query::count_up(tx, &user).await? {
        return Err(Error::Stale);
    }
    changed(tx, user, action, Some(note)).await
}

/// Counts the version up and writes the history row of a change that was just made.
async fn changed(tx: &mut Tx, mut user: User, action: &str, note: Option<&str>) -> Result<User, Error> {
    user.version += 1;
    query::add_history(tx, user.id, user.version, action, note).await?;
    Ok(user)
}

/// The key of a device token.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

//! Another address for an account.
//!
//! Whoever is logged in asks for it, and proves that they read the new mailbox by a code. Whoever reads the old mailbox is
//! told, and can take the account back for three days by a token that is good once: a thief who has a login must not be able
//! to keep the account. Until then nobody else gets the old address. An address that nobody had proven may be a
//! stranger's (a slip of the pen): it is told nothing, and takes nothing back.

mod model;
mod query;

use serde_json::json;
use sqlx::MySqlExecutor;

use super::model::{State, User};
use super::values::Email;
use super::{Error, changed, get, identity, locked, login, query as users};
use crate::auth::{self, Purpose, Reason};
use crate::clock::Instant;
use crate::db::{Tx, duplicate_key};
use crate::id::{FormerEmailId, SessionId, UserId, secret};
use crate::job::TellFormerEmail;
use crate::outbox;
use crate::seal::Sealer;

use model::hash_token;
pub use model::{FormerToMail, Moved, REGRET};

/// Has a code mailed to the address that somebody wants. Nothing tells whether it has an account: the job finds that out,
/// and mails its owner instead. Asking again replaces what was asked before.
///
/// # Errors
/// [`Error::EmailSame`], `auth.suspended`
pub async fn want_email(
    tx: &mut Tx,
    sealer: &Sealer,
    id: UserId,
    session: SessionId,
    email: &Email,
) -> Result<(), Error> {
    let user = locked(tx, id).await?;
    login::admit(&user)?;
    if user.email == email.as_str() {
        return Err(Error::EmailSame);
    }
    query::want(tx, id, session, email.as_str()).await?;
    Ok(auth::send_code(tx, sealer, email.as_str(), Purpose::Change, user.locale.name()).await?)
}

/// Gives an account the address that its owner asked for in this login and proves by the code. Every other login ends, and
/// the old mailbox is told. `None`: the code is wrong, which must be committed.
///
/// # Errors
/// [`Error::EmailTaken`], also while somebody else can still take the address back; `auth.suspended`.
pub async fn change_email(
    tx: &mut Tx,
    sealer: &Sealer,
    id: UserId,
    session: SessionId,
    code: &str,
) -> Result<Option<Moved>, Error> {
    let user = locked(tx, id).await?;
    login::admit(&user)?;
    let Some(email) = query::wanted(tx, id, session).await? else { return Ok(None) };
    if !auth::try_code(tx, sealer, &email, Purpose::Change, code).await? {
        return Ok(None);
    }
    query::forget_wanted(tx, id).await?;
    let written = query::set_email(tx, &user, &email).await;
    judge(tx, &user, &email, written).await?;
    auth::forget_codes(tx, &user.email).await?;
    auth::revoke_others(tx, id, session, Reason::Email).await?;
    if user.email_verified_at.is_some() {
        remember(tx, sealer, &user).await?;
    }
    let user = changed(tx, user, "email_changed", None).await?;
    tell(tx, &user, "security.email_changed").await?;
    Ok(Some(Moved { left: user.email, user: get(tx.conn(), id).await? }))
}

/// Gives an account its old address back, for whoever got the token there. Nothing by which whoever changed it could come
/// back survives: no login, no password, and no way in, second factor or device that came since.
///
/// # Errors
/// [`Error::UndoInvalid`] when the token is unknown, used or too old.
pub async fn take_back(tx: &mut Tx, token: &str) -> Result<Moved, Error> {
    let former = query::lock_former(tx, &hash_token(token)).await?.ok_or(Error::UndoInvalid)?;
    let user = locked(tx, former.user_id).await?;
    if user.state == State::Deleted {
        return Err(Error::UndoInvalid);
    }
    let since = former.created_at;
    // What it was called later goes too: a thief may have changed it twice.
    query::forget_formers(tx, user.id, since).await?;
    query::forget_wanted(tx, user.id).await?;
    let written = query::restore_email(tx, &user, &former.email).await;
    judge(tx, &user, &former.email, written).await?;
    auth::forget_codes(tx, &user.email).await?;
    auth::revoke_all(tx, user.id, Reason::Email).await?;
    identity::forget_since(tx, user.id, since).await?;
    auth::drop_factor_since(tx, user.id, since).await?;
    users::delete_devices(tx, user.id).await?;
    let user = changed(tx, user, "email_restored", None).await?;
    tell(tx, &user, "security.email_restored").await?;
    Ok(Moved { left: user.email, user: get(tx.conn(), user.id).await? })
}

/// What the old mailbox is still to be told. `None`: it was told, it is too late, or the account was taken back or erased.
pub async fn former_to_mail(
    tx: &mut Tx,
    sealer: &Sealer,
    id: FormerEmailId,
) -> Result<Option<FormerToMail>, Error> {
    let Some(former) = query::waiting(tx, id).await? else { return Ok(None) };
    let sealed = former.sealed.unwrap_or_default();
    let token = match sealer.open(&sealed, former.id.0.as_bytes()) {
        Ok(token) => token,
        Err(error) => {
            tracing::error!(former_id = %id, %error, "an old address cannot be told: was the data key changed?");
            return Ok(None);
        }
    };
    let user = get(tx.conn(), former.user_id).await?;
    let (changed_at, until) = (former.created_at, former.expires_at);
    Ok(Some(FormerToMail { user, email: former.email, token, changed_at, until }))
}

/// The mail server took it, or never will: nobody mails it again.
pub async fn former_mailed(tx: &mut Tx, id: FormerEmailId) -> Result<(), Error> {
    Ok(query::forget_sealed(tx, id).await?)
}

/// Since when somebody has the address that they have; `None`: since they joined.
pub async fn email_since(executor: impl MySqlExecutor<'_>, id: UserId) -> Result<Option<Instant>, Error> {
    Ok(query::since(executor, id).await?)
}

/// Refuses an address that somebody else can still take back. Asked once the address is written: who gives it up at the same
/// moment has committed by then.
pub(super) async fn check_kept(tx: &mut Tx, email: &str, id: UserId) -> Result<(), Error> {
    if query::is_kept(tx, email, id).await? { Err(Error::EmailTaken) } else { Ok(()) }
}

/// Forgets every address that somebody had or wanted.
pub(super) async fn forget_all(tx: &mut Tx, id: UserId) -> Result<(), Error> {
    query::forget_wanted(tx, id).await?;
    Ok(query::forget_all_formers(tx, id).await?)
}

/// Judges whether a user got an address.
async fn judge(tx: &mut Tx, user: &User, email: &str, written: sqlx::Result<bool>) -> Result<(), Error> {
    match written {
        Ok(true) => check_kept(tx, email, user.id).await,
        Ok(false) => Err(Error::Stale),
        Err(error) if duplicate_key(&error).as_deref() == Some("users_email") => Err(Error::EmailTaken),
        Err(error) => Err(error.into()),
    }
}

/// Keeps the address that an account leaves, and has its mailbox told.
async fn remember(tx: &mut Tx, sealer: &Sealer, user: &User) -> Result<(), Error> {
    let (id, token) = (FormerEmailId::generate(), secret());
    let sealed = sealer.seal(&token, id.0.as_bytes());
    query::insert_former(tx, id, user, &hash_token(&token), &sealed).await?;
    outbox::enqueue(tx, &TellFormerEmail { former_id: id }).await?;
    Ok(())
}

async fn tell(tx: &mut Tx, user: &User, kind: &str) -> Result<(), Error> {
    let (key, at) = (format!("{kind}:{}:{}", user.id, user.version), tx.now);
    Ok(auth::warn(tx, user.id, kind, key, json!({ "at": at })).await?)
}

//! Accounts that are deleted: shut at once, erased after a while.
//!
//! For two weeks the owner can come back. Then everything that tells who they were is erased; bookings, money, reviews and
//! histories stay, without a name.

use chrono::TimeDelta;
use serde_json::json;
use sqlx::MySqlPool;

use super::model::{Act, State, User};
use super::{Error, act, email, identity, picture, query};
use crate::auth::{self, Reason};
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::UserId;
use crate::job::{CancelAhead, EraseAccount, Job};
use crate::outbox;

/// How long an account can be kept after its owner asked for its end.
pub const GRACE: TimeDelta = TimeDelta::days(14);
/// Accounts that are looked after in one pass.
const BATCH: u32 = 100;

/// Shuts an account: its logins end, what it has ahead as a mentor is cancelled by jobs with everything given back (S73), and
/// a job erases it later. The caller has seen to it that nothing of it is open.
///
/// # Errors
/// [`Error::WrongState`] unless it is active.
pub async fn leave(tx: &mut Tx, id: UserId, reason: &str) -> Result<User, Error> {
    let mut user = act(tx, id, Act::Leave, reason).await?;
    let until = tx.now + GRACE;
    query::set_erase_at(tx, id, Some(until)).await?;
    user.erase_at = Some(until);
    auth::revoke_all(tx, id, Reason::Leaving).await?;
    outbox::enqueue(tx, &CancelAhead { mentor_id: id, suspension: user.version, look: 1 }).await?;
    outbox::enqueue_at(tx, &EraseAccount { user_id: id, version: user.version }, until).await?;
    let key = format!("leaving:{id}:{}", user.version);
    auth::warn(tx, id, "security.leaving", key, json!({ "until": until })).await?;
    Ok(user)
}

/// The owner came back in time.
pub(super) async fn stay(tx: &mut Tx, user: User) -> Result<User, Error> {
    let mut user = act(tx, user.id, Act::Stay, "came back").await?;
    query::set_erase_at(tx, user.id, None).await?;
    user.erase_at = None;
    outbox::cancel_waiting(tx, user.id.0, &[EraseAccount::KIND]).await?;
    Ok(user)
}

/// An account that is leaving and whose time is over; its address is in it for the last time. `None`: it was kept, or is
/// erased already.
pub async fn leaving_until(tx: &mut Tx, id: UserId, version: i64) -> Result<Option<User>, Error> {
    let user = query::lock(tx, id).await?.filter(|user| user.state == State::Leaving);
    Ok(user.filter(|user| user.version == version && user.erase_at.is_some_and(|at| at <= tx.now)))
}

/// Erases who somebody was. The caller has found them by [`leaving_until`] in the same transaction.
pub async fn erase(tx: &mut Tx, user: &User) -> Result<(), Error> {
    auth::forget_person(tx, user.id, &user.email).await?;
    query::delete_devices(tx, user.id).await?;
    identity::forget_all(tx, user.id).await?;
    email::forget_all(tx, user.id).await?;
    picture::forget_all(tx, user.id).await?;
    act(tx, user.id, Act::Erase, "its time was over").await?;
    Ok(query::erase(tx, user.id).await?)
}

/// An account that was leaving is suspended: it is not erased under whoever looks into it. Its `erase_at` stays, and says that
/// its owner wants to go; see [`super::reinstate`].
pub(super) async fn hold(tx: &mut Tx, id: UserId) -> Result<(), Error> {
    outbox::cancel_waiting(tx, id.0, &[EraseAccount::KIND]).await?;
    Ok(())
}

/// Accounts whose time was over before `before` and that no job will erase, with their version: either it was lost, or the
/// account was changed since they left, as by a new password.
pub async fn overdue(pool: &MySqlPool, before: Instant) -> Result<Vec<EraseAccount>, Error> {
    let found = query::overdue(pool, before, EraseAccount::KIND, BATCH).await?;
    Ok(found.into_iter().map(|(user_id, version)| EraseAccount { user_id, version }).collect())
}

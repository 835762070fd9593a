//! Notices: one happening becomes one notice per person and channel, once.
//!
//! Reached by enqueuing a [`NotifyEvent`](crate::job::NotifyEvent); no domain calls this one. Notices in the app are rows with an event on
//! the reader's feed; mails and pushes are rows with a job each. The text is made when it is read or sent, in the
//! reader's language and time zone.

mod delivery;
mod digest;
mod error;
mod fan_out;
mod hours;
mod mail;
mod model;
mod preference;
mod prepare;
mod proof;
mod query;
mod texts;
mod timely;
mod urgency;

use serde_json::{Value, json};
use sqlx::{MySqlExecutor, MySqlPool};

use crate::db::Tx;
use crate::event;
use crate::id::{NoticeId, UserId};
use crate::user::{self, User};

pub use delivery::{conclude, defer, mail_taken_at_last, mailbox_refused, record_pushes, taken_many};
pub use digest::close_digest;
pub use error::Error;
pub use fan_out::{CHUNK, fan_out};
pub use hours::{Hours, QuietHours, hours, set_hours};
pub use mail::{
    Heard, Invite, Letter, MailRoom, Mailbox, Undelivered, Written, bounced, mailbox, read_token,
    report_read, resume, unsubscribe,
};
pub use model::{Channel, Delivery, Ending, Filter, Notice, Page, Pushes, Receipts, Role, State, Taken};
pub use preference::{Choices, Mode, Preference, Topic, choices, choose, set_preference};
pub use prepare::{prepare, prepare_many};
pub use proof::{ProofFilter, PushReceipt, proofs, receipts};
pub use texts::{KINDS, Text, kinds, render};

/// A notice appeared in the app: `{noticeId, kind, unread}`.
const CREATED: &str = "notice.created";
/// One notice was read, or all of them (`noticeId` is null): `{noticeId, unread}`.
const READ: &str = "notice.read";
const DELETED: &str = "notice.deleted";

/// The owner's notices in the app, newest first.
pub async fn page_for_owner(
    pool: &MySqlPool,
    owner: UserId,
    filter: Filter,
    limit: u32,
) -> Result<Page, Error> {
    let time_zone = user::get(pool, owner).await?.time_zone;
    Ok(Page { notices: query::page_for_owner(pool, owner, filter, limit).await?, time_zone })
}

/// How many of the owner's notices in the app are unread.
pub async fn unread_count(executor: impl MySqlExecutor<'_>, owner: UserId) -> Result<i64, Error> {
    Ok(query::unread_count(executor, owner).await?)
}

/// Marks one notice as read and returns how many are unread now. Reading it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`]
pub async fn mark_read(tx: &mut Tx, id: NoticeId, owner: UserId) -> Result<i64, Error> {
    query::lock_inboxes(tx, &[owner]).await?;
    if query::read(tx, id, owner).await? {
        return push_counter(tx, owner, READ, json!({ "noticeId": id })).await;
    }
    if !query::is_shown(tx, id, owner).await? {
        return Err(Error::NotFound);
    }
    unread_count(tx.conn(), owner).await
}

/// The owner's device says that a push was opened: noted once, and what it told counts as read in the app. Returns how
/// many are unread now.
///
/// # Errors
/// [`Error::NotFound`], also for a notice that was no push.
pub async fn mark_opened(tx: &mut Tx, id: NoticeId, owner: UserId) -> Result<i64, Error> {
    query::lock_inboxes(tx, &[owner]).await?;
    let pushed = query::open(tx, id, owner).await?.ok_or(Error::NotFound)?;
    let Some(shown) = query::shown_twin(tx, &pushed, owner).await? else {
        return unread_count(tx.conn(), owner).await;
    };
    mark_read(tx, shown, owner).await
}

/// Marks everything as read and returns how many are unread now, which is none.
pub async fn mark_all_read(tx: &mut Tx, owner: UserId) -> Result<i64, Error> {
    query::lock_inboxes(tx, &[owner]).await?;
    if query::read_all(tx, owner).await? == 0 {
        return Ok(0);
    }
    push_counter(tx, owner, READ, json!({ "noticeId": null })).await
}

/// Takes a notice off the owner's list and returns how many are unread now.
///
/// # Errors
/// [`Error::NotFound`], also for one that is deleted already.
pub async fn delete(tx: &mut Tx, id: NoticeId, owner: UserId) -> Result<i64, Error> {
    query::lock_inboxes(tx, &[owner]).await?;
    if !query::delete(tx, id, owner).await? {
        return Err(Error::NotFound);
    }
    push_counter(tx, owner, DELETED, json!({ "noticeId": id })).await
}

/// Forgets what somebody who is gone chose, and that their address refused mail. What they were told stays, as the proof of
/// it.
pub async fn forget_person(tx: &mut Tx, gone: &User) -> Result<(), Error> {
    Ok(query::forget_person(tx, gone.id, &gone.email).await?)
}

/// Forgets what an address refused that is its owner's no more: nobody could find it later.
pub async fn forget_address(tx: &mut Tx, address: &str) -> Result<(), Error> {
    Ok(query::forget_address(tx, address).await?)
}

/// Tells the owner's screens what has changed and how many are unread now. The list must be locked.
async fn push_counter(tx: &mut Tx, owner: UserId, kind: &str, mut data: Value) -> Result<i64, Error> {
    let unread = query::unread_count(tx.conn(), owner).await?;
    data["unread"] = json!(unread);
    event::append(tx, &[owner], kind, data).await?;
    Ok(unread)
}

//! Notices: one happening becomes one notice per person and channel, once.
//!
//! Reached by enqueuing [`NotifyEvent`]; no domain calls this one. Notices in the app are rows with an event on
//! the reader's feed; mails and pushes are rows with a job each. The text is made when it is read or sent, in the
//! reader's language and time zone.

mod delivery;
mod error;
mod mail;
mod model;
mod preference;
mod query;
mod texts;

use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{MySqlExecutor, MySqlPool};

use crate::db::Tx;
use crate::event;
use crate::id::{NoticeId, UserId};
use crate::job::{DeliverNotice, NotifyEvent};
use crate::outbox;
use crate::reservation::{self, Reservation};
use crate::user::{self, User};

pub use delivery::{conclude, defer, mail_taken, mailbox_refused, prepare, record_pushes};
pub use error::Error;
pub use mail::{
    Invite, Letter, MailRoom, Mailbox, Written, bounced, mailbox, read_token, resume, unsubscribe,
};
pub use model::{Channel, Delivery, Ending, Filter, Notice, Page, Pushes, Receipts, Role, State};
pub use preference::{Choices, Mode, Preference, Topic, choices, choose, set_preference};
pub use query::of_reservation;
pub use texts::{KINDS, Text, kinds, render};

/// A notice appeared in the app: `{noticeId, kind, unread}`.
const CREATED: &str = "notice.created";
/// One notice was read, or all of them (`noticeId` is null): `{noticeId, unread}`.
const READ: &str = "notice.read";
const DELETED: &str = "notice.deleted";

/// Writes the notices of one happening, with a job for each that is to be delivered. Returns how many are new:
/// what somebody was told before stays as it is (S60). Nothing is written once the event has expired (S59).
///
/// Accounts that are deleted or do not exist are left out. Suspended people are told: they may have money with us.
pub async fn fan_out(tx: &mut Tx, event: &NotifyEvent) -> Result<u32, Error> {
    if event.expires_at.is_some_and(|at| at <= tx.now) {
        return Ok(0);
    }
    // In order, against deadlocks: each person's list and feed stay locked until the commit.
    let mut people = event.people.clone();
    people.sort_unstable();
    people.dedup();
    let mut readers = user::get_many(tx.conn(), &people).await?;
    readers.retain(|reader| reader.state != user::State::Deleted);
    readers.sort_unstable_by_key(|reader| reader.id);
    let reservation = match event.reservation_id {
        Some(id) => reservation::find(tx.conn(), id).await?,
        None => None,
    };
    let topic = Topic::of(&event.kind);
    let ids: Vec<_> = readers.iter().map(|reader| reader.id).collect();
    let wishes = preference::crowd(tx.conn(), topic, &ids).await?;
    let mut written = 0;
    for reader in &readers {
        written += tell(tx, event, reservation.as_ref(), reader, &wishes).await?;
    }
    Ok(written)
}

async fn tell(
    tx: &mut Tx,
    event: &NotifyEvent,
    reservation: Option<&Reservation>,
    reader: &User,
    wishes: &preference::Crowd,
) -> Result<u32, Error> {
    let role = reservation.and_then(|r| Role::of(reader.id, r));
    let facts = model::facts(&event.data, reservation, reader);
    let mut written = 0;
    for channel in model::channels(&event.kind, role) {
        if wishes.mode(reader.id, *channel) == Mode::Off {
            continue;
        }
        if *channel == Channel::Push && user::device_tokens(tx.conn(), reader.id).await?.is_empty() {
            continue;
        }
        let notice = new_notice(tx, event, reader.id, *channel, &facts);
        if !query::insert(tx, &notice).await? {
            continue;
        }
        written += 1;
        match channel {
            Channel::InApp => {
                query::lock_inbox(tx, reader.id).await?;
                push_counter(tx, reader.id, CREATED, json!({ "noticeId": notice.id, "kind": notice.kind }))
                    .await?;
            }
            Channel::Email | Channel::Push => {
                outbox::enqueue(tx, &DeliverNotice { notice_id: notice.id }).await?;
            }
        }
        metrics::counter!("konnect_notices_total", "channel" => channel.name()).increment(1);
    }
    Ok(written)
}

fn new_notice(tx: &Tx, event: &NotifyEvent, reader: UserId, channel: Channel, facts: &Value) -> Notice {
    Notice {
        id: NoticeId::generate(),
        event_key: event.event_key.clone(),
        user_id: reader,
        channel,
        kind: event.kind.clone(),
        reservation_id: event.reservation_id,
        data: Json(facts.clone()),
        state: channel.first_state(),
        provider_id: None,
        error: None,
        expires_at: event.expires_at,
        created_at: tx.now,
        attempted_at: None,
        sent_at: None,
        read_at: None,
    }
}

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
    query::lock_inbox(tx, owner).await?;
    if query::read(tx, id, owner).await? {
        return push_counter(tx, owner, READ, json!({ "noticeId": id })).await;
    }
    if !query::is_shown(tx, id, owner).await? {
        return Err(Error::NotFound);
    }
    unread_count(tx.conn(), owner).await
}

/// Marks everything as read and returns how many are unread now, which is none.
pub async fn mark_all_read(tx: &mut Tx, owner: UserId) -> Result<i64, Error> {
    query::lock_inbox(tx, owner).await?;
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
    query::lock_inbox(tx, owner).await?;
    if !query::delete(tx, id, owner).await? {
        return Err(Error::NotFound);
    }
    push_counter(tx, owner, DELETED, json!({ "noticeId": id })).await
}

/// Tells the owner's screens what has changed and how many are unread now. The list must be locked.
async fn push_counter(tx: &mut Tx, owner: UserId, kind: &str, mut data: Value) -> Result<i64, Error> {
    let unread = query::unread_count(tx.conn(), owner).await?;
    data["unread"] = json!(unread);
    event::append(tx, &[owner], kind, data).await?;
    Ok(unread)
}

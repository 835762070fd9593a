//! Addresses that refuse mail. After one refusal that says that there is no such mailbox, or three others on different
//! notices without a mail that arrived between them, nothing is sent there until its owner says so; they read of it in the
//! app. What is switched off is the address, not the person: another address is not concerned.
//!
//! Locks: the notice, then the address, then what enqueuing locks.

use std::collections::HashMap;

use chrono::TimeDelta;
use serde_json::json;
use sqlx::MySqlExecutor;

use super::query;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::{NoticeId, UserId};
use crate::job::NotifyEvent;
use crate::notification::error::Error;
use crate::notification::model::{Channel, Notice};
use crate::notification::query as notices;
use crate::outbox;
use crate::user::{self, Email};

/// Refusals that switch an address off.
const TOO_MANY: i64 = 3;
/// Older refusals do not count.
const WINDOW: TimeDelta = TimeDelta::days(30);
/// A mail that was taken so long ago and has not come back has arrived: a relay tries for four to five days
/// (RFC 5321 §4.5.4.1).
const ARRIVED: TimeDelta = TimeDelta::days(6);
const REPLY_MAX: usize = 500;

/// The news that nothing is sent to an address any more.
const SWITCHED_OFF: &str = "mail.undeliverable";

/// What is known of an address that refused mail.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Standing {
    /// Since when nothing is sent there (UTC).
    pub off_since: Option<Instant>,
    pub reply: String,
}

/// Somebody's mailbox, for themselves.
#[derive(Clone, Debug)]
pub struct Mailbox {
    pub address: String,
    /// Since when nothing is sent there (UTC).
    pub off_since: Option<Instant>,
    /// Why, in the words of its server; only while it is off.
    pub reply: Option<String>,
}

/// The owner's mailbox.
pub async fn mailbox(tx: &mut Tx, owner: UserId) -> Result<Mailbox, Error> {
    let address = user::get(tx.conn(), owner).await?.email;
    let standing = query::standing(tx.conn(), &address).await?.filter(|s| s.off_since.is_some());
    Ok(match standing {
        Some(Standing { off_since, reply }) => Mailbox { address, off_since, reply: Some(reply) },
        None => Mailbox { address, off_since: None, reply: None },
    })
}

/// The owner wants mails to their address again: what it refused before does not count. Nothing changes when it is on.
pub async fn resume(tx: &mut Tx, owner: UserId) -> Result<Mailbox, Error> {
    let address = user::get(tx.conn(), owner).await?.email;
    if query::switch_on(tx, &address).await? {
        query::forget_refusals(tx, &address).await?;
    }
    mailbox(tx, owner).await
}

/// A mail that its server had taken came back: the notice was not delivered after all. With `gone` it is about the
/// mailbox ([`refuse`]); without, the address stays as it is. Told again it changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when no mail of ours has this `Message-ID`.
pub async fn bounced(tx: &mut Tx, message_id: &str, reply: &str, gone: Option<bool>) -> Result<(), Error> {
    let notice = lock_sent(tx, message_id).await?;
    return_to_sender(tx, &notice, reply, gone).await?;
    Ok(())
}

/// Somebody whom a mail did not reach, as a delivery report names them.
#[derive(Clone, Debug)]
pub struct Undelivered {
    pub recipient: String,
    /// What the server said.
    pub reply: String,
    /// Whether it is about the mailbox, and then whether there is none of its name.
    pub gone: Option<bool>,
}

/// What became of a delivery report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The notice is failed.
    Returned(NoticeId),
    /// It was before.
    Known(NoticeId),
    /// The report is about others than the address that the notice went to: a mailbox passed it on, or its owner has
    /// another one by now. Nothing changes.
    Elsewhere(NoticeId),
}

/// A delivery report about a mail: [`bounced`], if it names the address that the notice went to. Our server had taken the
/// mail for that mailbox; where a mailbox passes its mail on to is its owner's concern, and a refusal there says nothing of
/// it.
///
/// # Errors
/// [`Error::NotFound`] when no mail of ours has this `Message-ID`.
pub async fn report_read(tx: &mut Tx, message_id: &str, failed: &[Undelivered]) -> Result<Heard, Error> {
    let notice = lock_sent(tx, message_id).await?;
    let address = user::get(tx.conn(), notice.user_id).await?.email;
    let is_ours = |u: &&Undelivered| Email::parse(&u.recipient).is_ok_and(|email| email.as_str() == address);
    let Some(ours) = failed.iter().find(is_ours) else { return Ok(Heard::Elsewhere(notice.id)) };
    let is_new = return_to_sender(tx, &notice, &ours.reply, ours.gone).await?;
    Ok(if is_new { Heard::Returned(notice.id) } else { Heard::Known(notice.id) })
}

/// Locks the notice that a mail was sent for.
async fn lock_sent(tx: &mut Tx, message_id: &str) -> Result<Notice, Error> {
    let id = message_id.strip_prefix('<').and_then(|rest| rest.split_once('@'));
    let id: NoticeId = id.and_then(|(id, _)| id.parse().ok()).ok_or(Error::NotFound)?;
    let notice = notices::lock(tx, id).await?.ok_or(Error::NotFound)?;
    let is_this = notice.channel == Channel::Email && notice.provider_id.as_deref() == Some(message_id);
    if is_this { Ok(notice) } else { Err(Error::NotFound) }
}

/// `false`: it was told before.
async fn return_to_sender(
    tx: &mut Tx,
    notice: &Notice,
    reply: &str,
    gone: Option<bool>,
) -> Result<bool, Error> {
    if !query::return_mail(tx, notice.id, &plain(reply)).await? {
        return Ok(false);
    }
    let Some(gone) = gone else { return Ok(true) };
    // Whoever has another address by now is not blamed for what the old one refused.
    let since = user::email_since(tx.conn(), notice.user_id).await?;
    if since.is_some_and(|since| notice.sent_at.is_none_or(|sent| sent < since)) {
        return Ok(true);
    }
    let address = user::get(tx.conn(), notice.user_id).await?.email;
    refuse(tx, notice.id, notice.user_id, &address, reply, gone).await?;
    Ok(true)
}

/// What becomes of mail to an address that has refused some; of one that has not, nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::notification) enum Reach {
    /// It may take the next one.
    Refused,
    /// Nothing is sent there.
    Off,
}

/// Those of these addresses that have refused mail.
pub(in crate::notification) async fn reach(
    executor: impl MySqlExecutor<'_>,
    addresses: &[&str],
) -> Result<HashMap<String, Reach>, Error> {
    let refusers = query::refusers(executor, addresses).await?.into_iter();
    let reach = |off: Option<Instant>| if off.is_some() { Reach::Off } else { Reach::Refused };
    Ok(refusers.map(|(address, off)| (address, reach(off))).collect())
}

/// Its server took a mail: what it refused to take before does not count any more. One that is off stays so. What came
/// back from there counts on until a mail has [`ARRIVED`]: a relay takes everything.
pub(in crate::notification) async fn forgive(tx: &mut Tx, address: &str) -> Result<(), Error> {
    Ok(query::forget_refused_at_once(tx, address).await?)
}

/// Counts a permanent refusal of a mailbox, once per notice. `gone`: there is no such mailbox.
pub(in crate::notification) async fn refuse(
    tx: &mut Tx,
    notice: NoticeId,
    owner: UserId,
    address: &str,
    reply: &str,
    gone: bool,
) -> Result<(), Error> {
    let off_since = query::lock_address(tx, address, &plain(reply)).await?;
    if !query::insert_refusal(tx, notice, address).await? || off_since.is_some() {
        return Ok(());
    }
    let (since, stood) = (tx.now - WINDOW, tx.now - ARRIVED);
    if !gone && query::refusals_since(tx, address, owner, since, stood).await? < TOO_MANY {
        return Ok(());
    }
    query::switch_off(tx, address).await?;
    metrics::counter!("konnect_mail_addresses_off_total").increment(1);
    let news = NotifyEvent {
        event_key: format!("{SWITCHED_OFF}:{notice}"),
        kind: SWITCHED_OFF.to_owned(),
        people: vec![owner],
        reservation_id: None,
        // Whose it is knows which: it would outlive the account here.
        data: json!({}),
        expires_at: None,
    };
    outbox::enqueue(tx, &news).await?;
    Ok(())
}

/// What a server said, fit for a column.
fn plain(reply: &str) -> String {
    reply.chars().filter(|c| !c.is_control()).take(REPLY_MAX).collect()
}

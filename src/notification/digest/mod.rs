//! What is told together: one digest per person and window, which ends at the hour the person chose.
//!
//! Whoever puts a notice into a digest holds its row until the commit, and whoever closes it holds it too: a notice is
//! in the digest that is told, or in the next one, never in both (S61). A digest is told by a mail of its own, which
//! is no part of any digest.

mod query;

use serde_json::json;

use super::error::Error;
use super::fan_out::new_notice;
use super::hours::Hours;
use super::model::{Channel, Notice};
use super::preference::{self, Mode, Topic};
use crate::db::Tx;
use crate::id::{DigestId, UserId};
use crate::job::{DeliverNotice, NotifyEvent, SendDigest};
use crate::outbox;
use crate::user::{self, User};

/// The kind of the notice that tells a digest.
const KIND: &str = "digest.daily";
/// The most notices that one digest shows; it counts the others.
const SHOWN: usize = 20;

/// The digest that what happens now goes into, with its job; its row stays locked until the commit.
pub(super) async fn open(tx: &mut Tx, reader: &User, hours: Hours) -> Result<DigestId, Error> {
    let zone = reader.time_zone.0;
    let mut due_at = hours.next_digest(tx.now, zone);
    loop {
        let (id, is_open) = query::lock_window(tx, reader.id, due_at).await?;
        if is_open {
            outbox::enqueue_at(tx, &SendDigest { digest_id: id }, due_at).await?;
            return Ok(id);
        }
        // Closed already, by a process whose clock is ahead of ours.
        due_at = hours.next_digest(due_at, zone);
    }
}

/// Closes a digest and tells what it gathered, as one notice; what was read in the app meanwhile is left out. `false`:
/// it was closed before, or nothing is left to tell.
pub async fn close_digest(tx: &mut Tx, id: DigestId) -> Result<bool, Error> {
    let Some(owner) = query::close(tx, id).await? else { return Ok(false) };
    let reader = user::get(tx.conn(), owner).await?;
    let wanted =
        preference::choices(tx.conn(), owner).await?.mode(Topic::Digest, Channel::Email) != Mode::Off;
    if !wanted || reader.state == user::State::Deleted {
        query::skip_all(tx, id, "no digest is wanted").await?;
        return Ok(false);
    }
    query::skip_read(tx, id).await?;
    query::skip_expired(tx, id).await?;
    let gathered = query::gathered(tx, id).await?;
    if gathered.is_empty() {
        return Ok(false);
    }
    tell(tx, owner, id, &gathered).await?;
    query::mark_digested(tx, id).await?;
    Ok(true)
}

async fn tell(tx: &mut Tx, owner: UserId, id: DigestId, gathered: &[Notice]) -> Result<(), Error> {
    let item = |notice: &Notice| json!({ "kind": notice.kind, "data": notice.data.0 });
    let items: Vec<_> = gathered.iter().take(SHOWN).map(item).collect();
    let event = NotifyEvent {
        event_key: format!("digest:{id}"),
        kind: KIND.to_owned(),
        people: vec![owner],
        reservation_id: None,
        data: json!({ "count": gathered.len(), "items": items }),
        expires_at: None,
    };
    let notice = new_notice(tx, &event, owner, Channel::Email, &event.data, None);
    super::query::insert(tx, std::slice::from_ref(&notice)).await?;
    outbox::enqueue(tx, &DeliverNotice { notice_id: notice.id }).await?;
    metrics::counter!("konnect_notices_total", "channel" => notice.channel.name()).increment(1);
    Ok(())
}

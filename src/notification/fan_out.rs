//! One happening becomes a notice per person and channel, in few statements for many people.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::types::Json;

use super::error::Error;
use super::hours::{self, Hours};
use super::model::{Channel, Notice, Role, State, channels, facts};
use super::preference::{self, Crowd, Mode, Topic};
use super::{CREATED, digest, query, timely};
use crate::db::Tx;
use crate::event;
use crate::id::{DigestId, NoticeId, UserId};
use crate::job::{DeliverNotice, NotifyEvent};
use crate::outbox::{self, Cause};
use crate::reservation::{self, Reservation};
use crate::user::{self, User};

/// The most people who are told in one transaction: their lists and feeds are locked until its commit.
pub const CHUNK: usize = 500;

/// Writes the notices of one happening, with a job for each that is to be delivered. Returns how many are new:
/// what somebody was told before stays as it is (S60). Nothing is written once the event has expired (S59), or what it
/// announces will not come (S57).
///
/// More people than [`CHUNK`] are told by jobs of their own: each is done or not, so that a worker that dies half way
/// through has told nobody twice and forgotten nobody.
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
    if people.len() > CHUNK {
        return split(tx, event, &people).await;
    }
    let audience = Audience::gather(tx, event, &people).await?;
    let reservation = audience.reservation.as_ref();
    if reservation.is_some_and(|r| !timely::still_so(&event.kind, &event.data, r)) {
        return Ok(0);
    }
    let planned = audience.plan(tx, event).await?;
    tell(tx, event, planned).await
}

/// One job for each chunk of the people.
async fn split(tx: &mut Tx, event: &NotifyEvent, people: &[UserId]) -> Result<u32, Error> {
    let cause = Cause::of(tx);
    let part = |people: &[UserId]| NotifyEvent {
        event_key: event.event_key.clone(),
        kind: event.kind.clone(),
        people: people.to_vec(),
        reservation_id: event.reservation_id,
        data: event.data.clone(),
        expires_at: event.expires_at,
    };
    let parts: Vec<_> = people.chunks(CHUNK).map(|some| (part(some), cause.clone())).collect();
    outbox::enqueue_many(tx, &parts).await?;
    Ok(0)
}

/// Who is told, and all that decides how.
struct Audience {
    readers: Vec<User>,
    reservation: Option<Reservation>,
    wishes: Crowd,
    with_devices: HashSet<UserId>,
    hours: HashMap<UserId, Hours>,
}

impl Audience {
    async fn gather(tx: &mut Tx, event: &NotifyEvent, people: &[UserId]) -> Result<Self, Error> {
        let mut readers = user::get_many(tx.conn(), people).await?;
        readers.retain(|reader| reader.state != user::State::Deleted);
        readers.sort_unstable_by_key(|reader| reader.id);
        let reservation = match event.reservation_id {
            Some(id) => reservation::find(tx.conn(), id).await?,
            None => None,
        };
        let ids: Vec<_> = readers.iter().map(|reader| reader.id).collect();
        let topic = Topic::of(&event.kind);
        let wishes = preference::crowd(tx.conn(), topic, &ids).await?;
        let with_devices = user::with_devices(tx.conn(), &ids).await?.into_iter().collect();
        let hours = match topic.may_wait(Channel::Email) {
            true => hours::hours_of(tx.conn(), &ids).await?,
            false => HashMap::new(),
        };
        Ok(Self { readers, reservation, wishes, with_devices, hours })
    }

    /// The notices that everybody should have.
    async fn plan(&self, tx: &mut Tx, event: &NotifyEvent) -> Result<Vec<Notice>, Error> {
        let mut planned = Vec::new();
        for reader in &self.readers {
            let role = self.reservation.as_ref().and_then(|r| Role::of(reader.id, r));
            let facts = facts(&event.data, self.reservation.as_ref(), reader);
            for channel in channels(&event.kind, role) {
                let digest_id = match self.wishes.mode(reader.id, *channel) {
                    Mode::Off => continue,
                    Mode::AtOnce => None,
                    Mode::Digest => {
                        let hours = self.hours.get(&reader.id).copied().unwrap_or_default();
                        Some(digest::open(tx, reader, hours).await?)
                    }
                };
                if *channel == Channel::Push && !self.with_devices.contains(&reader.id) {
                    continue;
                }
                let mut notice = new_notice(tx, event, reader.id, *channel, &facts, digest_id);
                if *channel == Channel::InApp {
                    timely::correct_lead(&mut notice, tx.now);
                }
                planned.push(notice);
            }
        }
        Ok(planned)
    }
}

/// Writes those that are new, counts them on their readers' feeds, and has them delivered.
async fn tell(tx: &mut Tx, event: &NotifyEvent, planned: Vec<Notice>) -> Result<u32, Error> {
    let listed: Vec<UserId> =
        planned.iter().filter(|n| n.channel == Channel::InApp).map(|n| n.user_id).collect();
    query::lock_inboxes(tx, &listed).await?;
    query::insert(tx, &planned).await?;
    let written = query::among(tx, &event.event_key, &planned).await?;
    let fresh: Vec<&Notice> = planned.iter().filter(|notice| written.contains(&notice.id)).collect();

    let shown: Vec<&Notice> = fresh.iter().copied().filter(|n| n.channel == Channel::InApp).collect();
    let readers: Vec<UserId> = shown.iter().map(|notice| notice.user_id).collect();
    let unread = query::unread_counts(tx, &readers).await?;
    let news = |notice: &&Notice| {
        let unread = unread.get(&notice.user_id).copied().unwrap_or(0);
        (notice.user_id, json!({ "noticeId": notice.id, "kind": notice.kind, "unread": unread }))
    };
    let news: Vec<(UserId, Value)> = shown.iter().map(news).collect();
    event::append_all(tx, &news, CREATED).await?;

    let cause = Cause::of(tx);
    let job = |notice: &&Notice| (DeliverNotice { notice_id: notice.id }, cause.clone());
    let jobs: Vec<_> = fresh.iter().filter(|n| n.state == State::Queued).map(job).collect();
    outbox::enqueue_many(tx, &jobs).await?;
    for notice in &fresh {
        metrics::counter!("konnect_notices_total", "channel" => notice.channel.name()).increment(1);
    }
    Ok(u32::try_from(fresh.len()).expect("a chunk is small"))
}

pub(super) fn new_notice(
    tx: &Tx,
    event: &NotifyEvent,
    reader: UserId,
    channel: Channel,
    facts: &Value,
    digest_id: Option<DigestId>,
) -> Notice {
    Notice {
        id: NoticeId::generate(),
        event_key: event.event_key.clone(),
        user_id: reader,
        channel,
        kind: event.kind.clone(),
        reservation_id: event.reservation_id,
        data: Json(facts.clone()),
        state: if digest_id.is_some() { State::Gathered } else { channel.first_state() },
        provider_id: None,
        error: None,
        expires_at: event.expires_at,
        created_at: tx.now,
        attempted_at: None,
        sent_at: None,
        read_at: None,
        opened_at: None,
        digest_id,
    }
}

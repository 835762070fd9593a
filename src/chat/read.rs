//! Reading rooms: history, replay, heads, and what was read.

use std::collections::HashMap;

use super::append::{heal, healed_head};
use super::error::Error;
use super::model::{Access, Entry, Marks, RoomState, RoomUnread};
use super::query;
use super::store::Store;
use crate::core::Core;
use crate::id::{ReservationId, UserId};

/// Messages in one page of history.
pub const MAX_PAGE: u32 = 100;
/// Entries in one answer of a replay.
pub const MAX_REPLAY: u32 = 1000;
/// Rooms of one role whose unread messages are counted; older ones are archives.
const MOST_ROOMS: u32 = 200;

/// Which messages: those between two sequence numbers, both excluded. Without `after` the newest of them, with it the
/// oldest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub before: Option<i64>,
    pub after: Option<i64>,
    /// 1 to [`MAX_PAGE`].
    pub limit: u32,
}

/// Messages in order. `more`: there are others on the side away from where the span began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub messages: Vec<Entry>,
    pub more: bool,
}

/// Messages as they stand now, with edits, tombstones and reactions.
///
/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn history(core: &Core, access: &Access, span: Span) -> Result<Page, Error> {
    let store = readable(core, access).await?;
    page(&store, access.room, span).await
}

/// A page of a room's archive from after `seq`, for whoever may read it without being a member.
pub async fn archive(core: &Core, room: ReservationId, after: i64) -> Result<Page, Error> {
    let store = Store::open(core).await?;
    page(&store, room, Span { before: None, after: Some(after), limit: MAX_PAGE }).await
}

async fn page(store: &Store, room: ReservationId, span: Span) -> Result<Page, Error> {
    healed_head(store, room).await?;
    let limit = span.limit.clamp(1, MAX_PAGE);
    let between = (span.after.unwrap_or(0), span.before.unwrap_or(i64::MAX));
    let oldest_first = span.after.is_some();
    let mut messages = store.messages(room, between, oldest_first, limit + 1).await?;
    let more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    if !oldest_first {
        messages.reverse();
    }
    Ok(Page { messages, more })
}

/// The entries after `seq`, in order and without a gap; at most `limit`, and never more than [`MAX_REPLAY`].
///
/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn entries_after(core: &Core, access: &Access, seq: i64, limit: u32) -> Result<Vec<Entry>, Error> {
    let store = readable(core, access).await?;
    let limit = limit.clamp(1, MAX_REPLAY);
    let mut entries = store.after(access.room, seq, limit).await?;
    // Only the head can be unapplied. What it changes may stand earlier in the same list.
    if let Some(head) = entries.pop_if(|last| !last.applied) {
        heal(&store, head).await?;
        entries = store.after(access.room, seq, limit).await?;
    }
    Ok(entries)
}

/// The sequence number of a room's newest entry; 0 when there is none.
///
/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn head(core: &Core, access: &Access) -> Result<i64, Error> {
    let store = readable(core, access).await?;
    healed_head(&store, access.room).await
}

/// The heads of many rooms at once; those in which nothing was said are absent. A head may lag by an entry whose sender
/// has no acknowledgement yet.
///
/// # Errors
/// MongoDB is away.
pub async fn heads(core: &Core, rooms: &[ReservationId]) -> Result<HashMap<ReservationId, i64>, Error> {
    if rooms.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(Store::open(core).await?.heads(rooms).await?)
}

/// Notes that a member has read up to `seq`, at most up to the head. Marks only grow.
///
/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn mark_read(core: &Core, access: &Access, seq: i64) -> Result<Marks, Error> {
    let store = readable(core, access).await?;
    let head = healed_head(&store, access.room).await?;
    if (1..=head).contains(&seq.min(head)) {
        store.raise_mark(access.room, access.user, seq.min(head)).await?;
    }
    marks_with(&store, access).await
}

/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn marks(core: &Core, access: &Access) -> Result<Marks, Error> {
    marks_with(&readable(core, access).await?, access).await
}

async fn marks_with(store: &Store, access: &Access) -> Result<Marks, Error> {
    let found = store.marks_in(access.room, &[access.user, access.peer]).await?;
    let of = |user: &UserId| found.get(user).copied().unwrap_or(0);
    Ok(Marks { mine: of(&access.user), peer: of(&access.peer) })
}

/// The peer's messages after the member's mark, deleted ones not among them.
///
/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn unread(core: &Core, access: &Access) -> Result<i64, Error> {
    Ok(state(core, access).await?.unread)
}

/// How a room stands for a member.
///
/// # Errors
/// `NotOpen`, or MongoDB is away.
pub async fn state(core: &Core, access: &Access) -> Result<RoomState, Error> {
    let store = readable(core, access).await?;
    let head = healed_head(&store, access.room).await?;
    let last_read = marks_with(&store, access).await?;
    let unread = match last_read.mine < head {
        true => store.count_after(access.user, &[(access.room, last_read.mine)]).await?,
        false => HashMap::new(),
    };
    let rights = access.rights(&core.rules, core.clock.now());
    Ok(RoomState {
        head,
        can_write: rights.can_write(),
        closes_at: rights.closes_at(),
        last_read,
        unread: unread.get(&access.room).copied().unwrap_or(0),
        peer: access.peer,
    })
}

/// A person's rooms with unread messages, the newest reservation first; of each role the 200 newest rooms.
///
/// # Errors
/// MongoDB or the database is away.
pub async fn unread_rooms(core: &Core, user: UserId) -> Result<Vec<RoomUnread>, Error> {
    let mut rooms = query::rooms_of(core.db.pool(), user, MOST_ROOMS).await?;
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    rooms.sort_unstable_by(|a, b| b.cmp(a));
    let store = Store::open(core).await?;
    let heads = store.heads(&rooms).await?;
    let marks = store.marks_of(user, &rooms).await?;
    let mark = |room: &ReservationId| marks.get(room).copied().unwrap_or(0);
    let behind: Vec<_> = rooms
        .iter()
        .filter(|room| heads.get(room).is_some_and(|head| *head > mark(room)))
        .map(|room| (*room, mark(room)))
        .collect();
    let counts = store.count_after(user, &behind).await?;
    let line = |(room, _): &(ReservationId, i64)| {
        let unread = counts.get(room).copied().filter(|count| *count > 0)?;
        Some(RoomUnread { room: *room, unread, head: heads.get(room).copied().unwrap_or(0) })
    };
    Ok(behind.iter().filter_map(line).collect())
}

async fn readable(core: &Core, access: &Access) -> Result<Store, Error> {
    if !access.rights(&core.rules, core.clock.now()).can_read() {
        return Err(Error::NotOpen);
    }
    Ok(Store::open(core).await?)
}

//! Chat commands.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Effect, House, ReadDone};
use crate::chat::{self, Access, Draft, Entry, Span, Stored};
use crate::id::{ReservationId, jitter};
use crate::realtime::command::ChatWish;
use crate::realtime::feed::Need;
use crate::realtime::guest::Peer;
use crate::realtime::refusal::Refusal;
use crate::realtime::room::{Frame, To};
use crate::realtime::rooms::{Letterbox, Told};

/// Entries in one batch of a replay.
const BATCH: u32 = 100;
/// Messages in a page of history when the client does not say.
const PAGE: u32 = 50;

impl House {
    /// Carries out one command. `access`: what the member could do a moment ago; it is looked up without it. `joined`:
    /// whether this connection follows the room's log.
    ///
    /// # Errors
    /// The refusal its client is told. After `UNAVAILABLE` it is not known whether anything was stored.
    pub async fn chat(
        &self,
        peer: Peer,
        room: ReservationId,
        wish: ChatWish,
        access: Option<Access>,
        joined: bool,
        letters: Arc<Letterbox>,
    ) -> Result<(Value, Effect), Refusal> {
        if let ChatWish::Join { after } = wish {
            return self.join_chat(&peer, room, after, &letters).await;
        }
        if !joined {
            return Err(Refusal::new("NOT_JOINED"));
        }
        let (access, effect) = match access {
            Some(access) => (access, Effect::None),
            None => {
                let access = self.access(&peer, room).await?;
                (access, Effect::Access(access))
            }
        };
        let draft = |client_id, wish| Draft { client_id, wish };
        let value = match wish {
            ChatWish::Join { .. } => unreachable!("joined above"),
            ChatWish::Leave {} => return Ok((json!({}), Effect::ChatLeft(room))),
            ChatWish::Send { client_id, text, file_id, reply_to } => {
                let file = file_id.map(|id| id.parse()).transpose();
                let file = file.map_err(|_| Refusal::new("FILE_NOT_FOUND"))?;
                let wish = chat::Wish::Send { text, file, reply_to };
                self.append(&access, draft(client_id, wish)).await?
            }
            ChatWish::Edit { client_id, seq, text } => {
                self.append(&access, draft(client_id, chat::Wish::Edit { target: seq, text })).await?
            }
            ChatWish::Delete { client_id, seq } => {
                self.append(&access, draft(client_id, chat::Wish::Delete { target: seq })).await?
            }
            ChatWish::React { client_id, seq, emoji, on } => {
                self.append(&access, draft(client_id, chat::Wish::React { target: seq, emoji, on })).await?
            }
            ChatWish::Read { seq } => {
                let marks = chat::mark_read(&self.core, &access, seq).await.map_err(refusal)?;
                self.tell_read(&access, marks.mine, To::AllBut(peer.connection));
                json!({ "lastRead": { "mine": marks.mine, "peer": marks.peer } })
            }
            ChatWish::Typing { on } => {
                if !access.rights(&self.core.rules, self.core.clock.now()).can_write() {
                    return Err(Refusal::new("CHAT_CLOSED"));
                }
                let data = json!({ "userId": peer.user, "on": on });
                self.hub
                    .tell(Frame { kind: "chat.typing", room, to: To::AllBut(peer.connection), data }, None);
                json!({})
            }
            ChatWish::History { before, after, limit } => {
                let span = Span { before, after, limit: limit.unwrap_or(PAGE) };
                let page = chat::history(&self.core, &access, span).await.map_err(refusal)?;
                let messages: Vec<_> = page.messages.iter().map(Entry::frame_data).collect();
                json!({ "messages": messages, "more": page.more })
            }
        };
        Ok((value, effect))
    }

    async fn access(&self, peer: &Peer, room: ReservationId) -> Result<Access, Refusal> {
        chat::access(self.core.db.pool(), room, peer.user).await.map_err(refusal)
    }

    async fn join_chat(
        &self,
        peer: &Peer,
        room: ReservationId,
        after: Option<i64>,
        letters: &Arc<Letterbox>,
    ) -> Result<(Value, Effect), Refusal> {
        if after.is_some_and(|after| after < 0) {
            return Err(Refusal::new("frame.invalid").with("field", "after"));
        }
        let access = self.access(peer, room).await?;
        // Whatever is said after the head was read is heard.
        let (ear, standing) = self.hub.enter(room, letters);
        standing.wait().await;
        let state = chat::state(&self.core, &access).await.map_err(refusal)?;
        let value = json!({
            "head": state.head,
            "canWrite": state.can_write,
            "closesAt": state.closes_at,
            "lastRead": { "mine": state.last_read.mine, "peer": state.last_read.peer },
            "unread": state.unread,
            "peer": { "userId": state.peer },
            "serverNow": self.core.clock.now(),
        });
        Ok((value, Effect::ChatJoined { ear, access, head: state.head, after }))
    }

    /// Appends to the room's log and tells everybody in it.
    async fn append(&self, access: &Access, draft: Draft) -> Result<Value, Refusal> {
        let stored = chat::append(&self.core, access, draft).await.map_err(refusal)?;
        self.announce(access, &stored).await;
        let Stored { entry, duplicate } = stored;
        Ok(json!({ "seq": entry.seq, "at": entry.frame_data()["at"], "duplicate": duplicate }))
    }

    /// Tells a room of a new entry of its log.
    pub fn tell_stored(&self, stored: &Stored) {
        if !stored.duplicate {
            self.hub.tell(frame(&stored.entry), Some(stored.entry.seq));
        }
    }

    /// Tells a room of a new entry that a member made, once it is seen to that whoever does not read it is told later. A
    /// message is acknowledged after this: whoever gets no answer sends it again, and it is made up for then.
    pub async fn announce(&self, access: &Access, stored: &Stored) {
        self.see_to_news(access, stored).await;
        self.tell_stored(stored);
    }

    /// Tells a room up to where a member has read.
    pub fn tell_read(&self, access: &Access, seq: i64, to: To) {
        let data = json!({ "userId": access.user, "seq": seq });
        self.hub.tell(Frame { kind: "chat.read", room: access.room, to, data }, None);
    }

    /// Reads what a connection needs of a room's log.
    pub async fn read(&self, access: &Access, need: Need) -> ReadDone {
        let outcome = match need {
            Need::Head { generation } => {
                chat::head(&self.core, access).await.map(|head| ReadDone::Head { generation, head })
            }
            Need::Events { after, generation } => {
                chat::entries_after(&self.core, access, after, BATCH).await.map(|entries| {
                    let told =
                        |entry: &Entry| Arc::new(Told::new(self.hub.node(), frame(entry), Some(entry.seq)));
                    ReadDone::Entries { generation, entries: entries.iter().map(told).collect() }
                })
            }
        };
        match outcome {
            Ok(done) => done,
            Err(error) => {
                tracing::debug!(%error, room = %access.room, "a room's log was not read; trying again");
                metrics::counter!("konnect_socket_reads_failed_total").increment(1);
                tokio::time::sleep(std::time::Duration::from_millis(500 + jitter(1_000))).await;
                ReadDone::Unanswered
            }
        }
    }
}

fn frame(entry: &Entry) -> Frame {
    Frame { kind: entry.frame_kind(), room: entry.room, to: To::All, data: entry.frame_data() }
}

fn refusal(error: chat::Error) -> Refusal {
    if !error.is_refusal() {
        tracing::warn!(error = &error as &dyn std::error::Error, "a chat command failed");
    }
    let refusal = Refusal::new(error.refusal());
    match error.field() {
        Some(field) => refusal.with("field", field),
        None => refusal,
    }
}

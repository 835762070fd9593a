//! What the REST API shows of chats: the same JSON as the frames of the sockets.

use chrono::{DateTime, Utc};
use poem_openapi::Object;

use super::problem::Problem;
use crate::chat::{self, Entry, FileRef, Marks, RoomState, RoomUnread, What};
use crate::id::{FileId, ReservationId, UserId};

/// A message as it stands now. A deleted one has `deletedAt` and nothing of what it said.
#[derive(Debug, Object)]
#[oai(rename = "ChatMessage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct MessageView {
    /// Its place in the room's log, which edits, deletions and reactions share.
    seq: i64,
    at: DateTime<Utc>,
    from: UserId,
    client_id: String,
    text: Option<String>,
    file: Option<FileView>,
    /// The `seq` of another message.
    reply_to: Option<i64>,
    edited_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    /// In the order in which each kind came first.
    reactions: Option<Vec<ReactionView>>,
}

#[derive(Debug, Object)]
#[oai(rename = "ChatFile", rename_all = "camelCase")]
pub(super) struct FileView {
    id: FileId,
    name: String,
    /// The media type that its bytes are.
    #[oai(rename = "type")]
    media_type: String,
    /// Bytes.
    size: i64,
}

#[derive(Debug, Object)]
#[oai(rename = "ChatReaction", rename_all = "camelCase")]
struct ReactionView {
    emoji: String,
    users: Vec<UserId>,
}

/// Messages in the order of `seq`.
#[derive(Debug, Object)]
#[oai(rename = "ChatPage", rename_all = "camelCase")]
pub(super) struct PageView {
    messages: Vec<MessageView>,
    /// Whether there are others: older ones, or newer ones when asked with `after`.
    more: bool,
}

/// Up to which `seq` each side has read; 0 is nothing.
#[derive(Debug, Object)]
#[oai(rename = "ChatMarks", rename_all = "camelCase")]
pub(super) struct MarksView {
    mine: i64,
    peer: i64,
}

/// How a chat stands for the caller.
#[derive(Debug, Object)]
#[oai(rename = "ChatState", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct StateView {
    /// The `seq` of the newest entry; 0 when there is none.
    head: i64,
    can_write: bool,
    /// When it becomes an archive (UTC).
    closes_at: Option<DateTime<Utc>>,
    last_read: MarksView,
    /// Messages of the other side that the caller has not read.
    unread: i64,
    peer_id: UserId,
}

#[derive(Debug, Object)]
#[oai(rename = "ChatUnread", rename_all = "camelCase")]
struct RoomView {
    reservation_id: ReservationId,
    unread: i64,
    head: i64,
}

#[derive(Debug, Object)]
#[oai(rename = "ChatUnreadCounts", rename_all = "camelCase")]
pub(super) struct UnreadView {
    total: i64,
    /// Chats with something unread, the newest reservation first.
    rooms: Vec<RoomView>,
}

impl TryFrom<Entry> for MessageView {
    type Error = Problem;

    fn try_from(entry: Entry) -> Result<Self, Problem> {
        let What::Message(said) = entry.what else { return Err(Problem::new("internal")) };
        let is_shown = !said.is_deleted();
        let reactions: Vec<_> = said
            .reactions_by_kind()
            .into_iter()
            .map(|(emoji, users)| ReactionView { emoji: emoji.to_owned(), users })
            .collect();
        Ok(Self {
            seq: entry.seq,
            at: entry.at,
            from: entry.sender,
            client_id: entry.client_id,
            reactions: Some(reactions).filter(|all| is_shown && !all.is_empty()),
            text: said.text.filter(|_| is_shown),
            file: said.file.filter(|_| is_shown).map(FileView::from),
            reply_to: said.reply_to.filter(|_| is_shown),
            edited_at: said.edited_at.filter(|_| is_shown),
            deleted_at: said.deleted_at,
        })
    }
}

impl From<FileRef> for FileView {
    fn from(file: FileRef) -> Self {
        Self { id: file.id, name: file.name, media_type: file.media_type, size: file.bytes }
    }
}

impl TryFrom<chat::Page> for PageView {
    type Error = Problem;

    fn try_from(page: chat::Page) -> Result<Self, Problem> {
        let messages = page.messages.into_iter().map(MessageView::try_from).collect::<Result<_, _>>()?;
        Ok(Self { messages, more: page.more })
    }
}

impl From<Marks> for MarksView {
    fn from(marks: Marks) -> Self {
        Self { mine: marks.mine, peer: marks.peer }
    }
}

impl From<RoomState> for StateView {
    fn from(state: RoomState) -> Self {
        Self {
            head: state.head,
            can_write: state.can_write,
            closes_at: state.closes_at,
            last_read: state.last_read.into(),
            unread: state.unread,
            peer_id: state.peer,
        }
    }
}

impl From<Vec<RoomUnread>> for UnreadView {
    fn from(rooms: Vec<RoomUnread>) -> Self {
        let view =
            |room: RoomUnread| RoomView { reservation_id: room.room, unread: room.unread, head: room.head };
        Self {
            total: rooms.iter().map(|room| room.unread).sum(),
            rooms: rooms.into_iter().map(view).collect(),
        }
    }
}

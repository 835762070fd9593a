//! Rooms, entries and what a client sees of them. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::rights::{Facts, Rights, rights};
use crate::clock::Instant;
use crate::config::Rules;
use crate::id::{FileId, ReservationId, UserId};

/// The room of a reservation and its two members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub id: ReservationId,
    pub mentor: UserId,
    pub mentee: UserId,
    pub facts: Facts,
}

impl Room {
    pub fn side_of(&self, user: UserId) -> Side {
        if user == self.mentor { Side::Mentor } else { Side::Mentee }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Mentor,
    Mentee,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Mentor => "mentor",
            Self::Mentee => "mentee",
        }
    }
}

/// Proof that somebody is a member of a room, with what their rights rest on. The rights change with time alone until
/// the reservation changes; then it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub room: ReservationId,
    pub user: UserId,
    pub peer: UserId,
    pub side: Side,
    pub facts: Facts,
}

impl Access {
    pub fn rights(&self, rules: &Rules, now: Instant) -> Rights {
        rights(&self.facts, rules, now)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Message,
    Edit,
    Delete,
    Reaction,
}

/// What somebody wants to append. `client_id` names it for ever: sent again, it is the same entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub client_id: String,
    pub wish: Wish,
}

/// Serialised, it is what two drafts of one `client_id` are compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// A text, a file, or both.
    Send {
        text: Option<String>,
        file: Option<FileId>,
        reply_to: Option<i64>,
    },
    Edit {
        target: i64,
        text: String,
    },
    Delete {
        target: i64,
    },
    React {
        target: i64,
        emoji: String,
        on: bool,
    },
}

impl Wish {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Send { .. } => Kind::Message,
            Self::Edit { .. } => Kind::Edit,
            Self::Delete { .. } => Kind::Delete,
            Self::React { .. } => Kind::Reaction,
        }
    }
}

/// One entry of a room's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub room: ReservationId,
    /// From 1, without gaps.
    pub seq: i64,
    pub sender: UserId,
    pub client_id: String,
    /// UTC, whole milliseconds.
    pub at: Instant,
    /// Whether the message it is about shows it.
    pub applied: bool,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Message(Said),
    /// Without its text once the message was deleted.
    Edit {
        target: i64,
        text: Option<String>,
    },
    Delete {
        target: i64,
    },
    Reaction {
        target: i64,
        emoji: String,
        on: bool,
    },
}

/// A message as it stands now. A deleted one keeps its text for disputes; members are not shown it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub text: Option<String>,
    pub file: Option<FileRef>,
    pub reply_to: Option<i64>,
    pub edited_at: Option<Instant>,
    pub deleted_at: Option<Instant>,
    /// Oldest first.
    pub edits: Vec<Edited>,
    pub reactions: Vec<Reaction>,
}

/// What a message said before an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// Of the edit.
    pub seq: i64,
    pub at: Instant,
    pub was: Option<String>,
}

/// One person's reaction to a message; a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub emoji: String,
    pub user: UserId,
}

/// A file as messages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRef {
    pub id: FileId,
    pub name: String,
    /// The media type that its bytes are, not merely that it was declared as.
    pub media_type: String,
    pub bytes: i64,
}

/// An entry that is stored. `duplicate`: it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub entry: Entry,
    pub duplicate: bool,
}

/// Up to where each side has read; 0 is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub mine: i64,
    pub peer: i64,
}

/// How a room stands for one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomState {
    pub head: i64,
    pub can_write: bool,
    /// When it can no longer be written in (UTC); absent where it cannot now.
    pub closes_at: Option<Instant>,
    pub last_read: Marks,
    pub unread: i64,
    pub peer: UserId,
}

/// Messages of the peer that a member has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomUnread {
    pub room: ReservationId,
    pub unread: i64,
    pub head: i64,
}

impl Entry {
    pub fn kind(&self) -> Kind {
        match self.what {
            What::Message(_) => Kind::Message,
            What::Edit { .. } => Kind::Edit,
            What::Delete { .. } => Kind::Delete,
            What::Reaction { .. } => Kind::Reaction,
        }
    }

    /// The type of its frame.
    pub fn frame_kind(&self) -> &'static str {
        match self.kind() {
            Kind::Message => "chat.message",
            Kind::Edit => "chat.edited",
            Kind::Delete => "chat.deleted",
            Kind::Reaction => "chat.reacted",
        }
    }

    /// The fields of its frame beside type and room: the same in live frames, in replay, and (for messages) in the
    /// REST API. A message shows how it stands now; text and file of a deleted one are absent.
    pub fn frame_data(&self) -> Value {
        let mut data = Map::new();
        data.insert("seq".into(), json!(self.seq));
        data.insert("at".into(), stamp(self.at));
        data.insert("from".into(), json!(self.sender));
        match &self.what {
            What::Message(said) => {
                data.insert("clientId".into(), json!(self.client_id));
                said.show(&mut data);
            }
            What::Edit { target, text } => {
                data.insert("target".into(), json!(target));
                if let Some(text) = text {
                    data.insert("text".into(), json!(text));
                }
            }
            What::Delete { target } => {
                data.insert("target".into(), json!(target));
            }
            What::Reaction { target, emoji, on } => {
                data.extend([
                    ("target".to_owned(), json!(target)),
                    ("emoji".to_owned(), json!(emoji)),
                    ("on".to_owned(), json!(on)),
                ]);
            }
        }
        Value::Object(data)
    }

    /// The frame with what is kept for disputes and shown to no member: the texts before edits, and what a deleted
    /// message said.
    pub fn record_data(&self) -> Value {
        let mut data = self.frame_data();
        if let What::Message(said) = &self.what {
            if said.is_deleted() {
                data["deleted"] = json!({
                    "text": said.text, "file": said.file.as_ref().map(FileRef::show), "replyTo": said.reply_to,
                });
            }
            if !said.edits.is_empty() {
                let edit = |e: &Edited| json!({ "seq": e.seq, "at": stamp(e.at), "was": e.was });
                data["edits"] = said.edits.iter().map(edit).collect();
            }
        }
        data
    }
}

impl Said {
    pub fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// The reactions by emoji, in the order in which each kind came first.
    pub fn reactions_by_kind(&self) -> Vec<(&str, Vec<UserId>)> {
        let mut kinds: Vec<(&str, Vec<UserId>)> = Vec::new();
        for reaction in &self.reactions {
            match kinds.iter_mut().find(|(emoji, _)| *emoji == reaction.emoji) {
                Some((_, users)) => users.push(reaction.user),
                None => kinds.push((&reaction.emoji, vec![reaction.user])),
            }
        }
        kinds
    }

    fn show(&self, data: &mut Map<String, Value>) {
        if let Some(at) = self.deleted_at {
            data.insert("deletedAt".into(), stamp(at));
            return;
        }
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                data.insert(name.to_owned(), value);
            }
        };
        put("text", self.text.as_ref().map(|text| json!(text)));
        put("file", self.file.as_ref().map(FileRef::show));
        put("replyTo", self.reply_to.map(|seq| json!(seq)));
        put("editedAt", self.edited_at.map(stamp));
        let kinds = self.reactions_by_kind();
        let kinds: Vec<_> =
            kinds.iter().map(|(emoji, users)| json!({ "emoji": emoji, "users": users })).collect();
        put("reactions", (!kinds.is_empty()).then(|| json!(kinds)));
    }
}

impl FileRef {
    fn show(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "type": self.media_type, "size": self.bytes })
    }
}

/// An instant as the REST API writes it.
fn stamp(at: Instant) -> Value {
    Value::String(at.to_rfc3339())
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;

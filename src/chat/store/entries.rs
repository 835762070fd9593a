//! The log of a room.

use std::future::IntoFuture;

use futures_util::TryStreamExt;
use mongodb::bson::{self, Document, doc};
use serde::{Deserialize, Serialize};

use super::{Fault, Store, from_bson, id, is_duplicate, to_bson};
use crate::chat::model::{Edited, Entry, FileRef, Kind, Reaction, Said, What};
use crate::id::{ReservationId, UserId};

/// A document of `chat_entries`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    room: String,
    seq: i64,
    kind: Option<Kind>,
    sender: String,
    client_id: String,
    at: Option<bson::DateTime>,
    /// What the draft was, for telling a repetition from another one; edits do not change it.
    digest: String,
    applied: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    /// Of a message: the last entry that was applied to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    touched: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<bson::DateTime>,
    /// Of a message and of the edits of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<bson::DateTime>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edits: Vec<EditedRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactionRow>,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    id: String,
    name: String,
    #[serde(rename = "type")]
    media_type: String,
    size: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct EditedRow {
    seq: i64,
    at: bson::DateTime,
    was: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReactionRow {
    emoji: String,
    user: String,
}

/// An entry with what its draft was.
#[derive(Debug)]
pub struct Stored {
    pub entry: Entry,
    pub digest: String,
}

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Done,
    /// The sequence number, or the client's id, is there already.
    Taken,
}

impl Store {
    /// The newest entry of a room.
    pub async fn head(&self, room: ReservationId) -> Result<Option<Entry>, Fault> {
        let found = self.entries.find_one(doc! { "room": room.to_string() }).sort(doc! { "seq": -1 });
        self.within(found).await?.map(entry).transpose()
    }

    pub async fn entry(&self, room: ReservationId, seq: i64) -> Result<Option<Entry>, Fault> {
        let found = self.entries.find_one(doc! { "room": room.to_string(), "seq": seq });
        self.within(found).await?.map(entry).transpose()
    }

    pub async fn by_client_id(
        &self,
        room: ReservationId,
        sender: UserId,
        client_id: &str,
    ) -> Result<Option<Stored>, Fault> {
        let key = doc! { "room": room.to_string(), "sender": sender.to_string(), "clientId": client_id };
        let found = self.within(self.entries.find_one(key)).await?;
        found
            .map(|row| {
                let digest = row.digest.clone();
                Ok(Stored { entry: entry(row)?, digest })
            })
            .transpose()
    }

    /// Durably, or not at all. An error leaves it open whether the entry is there.
    pub async fn insert(&self, entry: &Entry, digest: &str) -> Result<Inserted, Fault> {
        let row = row(entry, digest);
        match self.answered(self.entries.insert_one(row).into_future()).await? {
            Ok(_) => Ok(Inserted::Done),
            Err(error) if is_duplicate(&error) => Ok(Inserted::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// The entries after `seq`, in order.
    pub async fn after(&self, room: ReservationId, seq: i64, limit: u32) -> Result<Vec<Entry>, Fault> {
        let filter = doc! { "room": room.to_string(), "seq": { "$gt": seq } };
        self.list(filter, 1, limit).await
    }

    /// Messages between two sequence numbers, both excluded; the oldest or the newest of them first.
    pub async fn messages(
        &self,
        room: ReservationId,
        (after, before): (i64, i64),
        oldest_first: bool,
        limit: u32,
    ) -> Result<Vec<Entry>, Fault> {
        let span = doc! { "$gt": after, "$lt": before };
        let filter = doc! { "room": room.to_string(), "seq": span, "kind": "message" };
        self.list(filter, if oldest_first { 1 } else { -1 }, limit).await
    }

    async fn list(&self, filter: Document, order: i32, limit: u32) -> Result<Vec<Entry>, Fault> {
        let rows = async {
            let found = self.entries.find(filter).sort(doc! { "seq": order }).limit(limit.into()).await?;
            found.try_collect::<Vec<Row>>().await
        };
        self.answered(rows).await??.into_iter().map(entry).collect()
    }

    /// Gives a message its new text, keeping the one it had. Does nothing when that was done.
    pub async fn edit(&self, by: &Entry, target: i64, was: Option<&str>, text: &str) -> Result<(), Fault> {
        let at = to_bson(by.at);
        self.touch(
            by,
            target,
            doc! {
                "$set": { "text": text, "editedAt": at, "touched": by.seq },
                "$push": { "edits": { "seq": by.seq, "at": at, "was": was } },
            },
        )
        .await
    }

    /// Makes a message a tombstone, and with it the edits that hold its texts. Does nothing when that was done.
    pub async fn erase(&self, by: &Entry, target: i64) -> Result<(), Fault> {
        let gone = doc! { "deletedAt": to_bson(by.at) };
        let mut set = gone.clone();
        set.insert("touched", by.seq);
        self.touch(by, target, doc! { "$set": set }).await?;
        let edits = doc! { "room": by.room.to_string(), "kind": "edit", "target": target };
        self.within(self.entries.update_many(edits, doc! { "$set": gone })).await?;
        Ok(())
    }

    /// Adds a reaction to a message's set or takes it out. Does nothing when that was done.
    pub async fn react(&self, by: &Entry, target: i64, emoji: &str, on: bool) -> Result<(), Fault> {
        let reaction = doc! { "reactions": { "emoji": emoji, "user": by.sender.to_string() } };
        let change = if on { "$addToSet" } else { "$pull" };
        self.touch(by, target, doc! { change: reaction, "$set": { "touched": by.seq } }).await
    }

    /// Changes a message on behalf of an entry that was not applied to it before.
    async fn touch(&self, by: &Entry, target: i64, change: Document) -> Result<(), Fault> {
        let filter = doc! {
            "room": by.room.to_string(), "seq": target, "kind": "message", "touched": { "$lt": by.seq },
        };
        self.within(self.entries.update_one(filter, change)).await?;
        Ok(())
    }

    /// Notes that an entry is applied. `hidden`: it came after its message was deleted, and shows no text.
    pub async fn applied(&self, entry: &Entry, hidden: bool) -> Result<(), Fault> {
        let mut set = doc! { "applied": true };
        if hidden {
            set.insert("deletedAt", to_bson(entry.at));
        }
        let filter = doc! { "room": entry.room.to_string(), "seq": entry.seq };
        self.within(self.entries.update_one(filter, doc! { "$set": set })).await?;
        Ok(())
    }
}

fn row(entry: &Entry, digest: &str) -> Row {
    let base = Row {
        room: entry.room.to_string(),
        seq: entry.seq,
        kind: Some(entry.kind()),
        sender: entry.sender.to_string(),
        client_id: entry.client_id.clone(),
        at: Some(to_bson(entry.at)),
        digest: digest.to_owned(),
        applied: entry.applied,
        ..Row::default()
    };
    match entry.what.clone() {
        What::Message(said) => Row {
            text: said.text,
            file: said.file.map(|file| File {
                id: file.id.to_string(),
                name: file.name,
                media_type: file.media_type,
                size: file.bytes,
            }),
            reply_to: said.reply_to,
            touched: Some(0),
            ..base
        },
        What::Edit { target, text } => Row { target: Some(target), text, ..base },
        What::Delete { target } => Row { target: Some(target), ..base },
        What::Reaction { target, emoji, on } => {
            Row { target: Some(target), emoji: Some(emoji), on: Some(on), ..base }
        }
    }
}

fn entry(row: Row) -> Result<Entry, Fault> {
    let name = format!("entry {} of room {}", row.seq, row.room);
    let missing = |what: &str| Fault::Broken(format!("{name} has no {what}"));
    let kind = row.kind.ok_or_else(|| missing("kind"))?;
    let at = row.at.ok_or_else(|| missing("instant"))?;
    let aim = row.target;
    let target = || aim.ok_or_else(|| missing("target"));
    let what = match kind {
        Kind::Edit => What::Edit { target: target()?, text: row.text.filter(|_| row.deleted_at.is_none()) },
        Kind::Delete => What::Delete { target: target()? },
        Kind::Reaction => What::Reaction {
            target: target()?,
            emoji: row.emoji.ok_or_else(|| missing("emoji"))?,
            on: row.on.ok_or_else(|| missing("on"))?,
        },
        Kind::Message => What::Message(Said {
            text: row.text,
            file: row.file.map(file).transpose()?,
            reply_to: row.reply_to,
            edited_at: row.edited_at.map(from_bson),
            deleted_at: row.deleted_at.map(from_bson),
            edits: row
                .edits
                .into_iter()
                .map(|edit| Edited { seq: edit.seq, at: from_bson(edit.at), was: edit.was })
                .collect(),
            reactions: row
                .reactions
                .into_iter()
                .map(|r| Ok(Reaction { emoji: r.emoji, user: id(&r.user)? }))
                .collect::<Result<_, Fault>>()?,
        }),
    };
    Ok(Entry {
        room: id(&row.room)?,
        seq: row.seq,
        sender: id(&row.sender)?,
        client_id: row.client_id,
        at: from_bson(at),
        applied: row.applied,
        what,
    })
}

fn file(file: File) -> Result<FileRef, Fault> {
    Ok(FileRef { id: id(&file.id)?, name: file.name, media_type: file.media_type, bytes: file.size })
}

//! What is known of the files of chats. Their bytes lie elsewhere.

use futures_util::TryStreamExt;
use mongodb::bson::{self, doc};
use serde::{Deserialize, Serialize};

use super::{Fault, Store, to_bson};
use crate::clock::Instant;
use crate::id::{FileId, ReservationId, UserId};

/// A document of `chat_files`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileRow {
    #[serde(rename = "_id")]
    pub id: String,
    pub room: String,
    pub uploader: String,
    pub name: String,
    pub media_type: String,
    pub bytes: i64,
    pub sha256: String,
    /// Its random name in the store of files.
    pub key: String,
    pub at: bson::DateTime,
    /// Whether the bytes are in the store.
    pub is_ready: bool,
    /// Whether a message is known to hold it.
    pub is_sent: bool,
    /// Whether it is being removed.
    pub is_removed: bool,
    /// The client's id of the message that holds it, or is about to.
    pub claimed_by: Option<String>,
    pub claimed_at: Option<bson::DateTime>,
}

impl FileRow {
    /// An upload whose bytes are not in the store yet.
    pub fn new(id: FileId, room: ReservationId, uploader: UserId, key: String, at: Instant) -> Self {
        Self {
            id: id.to_string(),
            room: room.to_string(),
            uploader: uploader.to_string(),
            name: String::new(),
            media_type: String::new(),
            bytes: 0,
            sha256: String::new(),
            key,
            at: to_bson(at),
            is_ready: false,
            is_sent: false,
            is_removed: false,
            claimed_by: None,
            claimed_at: None,
        }
    }

    /// Whether somebody began to send it after `at`.
    pub fn claimed_after(&self, at: Instant) -> bool {
        self.claimed_at.is_some_and(|claimed| claimed > to_bson(at))
    }
}

impl Store {
    pub async fn add_file(&self, row: &FileRow) -> Result<(), Fault> {
        self.within(self.files.insert_one(row)).await?;
        Ok(())
    }

    pub async fn file_is_ready(&self, id: FileId) -> Result<(), Fault> {
        let change = doc! { "$set": { "isReady": true } };
        self.within(self.files.update_one(doc! { "_id": id.to_string() }, change)).await?;
        Ok(())
    }

    /// A file whose bytes are there.
    pub async fn file(&self, id: FileId) -> Result<Option<FileRow>, Fault> {
        let filter = doc! { "_id": id.to_string(), "isReady": true, "isRemoved": false };
        self.within(self.files.find_one(filter)).await
    }

    /// Uploads of a person in a room that no message holds.
    pub async fn count_unsent(&self, room: ReservationId, uploader: UserId) -> Result<u64, Fault> {
        let filter = doc! {
            "room": room.to_string(), "uploader": uploader.to_string(), "claimedBy": null, "isRemoved": false,
        };
        self.within(self.files.count_documents(filter)).await
    }

    /// Binds a file to one message of its uploader in its room. `None`: it is another's, or another message's.
    pub async fn claim_file(
        &self,
        id: FileId,
        room: ReservationId,
        uploader: UserId,
        client_id: &str,
        at: Instant,
    ) -> Result<Option<FileRow>, Fault> {
        let filter = doc! {
            "_id": id.to_string(), "room": room.to_string(), "uploader": uploader.to_string(), "isReady": true,
            "isRemoved": false, "claimedBy": { "$in": [null, client_id] },
        };
        let change = doc! { "$set": { "claimedBy": client_id, "claimedAt": to_bson(at) } };
        self.within(self.files.find_one_and_update(filter, change)).await
    }

    /// Frees a file from a message that did not come to be.
    pub async fn release_file(&self, id: FileId, client_id: &str) -> Result<(), Fault> {
        let filter = doc! { "_id": id.to_string(), "claimedBy": client_id, "isSent": false };
        let change = doc! { "$set": { "claimedBy": null, "claimedAt": null } };
        self.within(self.files.update_one(filter, change)).await?;
        Ok(())
    }

    /// Uploads from before `at` that no message is known to hold, oldest first.
    pub async fn unsent_before(&self, at: Instant, limit: i64) -> Result<Vec<FileRow>, Fault> {
        let filter = doc! { "isSent": false, "at": { "$lt": to_bson(at) } };
        let found = async {
            let found = self.files.find(filter).sort(doc! { "at": 1 }).limit(limit).await?;
            found.try_collect().await
        };
        Ok(self.answered(found).await??)
    }

    pub async fn file_is_sent(&self, row: &FileRow) -> Result<(), Fault> {
        let change = doc! { "$set": { "isSent": true } };
        self.within(self.files.update_one(doc! { "_id": &row.id }, change)).await?;
        Ok(())
    }

    /// Takes a file out of use, unless somebody began to send it meanwhile. `false`: somebody did.
    pub async fn condemn_file(&self, row: &FileRow) -> Result<bool, Fault> {
        let filter = doc! { "_id": &row.id, "isSent": false, "claimedAt": row.claimed_at };
        let done = self.within(self.files.update_one(filter, doc! { "$set": { "isRemoved": true } })).await?;
        Ok(done.matched_count == 1)
    }

    pub async fn forget_file(&self, row: &FileRow) -> Result<(), Fault> {
        self.within(self.files.delete_one(doc! { "_id": &row.id })).await?;
        Ok(())
    }
}

//! MongoDB, as far as chats are concerned: the only files of the domain that know its driver.
//!
//! Writes wait for the journals of a majority, and what later writes rest on is read back from a majority: an entry
//! that a failing primary takes with it was never seen, so no sequence number is built upon it.

mod entries;
mod files;
mod marks;

use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use futures_util::future::try_join_all;
use mongodb::bson::{self, Document, doc};
use mongodb::error::{Error as MongoError, ErrorKind, WriteFailure};
use mongodb::options::{Acknowledgment, CollectionOptions, IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Collection, Database, IndexModel};
use tokio::time::{Instant, timeout};

use crate::clock;
use crate::core::Core;

pub use entries::{Inserted, Stored};
pub use files::FileRow;

/// How long the indexes are trusted to be there: a server that lost everything gets them again.
const TRUSTED: Duration = Duration::from_secs(60);
const DUPLICATE_KEY: i32 = 11000;
/// Commands that a server refuses because it is going, coming, or alone (MongoDB, "Error Codes"): host not found or
/// unreachable, time limit, write concern, network, shutdown, not primary, recovering, primary stepped down.
const AWAY: [i32; 15] = [6, 7, 50, 64, 89, 91, 100, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];

/// When the indexes of a database were last made certain, by its name.
static PREPARED: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);

/// Why MongoDB did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("no answer in time")]
    Late,
    #[error("away: {0}")]
    Away(String),
    #[error("{0}")]
    Broken(String),
}

impl Fault {
    /// Whether it may be there again in a moment. What was asked may have been done all the same.
    pub fn is_away(&self) -> bool {
        !matches!(self, Self::Broken(_))
    }
}

impl From<MongoError> for Fault {
    fn from(error: MongoError) -> Self {
        // A command that the server refused, or a document that cannot be read, is a mistake of ours; a connection
        // that broke or a majority that was not there is not.
        let ours = matches!(
            error.kind.as_ref(),
            ErrorKind::BsonDeserialization(_)
                | ErrorKind::BsonSerialization(_)
                | ErrorKind::Bson(_)
                | ErrorKind::InvalidArgument { .. }
                | ErrorKind::Command(_)
                | ErrorKind::Write(WriteFailure::WriteError(_))
        ) && !matches!(error.kind.as_ref(), ErrorKind::Command(e) if AWAY.contains(&e.code));
        if ours { Self::Broken(error.to_string()) } else { Self::Away(error.to_string()) }
    }
}

/// The collections of chats.
pub struct Store {
    /// For one operation.
    patience: Duration,
    entries: Collection<entries::Row>,
    heads: Collection<marks::Head>,
    marks: Collection<marks::Mark>,
    files: Collection<FileRow>,
}

impl Store {
    /// Makes certain that the indexes exist, on which the numbering rests, before anything is done.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn open(core: &Core) -> Result<Self, Fault> {
        let (db, patience) = (&core.mongo, core.mongo_patience);
        let now = Instant::now();
        let known = PREPARED.lock().expect("nobody panics with it").get(db.name()).copied();
        if known.is_none_or(|at| now - at > TRUSTED) {
            prepare(db, patience).await?;
            PREPARED.lock().expect("nobody panics with it").insert(db.name().to_owned(), now);
        }
        Ok(Self {
            patience,
            entries: collection(db, "chat_entries"),
            heads: collection(db, "chat_heads"),
            marks: collection(db, "chat_marks"),
            files: collection(db, "chat_files"),
        })
    }

    /// Runs one operation, no longer than it may take.
    async fn within<T>(
        &self,
        asked: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, Fault> {
        Ok(self.answered(asked.into_future()).await??)
    }

    /// The same, keeping the driver's own word.
    async fn answered<T>(
        &self,
        asked: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<mongodb::error::Result<T>, Fault> {
        timeout(self.patience, asked).await.map_err(|_| Fault::Late)
    }
}

fn collection<T: Send + Sync>(db: &Database, name: &str) -> Collection<T> {
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let options =
        CollectionOptions::builder().read_concern(ReadConcern::majority()).write_concern(durable).build();
    db.collection_with_options(name, options)
}

async fn prepare(db: &Database, patience: Duration) -> Result<(), Fault> {
    let indexes: [(&str, Document, bool); 4] = [
        ("chat_entries", doc! { "room": 1, "seq": 1 }, true),
        ("chat_entries", doc! { "room": 1, "sender": 1, "clientId": 1 }, true),
        ("chat_files", doc! { "room": 1, "uploader": 1 }, false),
        ("chat_files", doc! { "isSent": 1, "at": 1 }, false),
    ];
    let made = indexes.into_iter().map(|(name, keys, unique)| async move {
        let options = IndexOptions::builder().unique(unique).build();
        let index = IndexModel::builder().keys(keys).options(options).build();
        let collection = db.collection::<Document>(name);
        timeout(patience, collection.create_index(index)).await.map_err(|_| Fault::Late)?.map_err(Fault::from)
    });
    try_join_all(made).await?;
    Ok(())
}

fn is_duplicate(error: &MongoError) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Write(WriteFailure::WriteError(e)) if e.code == DUPLICATE_KEY)
        || matches!(error.kind.as_ref(), ErrorKind::Command(e) if e.code == DUPLICATE_KEY)
}

/// BSON knows no finer instant than a millisecond.
fn to_bson(at: clock::Instant) -> bson::DateTime {
    bson::DateTime::from_millis(at.timestamp_millis())
}

fn from_bson(at: bson::DateTime) -> clock::Instant {
    clock::Instant::from_timestamp_millis(at.timestamp_millis()).unwrap_or_default()
}

/// An id that we wrote ourselves.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::Broken(format!("{text} is no id")))
}

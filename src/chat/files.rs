//! Files: uploaded into a room, looked at, and then sent with one message.

use std::fmt::Write;
use std::path::PathBuf;

use chrono::TimeDelta;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::append::holds;
use super::error::Error;
use super::model::{Access, FileRef, What};
use super::rights::Rights;
use super::sniff::{self, FileType};
use super::store::{Fault, FileRow, Store};
use crate::clock::Instant;
use crate::core::{Content, Core};
use crate::id::{FileId, ReservationId, UserId, secret};

/// Uploads that one person may have in one room without sending them.
const MOST_UNSENT: u64 = 20;
/// An upload that no message holds goes after this time.
const UNSENT_LIFE: TimeDelta = TimeDelta::hours(24);
/// For a message that is being written right now.
const SENDING: TimeDelta = TimeDelta::hours(1);
/// Uploads looked after in one pass.
const SWEEP: i64 = 200;

/// Files that are looked at whole, in memory, at the same time.
static LOOKING: Semaphore = Semaphore::const_new(8);

/// A file that may be read, and where.
#[derive(Clone, Debug)]
pub struct FileMeta {
    pub file: FileRef,
    pub room: ReservationId,
    key: String,
}

/// A collected upload; the file is gone when it is dropped.
struct Spooled(PathBuf);

impl Drop for Spooled {
    fn drop(&mut self) {
        // It may have been moved to its place.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Takes a file into a room, for its uploader to send. It is collected on disk, and its bytes must be of the declared
/// type and of one that is taken.
///
/// # Errors
/// `Closed`, `NotOpen`, `FileType`, `FileTooLarge`, `FileLimit`, `Upload`, or a store is away.
pub async fn upload<B: AsRef<[u8]>>(
    core: &Core,
    access: &Access,
    name: &str,
    declared: &str,
    body: impl Stream<Item = std::io::Result<B>>,
) -> Result<FileRef, Error> {
    match access.rights(&core.rules, core.clock.now()) {
        Rights::Write { .. } => {}
        Rights::Read => return Err(Error::Closed),
        Rights::None => return Err(Error::NotOpen),
    }
    let declared = FileType::declared(declared).ok_or(Error::FileType)?;
    let store = Store::open(core).await?;
    if store.count_unsent(access.room, access.user).await? >= MOST_UNSENT {
        return Err(Error::FileLimit);
    }
    let key = secret();
    let spooled = Spooled(core.files.spool(&key).await?);
    collect(&spooled, body, core.rules.file_max_bytes).await?;
    let _looking = LOOKING.acquire().await.expect("it is never closed");
    let content = fs::read(&spooled.0).await.map_err(Error::Upload)?;
    if sniff::sniff(&content) != Some(declared) {
        return Err(Error::FileType);
    }
    let id = FileId::generate();
    let mut row = FileRow::new(id, access.room, access.user, key, core.clock.now());
    row.name = sniff::safe_name(name, declared);
    row.media_type = declared.media_type().to_owned();
    row.bytes = i64::try_from(content.len()).expect("a file is smaller");
    row.sha256 = hex(&Sha256::digest(&content));
    // The row comes first, so that bytes without a message are always found again.
    store.add_file(&row).await?;
    // Of uploads that came at the same moment each counts the others now.
    if store.count_unsent(access.room, access.user).await? > MOST_UNSENT {
        store.forget_file(&row).await?;
        return Err(Error::FileLimit);
    }
    core.files.keep(&row.key, &spooled.0, content).await?;
    store.file_is_ready(id).await?;
    shown(&row)
}

async fn collect<B: AsRef<[u8]>>(
    spooled: &Spooled,
    body: impl Stream<Item = std::io::Result<B>>,
    most: u64,
) -> Result<(), Error> {
    let mut file = fs::File::create_new(&spooled.0).await.map_err(own)?;
    let mut body = std::pin::pin!(body);
    let mut length = 0_u64;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(Error::Upload)?;
        length += chunk.as_ref().len() as u64;
        if length > most {
            return Err(Error::FileTooLarge);
        }
        file.write_all(chunk.as_ref()).await.map_err(own)?;
    }
    file.flush().await.map_err(own)
}

/// A fault of our own disk.
fn own(error: std::io::Error) -> Error {
    Error::Files(error.into())
}

/// Binds an upload to a message of its uploader.
pub(super) async fn claim(
    store: &Store,
    access: &Access,
    id: FileId,
    client_id: &str,
    at: Instant,
) -> Result<FileRef, Error> {
    let row = store.claim_file(id, access.room, access.user, client_id, at).await?;
    shown(&row.ok_or(Error::FileNotFound)?)
}

/// A file for a member of its room: one that was sent and not deleted, or an upload of their own.
///
/// # Errors
/// `NotOpen`, `FileNotFound`, or MongoDB is away.
pub async fn file_for_member(core: &Core, access: &Access, id: FileId) -> Result<FileMeta, Error> {
    if !access.rights(&core.rules, core.clock.now()).can_read() {
        return Err(Error::NotOpen);
    }
    let store = Store::open(core).await?;
    let row = store.file(id).await?.ok_or(Error::FileNotFound)?;
    let is_here = row.room == access.room.to_string();
    let is_own = row.uploader == access.user.to_string();
    if !is_here || row.claimed_by.is_none() && !is_own {
        return Err(Error::FileNotFound);
    }
    readable(&store, row, id).await
}

/// A file for whoever holds a link that a member was given.
///
/// # Errors
/// `FileNotFound`, or MongoDB is away.
pub async fn linked_file(core: &Core, id: FileId) -> Result<FileMeta, Error> {
    let store = Store::open(core).await?;
    let row = store.file(id).await?.ok_or(Error::FileNotFound)?;
    readable(&store, row, id).await
}

async fn readable(store: &Store, row: FileRow, id: FileId) -> Result<FileMeta, Error> {
    let (room, uploader) = owners(&row)?;
    if let Some(client_id) = &row.claimed_by {
        let message = store.by_client_id(room, uploader, client_id).await?;
        let is_deleted = message.is_some_and(|stored| match &stored.entry.what {
            What::Message(said) => said.is_deleted() || !holds(&stored.entry, id),
            _ => true,
        });
        if is_deleted {
            return Err(Error::FileNotFound);
        }
    }
    Ok(FileMeta { file: shown(&row)?, room, key: row.key })
}

/// The bytes of a file.
///
/// # Errors
/// `FileNotFound` when the store of files lost it; `Files` when it is away.
pub async fn content(core: &Core, meta: &FileMeta) -> Result<Content, Error> {
    match core.files.open(&meta.key).await {
        Err(crate::core::FilesError::Missing) => {
            tracing::error!(file = %meta.file.id, "the store of files has lost a file");
            Err(Error::FileNotFound)
        }
        other => Ok(other?),
    }
}

/// What one pass over old uploads did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads that went.
    pub removed: usize,
    /// Uploads that turned out to be sent: no pass looks at them again.
    pub sent: usize,
}

impl Swept {
    /// Whether another pass at once would look at the same uploads.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Removes a batch of uploads of more than a day ago that no message holds. Bears any repetition.
///
/// # Errors
/// A store is away; some may be removed then.
pub async fn sweep_uploads(core: &Core) -> Result<Swept, Error> {
    let store = Store::open(core).await?;
    let now = core.clock.now();
    let mut swept = Swept::default();
    for row in store.unsent_before(now - UNSENT_LIFE, SWEEP).await? {
        if !row.is_removed {
            if is_sent(&store, &row).await? {
                store.file_is_sent(&row).await?;
                swept.sent += 1;
                continue;
            }
            if row.claimed_after(now - SENDING) || !store.condemn_file(&row).await? {
                continue;
            }
        }
        core.files.remove(&row.key).await?;
        store.forget_file(&row).await?;
        swept.removed += 1;
    }
    Ok(swept)
}

async fn is_sent(store: &Store, row: &FileRow) -> Result<bool, Error> {
    let Some(client_id) = &row.claimed_by else { return Ok(false) };
    let (room, uploader) = owners(row)?;
    let message = store.by_client_id(room, uploader, client_id).await?;
    let id = file_id(row)?;
    Ok(message.is_some_and(|stored| holds(&stored.entry, id)))
}

fn shown(row: &FileRow) -> Result<FileRef, Error> {
    Ok(FileRef {
        id: file_id(row)?,
        name: row.name.clone(),
        media_type: row.media_type.clone(),
        bytes: row.bytes,
    })
}

fn owners(row: &FileRow) -> Result<(ReservationId, UserId), Error> {
    Ok((row.room.parse().map_err(broken)?, row.uploader.parse().map_err(broken)?))
}

fn file_id(row: &FileRow) -> Result<FileId, Error> {
    Ok(row.id.parse().map_err(broken)?)
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::Broken(error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

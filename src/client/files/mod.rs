//! Where files lie: a folder of this machine, or a bucket behind the S3 protocol. Their names are random and made by
//! us; no text of a user ever becomes part of a path.

mod folder;
mod s3;
mod sign;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use secrecy::SecretString;

use super::ConfigError;
use crate::clock::Clock;

use folder::Folder;
use s3::Bucket;

/// Bytes of a file as they come.
pub type Content = Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>;

/// Why a file could not be stored, read or removed. Holds no address and no key.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("the folder of files: {0}")]
    Folder(#[from] std::io::Error),
    #[error("the bucket: {0}")]
    Bucket(String),
    #[error("no such file")]
    Missing,
    #[error("not a name of ours")]
    Name,
}

/// Where files shall lie.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of files; with a bucket, of those that are on their way to it.
    pub folder: PathBuf,
    pub bucket: Option<BucketSettings>,
}

#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// The address of the service; the bucket is a part of the path.
    pub url: String,
    pub region: String,
    pub name: String,
    pub access_key: String,
    pub secret_key: SecretString,
}

/// A handle to the store of files; cheap to clone.
#[derive(Clone)]
pub struct Files {
    place: Place,
    spool: Arc<Path>,
}

#[derive(Clone)]
enum Place {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

impl Files {
    /// # Errors
    /// A setting of the bucket cannot be worked with.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, ConfigError> {
        let folder = settings.folder;
        let place = match settings.bucket {
            Some(bucket) => Place::Bucket(Arc::new(Bucket::new(bucket, clock)?)),
            None => Place::Folder(Arc::new(Folder::new(&folder))),
        };
        Ok(Self { place, spool: folder.join("incoming").into() })
    }

    /// A file of this name in which a file may be collected before it is looked at. The folder exists then.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub async fn spool(&self, name: &str) -> Result<PathBuf, FilesError> {
        checked(name)?;
        tokio::fs::create_dir_all(&self.spool).await?;
        Ok(self.spool.join(name))
    }

    /// Removes collected files that nobody wrote to for so long: their process died on the way. Only those in the folder
    /// of this process; with a bucket, every machine has one of its own.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn clear_spool(&self, silent_for: Duration) -> Result<(), FilesError> {
        folder::clear(&self.spool, silent_for).await
    }

    /// Stores a collected file under `name`, durably. `content` is what stands in `spooled`, which may be gone
    /// afterwards. Bears a second call.
    pub async fn keep(&self, name: &str, spooled: &Path, content: Vec<u8>) -> Result<(), FilesError> {
        checked(name)?;
        match &self.place {
            Place::Folder(folder) => folder.keep(name, spooled).await,
            Place::Bucket(bucket) => bucket.put(name, content).await,
        }
    }

    /// # Errors
    /// `Missing`, or the store is away.
    pub async fn open(&self, name: &str) -> Result<Content, FilesError> {
        checked(name)?;
        match &self.place {
            Place::Folder(folder) => folder.open(name).await,
            Place::Bucket(bucket) => bucket.get(name).await,
        }
    }

    /// Removes a file; one that is not there is removed already.
    pub async fn remove(&self, name: &str) -> Result<(), FilesError> {
        checked(name)?;
        match &self.place {
            Place::Folder(folder) => folder.remove(name).await,
            Place::Bucket(bucket) => bucket.delete(name).await,
        }
    }
}

/// Names are random base64url text of ours; nothing else ever reaches a path.
fn checked(name: &str) -> Result<(), FilesError> {
    let plain = (16..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain { Ok(()) } else { Err(FilesError::Name) }
}

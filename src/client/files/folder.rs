//! Files in a folder of this machine.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream;
use tokio::fs;
use tokio::io::AsyncReadExt;

use super::{Content, FilesError};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Removes the files of a folder that nobody wrote to for so long.
pub(super) async fn clear(folder: &Path, silent_for: Duration) -> Result<(), FilesError> {
    let mut entries = match fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    while let Some(entry) = entries.next_entry().await? {
        // What is gone meanwhile was moved to its place; an age in the future is none.
        let age = entry.metadata().await.and_then(|about| about.modified()).map(|at| at.elapsed());
        if let Ok(Ok(age)) = age
            && age >= silent_for
        {
            gone(fs::remove_file(entry.path()).await)?;
        }
    }
    Ok(())
}

/// What is not there is removed already.
fn gone(removed: Result<(), Error>) -> Result<(), FilesError> {
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: &Path) -> Self {
        Self { root: root.join("kept") }
    }

    /// By the first two characters of the name, so that no folder gets huge.
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(&name[..2]).join(name)
    }

    /// Moves the collected file to its place: it is there whole or not at all.
    pub async fn keep(&self, name: &str, spooled: &Path) -> Result<(), FilesError> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).await?;
        fs::File::open(spooled).await?.sync_all().await?;
        fs::rename(spooled, &path).await?;
        // The name is durable once its folder is.
        fs::File::open(folder).await?.sync_all().await?;
        Ok(())
    }

    pub async fn open(&self, name: &str) -> Result<Content, FilesError> {
        let file = match fs::File::open(self.path(name)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(FilesError::Missing),
            Err(error) => return Err(error.into()),
        };
        Ok(Box::pin(stream::try_unfold(file, |mut file| async move {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk).await?;
            chunk.truncate(read);
            Ok::<_, Error>((read > 0).then_some((chunk, file)))
        })))
    }

    pub async fn remove(&self, name: &str) -> Result<(), FilesError> {
        gone(fs::remove_file(self.path(name)).await)
    }
}

//! Files in a folder of this machine.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use futures_util::stream;
use tokio::fs;
use tokio::io::AsyncReadExt;

use super::{Content, FilesError};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

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
        match fs::remove_file(self.path(name)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

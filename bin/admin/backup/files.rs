//! Files of chats and pictures, where they lie in a folder.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Where files are collected before they are looked at: none of them belongs to anything yet.
const INCOMING: &str = "incoming";

/// Copies a folder with what is in it; nothing when it is not there. A file that goes away meanwhile was not sent.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", from.display())),
    };
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == INCOMING {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&source, &target)?;
            continue;
        }
        match fs::copy(&source, &target) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => drop(copied.with_context(|| format!("{} cannot be copied", source.display()))?),
        }
    }
    Ok(())
}

/// Whether there is any file.
pub fn any(folder: &Path) -> Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || any(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes what is in the folder, and leaves the folder itself, which may be a mount.
pub fn clear(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?
        } else {
            fs::remove_file(entry.path())?
        }
    }
    Ok(())
}

//! What a copy consists of. Whoever restores compares every byte with it before anything is touched.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use konnect::clock::Instant;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const NAME: &str = "manifest.json";
/// Grows when an older `admin restore` could no longer read what is written.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: u32,
    /// When the copy was begun: what happened later is not in the database's part (UTC).
    pub taken_at: Instant,
    /// The release that wrote it.
    pub version: String,
    /// The last migration of the database.
    pub schema: i64,
    /// The database's server.
    pub server: String,
    pub collections: Vec<Collection>,
    /// Where files lie, when that is no folder: they are not in the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    pub parts: Vec<Part>,
}

/// A collection of MongoDB.
#[derive(Debug, Serialize, Deserialize)]
pub struct Collection {
    pub name: String,
    pub documents: u64,
}

/// A file of the copy.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub path: String,
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    pub fn begin(now: Instant, schema: i64) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            format: FORMAT,
            taken_at: now,
            version,
            schema,
            server: String::new(),
            collections: Vec::new(),
            bucket: None,
            parts: Vec::new(),
        }
    }

    /// Counts and hashes what lies in the folder, and writes itself there.
    pub fn seal(&mut self, folder: &Path) -> Result<()> {
        self.parts = parts(folder, folder)?;
        self.parts.sort_by(|a, b| a.path.cmp(&b.path));
        let text = serde_json::to_vec_pretty(self)?;
        fs::write(folder.join(NAME), text).context("the manifest cannot be written")
    }

    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let text = fs::read(&path).with_context(|| format!("{} is no copy: no {NAME}", folder.display()))?;
        let manifest: Self = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        ensure!(manifest.format == FORMAT, "a copy of format {}, and {FORMAT} is known", manifest.format);
        Ok(manifest)
    }

    /// Every part is there, as it was written, and nothing else is.
    pub fn check(&self, folder: &Path) -> Result<()> {
        let mut found = parts(folder, folder)?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        for part in &self.parts {
            match found.iter().find(|f| f.path == part.path) {
                None => bail!("{} is missing in the copy", part.path),
                Some(f) => ensure!(f == part, "{} is not what was written", part.path),
            }
        }
        let stranger = found.iter().find(|f| !self.parts.iter().any(|part| part.path == f.path));
        if let Some(stranger) = stranger {
            bail!("{} does not belong to the copy", stranger.path);
        }
        Ok(())
    }

    pub fn summary(&self) -> String {
        let bytes: u64 = self.parts.iter().map(|part| part.bytes).sum();
        let documents: u64 = self.collections.iter().map(|c| c.documents).sum();
        let files = self.parts.iter().filter(|part| part.path.starts_with("files/")).count();
        format!(
            "copy of {}: migration {}, {documents} documents of MongoDB, {files} files, {bytes} bytes in all",
            self.taken_at.to_rfc3339(),
            self.schema
        )
    }
}

fn parts(root: &Path, folder: &Path) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            parts.extend(self::parts(root, &path)?);
        } else if path != root.join(NAME) {
            parts.push(part(root, &path)?);
        }
    }
    Ok(parts)
}

fn part(root: &Path, path: &Path) -> Result<Part> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut hash, mut bytes, mut block) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
    loop {
        let read = reader.read(&mut block)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
        bytes += read as u64;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = path.strip_prefix(root)?.to_str().context("a file with a name that is no text")?.to_owned();
    Ok(Part { path, bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_changed_is_refused() {
        let folder = std::env::temp_dir().join(format!("konnect-manifest-{}", konnect::id::secret()));
        fs::create_dir_all(folder.join("files")).unwrap();
        fs::write(folder.join("mysql.sql"), "SELECT 1;").unwrap();
        fs::write(folder.join("files/a"), "abc").unwrap();
        Manifest::begin("2026-03-02T00:00:00Z".parse().unwrap(), 27).seal(&folder).unwrap();
        let manifest = Manifest::read(&folder).unwrap();
        manifest.check(&folder).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(manifest.parts[0], Part { path: "files/a".into(), bytes: 3, sha256: abc.into() });

        fs::write(folder.join("files/b"), "").unwrap();
        assert!(manifest.check(&folder).unwrap_err().to_string().contains("does not belong"));
        fs::remove_file(folder.join("files/b")).unwrap();
        fs::write(folder.join("files/a"), "abd").unwrap();
        assert!(manifest.check(&folder).unwrap_err().to_string().contains("not what was written"));
        fs::remove_file(folder.join("files/a")).unwrap();
        assert!(manifest.check(&folder).unwrap_err().to_string().contains("is missing"));
        fs::remove_dir_all(folder).unwrap();
    }
}

//! MongoDB's part: each collection as its documents one after the other (BSON, as `mongodump` writes it), and its
//! indexes in the same way beside it.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use mongodb::bson::{RawDocumentBuf, deserialize_from_slice, doc, serialize_to_document};
use mongodb::options::{Acknowledgment, CollectionOptions, ReadConcern, WriteConcern};
use mongodb::{Collection as Stored, Database, IndexModel};

use super::manifest::Collection;

/// Copied before all others: what a mark or a head says of a room's log must be in the log that is copied later. (A log
/// that is longer than its head is mended by the next message.) A file follows the message that it was sent with,
/// because the alphabet says so: `chat_files` after `chat_entries`.
const FIRST: [&str; 2] = ["chat_marks", "chat_heads"];
/// Bytes that are sent at once; no document is larger than 16 MiB.
const BATCH: usize = 4 << 20;
/// What the server itself keeps.
const RESERVED: &str = "system.";
/// The index that every collection has.
const BY_ID: &str = "_id_";

/// The collections of the database, in the order in which they are copied.
pub async fn names(db: &Database) -> Result<Vec<String>> {
    let mut names = db.list_collection_names().await.context("MongoDB")?;
    names.retain(|name| !name.starts_with(RESERVED));
    names.sort_by_key(|name| {
        (FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()), name.clone())
    });
    Ok(names)
}

pub async fn export(db: &Database, folder: &Path) -> Result<Vec<Collection>> {
    fs::create_dir_all(folder)?;
    let mut collections = Vec::new();
    for name in names(db).await? {
        let stored = stored(db, &name);
        let indexes = indexes(&stored).await.with_context(|| format!("the indexes of {name}"))?;
        fs::write(folder.join(format!("{name}.indexes.bson")), indexes)?;
        let documents = read(&stored, &folder.join(format!("{name}.bson")))
            .await
            .with_context(|| format!("the collection {name}"))?;
        collections.push(Collection { name, documents });
    }
    Ok(collections)
}

/// Writes them into a database that has none of them. The indexes come first: they refuse what must not be there twice.
pub async fn import(db: &Database, folder: &Path, collections: &[Collection]) -> Result<()> {
    for Collection { name, documents } in collections {
        let stored = stored(db, name);
        let mut indexes = BufReader::new(File::open(folder.join(format!("{name}.indexes.bson")))?);
        while let Some(index) = next(&mut indexes)? {
            stored.create_index(deserialize_from_slice::<IndexModel>(index.as_bytes())?).await?;
        }
        let written = write(&stored, &folder.join(format!("{name}.bson"))).await?;
        ensure!(written == *documents, "{name} has {written} documents, and the copy speaks of {documents}");
    }
    Ok(())
}

/// What a majority has is read, and a majority has what was written.
fn stored(db: &Database, name: &str) -> Stored<RawDocumentBuf> {
    let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    let options =
        CollectionOptions::builder().read_concern(ReadConcern::majority()).write_concern(durable).build();
    db.collection_with_options(name, options)
}

async fn indexes(stored: &Stored<RawDocumentBuf>) -> Result<Vec<u8>> {
    let mut cursor = stored.list_indexes().await?;
    let mut indexes = Vec::new();
    while cursor.advance().await? {
        let index = serialize_to_document(&cursor.deserialize_current()?)?;
        if index.get_str("name").ok() != Some(BY_ID) {
            indexes.extend_from_slice(RawDocumentBuf::try_from(&index)?.as_bytes());
        }
    }
    Ok(indexes)
}

/// By their ids, so that a document that is written to meanwhile is met once.
async fn read(stored: &Stored<RawDocumentBuf>, to: &Path) -> Result<u64> {
    let mut file = BufWriter::new(File::create(to)?);
    let mut cursor = stored.find(doc! {}).sort(doc! { "_id": 1 }).await?;
    let mut documents = 0;
    while cursor.advance().await? {
        file.write_all(cursor.current().as_bytes())?;
        documents += 1;
    }
    file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(documents)
}

async fn write(stored: &Stored<RawDocumentBuf>, from: &Path) -> Result<u64> {
    let mut file = BufReader::new(File::open(from)?);
    let (mut batch, mut bytes, mut documents) = (Vec::new(), 0, 0);
    while let Some(document) = next(&mut file)? {
        bytes += document.as_bytes().len();
        documents += 1;
        batch.push(document);
        if bytes >= BATCH {
            stored.insert_many(std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        stored.insert_many(batch).await?;
    }
    Ok(documents)
}

/// The next document of a file; a file that ends in the middle of one is no copy. Each begins with its length.
fn next(file: &mut impl Read) -> Result<Option<RawDocumentBuf>> {
    let mut length = [0; 4];
    match file.read_exact(&mut length[..1]) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        begun => begun?,
    }
    file.read_exact(&mut length[1..]).context("it ends in the middle of a document")?;
    let bytes =
        usize::try_from(i32::from_le_bytes(length)).ok().filter(|bytes| (5..=1 << 25).contains(bytes));
    let mut document = vec![0; bytes.context("no document begins here")?];
    document[..4].copy_from_slice(&length);
    file.read_exact(&mut document[4..]).context("it ends in the middle of a document")?;
    Ok(Some(RawDocumentBuf::from_bytes(document)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_stand_one_after_the_other() {
        let mut bytes = Vec::new();
        for number in [1, 2] {
            bytes.extend_from_slice(RawDocumentBuf::try_from(&doc! { "number": number }).unwrap().as_bytes());
        }
        let mut file = bytes.as_slice();
        assert_eq!(next(&mut file).unwrap().unwrap().get_i32("number").unwrap(), 1);
        assert_eq!(next(&mut file).unwrap().unwrap().get_i32("number").unwrap(), 2);
        assert!(next(&mut file).unwrap().is_none());
        assert!(next(&mut &bytes[..bytes.len() - 1]).is_ok());
        assert!(next(&mut &bytes[..7]).is_err());
        assert!(next(&mut [0xff_u8; 8].as_slice()).is_err());
    }
}

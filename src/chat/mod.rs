//! Chat: one room for each reservation, as an append-only log in MongoDB.
//!
//! Everything that happens in a room is an entry with a sequence number, from 1 and without gaps: a message, an edit, a
//! deletion, a reaction. A client that was away asks for the entries after the last one it saw. An edit, a deletion and
//! a reaction are also applied to the message they are about, so that history shows how things stand; only the head of a
//! room may be an entry that is not applied yet, and whoever reads or appends next applies it.
//!
//! Nothing here is acknowledged before a majority of the servers has it in its journal.

mod append;
mod error;
mod files;
mod model;
mod news;
mod query;
mod read;
mod rights;
mod sniff;
mod store;
mod text;
mod zip;

pub use append::append;
pub use error::Error;
pub use files::{FileMeta, Swept, content, file_for_member, linked_file, sweep_uploads, upload};
pub use model::{
    Access, Draft, Edited, Entry, FileRef, Kind, Marks, Reaction, Room, RoomState, RoomUnread, Said, Side,
    Stored, What, Wish,
};
pub use news::{note_message, unread_news};
pub use query::{access, room};
pub use read::{
    MAX_PAGE, MAX_REPLAY, Page, Span, archive, entries_after, head, heads, history, mark_read, marks, state,
    unread, unread_rooms,
};
pub use rights::{Facts, Rights, rights};
pub use sniff::{FileType, picture_type};

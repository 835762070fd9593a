//! Who is written to is told of it although they are away: the job for that is written before the message is
//! acknowledged, and behind that only while the database keeps us waiting.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::timeout;

use super::House;
use crate::chat::{self, Access, Stored, What};
use crate::clock::Instant;
use crate::context::{Actor, Context};
use crate::id::{ReservationId, UserId};
use crate::realtime::lock;
use crate::transact;

/// A message waits so long for the database. A chat goes on while it is away.
const PATIENCE: Duration = Duration::from_secs(1);
/// Of so many rooms it is remembered that a job waits, before what is over is forgotten.
const NOTED: usize = 10_000;
/// So much earlier a worker may take a job, by our clock.
const CLOCKS: TimeDelta = TimeDelta::seconds(5);

type Reader = (ReservationId, UserId);

#[derive(Default)]
pub(super) struct News {
    /// Until when a job surely waits that was written here and tells somebody of what is sent to them.
    noted: Mutex<HashMap<Reader, Instant>>,
    /// Whose job is still to be written, and who wrote to them.
    owed: Mutex<HashMap<Reader, Access>>,
}

impl News {
    /// Whether a job waits that tells the peer of a message that is stored at `now`.
    fn is_noted(&self, access: &Access, now: Instant) -> bool {
        lock(&self.noted).get(&(access.room, access.peer)).is_some_and(|until| now < *until)
    }

    /// A job was written that is due at `due`. Of one that waited before it is not known when it looks.
    fn noted(&self, access: &Access, due: Instant, now: Instant) {
        let mut noted = lock(&self.noted);
        if noted.len() >= NOTED {
            noted.retain(|_, until| now < *until);
        }
        noted.insert((access.room, access.peer), due - CLOCKS);
    }

    fn owe(&self, access: &Access) {
        lock(&self.owed).insert((access.room, access.peer), *access);
    }
}

impl House {
    /// Sees to it that whoever does not read this entry, a message, is told of it after a while. A duplicate counts too:
    /// whoever stored it may have died before this.
    pub(super) async fn see_to_news(&self, access: &Access, stored: &Stored) {
        let is_message = matches!(stored.entry.what, What::Message(_));
        if !is_message || self.news.is_noted(access, self.core.clock.now()) {
            return;
        }
        match timeout(PATIENCE, self.note(access)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, room = %access.room, "the job that tells of a message is written later");
                self.news.owe(access);
            }
            Err(_) => self.news.owe(access),
        }
    }

    /// Writes the jobs that the database did not take at once.
    pub(super) async fn write_owed_news(&self) {
        let owed = std::mem::take(&mut *lock(&self.news.owed));
        let mut owed = owed.into_values();
        while let Some(access) = owed.next() {
            if let Err(error) = self.note(&access).await {
                tracing::warn!(%error, "jobs that tell of messages were not written; trying again");
                owed.chain([access]).for_each(|access| self.news.owe(&access));
                return;
            }
        }
    }

    async fn note(&self, access: &Access) -> sqlx::Result<()> {
        let now = self.core.clock.now();
        let cx = Context::new(Actor::User(access.user), "chat");
        let due = transact!(self.core.db, cx, sqlx::Error, tx => { chat::note_message(tx, access).await })?;
        if let Some(due) = due {
            self.news.noted(access, due, now);
        }
        Ok(())
    }
}

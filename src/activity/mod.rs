//! The activity log: every change once more, in MongoDB: who, what, on what, from where. It is for looking back
//! without burdening the truth; losing it loses nothing that cannot be copied again.
//!
//! Events are copied in the order of their ids, which tell when they were made. A transaction may commit after
//! one that made its events later, so each pass begins [`OVERLAP`] before the last id it copied; what the log has
//! already is left alone. An event could be missed only if its transaction stayed open for longer than that, and
//! the database ends one that waits for a lock for 50 s.
//!
//! An append writes an event per person, and its head alone is copied, with the names of all of them: the log has
//! one entry per change.

mod entry;
mod log;
mod query;

use std::time::Duration;

use mongodb::Database;
use mongodb::error::{ErrorKind, RETRYABLE_WRITE_ERROR};
use sqlx::MySqlPool;
use uuid::Uuid;

use crate::clock::Instant;
use crate::core::Core;
use crate::db::Tx;
use crate::id::EventId;

pub use entry::{Doer, Entry, Subject, Whence};
pub use log::Filter;

/// Events looked at in one step.
pub const BATCH: usize = 1_000;
/// How long before the last copied event a pass begins.
const OVERLAP: Duration = Duration::from_secs(120);

/// Nobody waits for a pass, which asks for a thousand things at once: it has so many times the patience of a person.
const CALM: u32 = 10;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    #[error("MongoDB does not answer")]
    Silent,
    #[error("the events cannot be read: {0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether MongoDB is not there, or not itself, for the moment; it refused nothing.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Silent => true,
            Self::Mongo(error) => {
                let unreachable = matches!(
                    error.kind.as_ref(),
                    ErrorKind::Io(_)
                        | ErrorKind::ServerSelection { .. }
                        | ErrorKind::ConnectionPoolCleared { .. }
                        | ErrorKind::DnsResolve { .. }
                );
                unreachable || error.contains_label(RETRYABLE_WRITE_ERROR)
            }
            Self::Database(_) => false,
        }
    }
}

/// One pass over the events, step by step. Any number may run at the same time, and each step bears repetition.
#[derive(Debug)]
pub struct Pass {
    /// The last event that was looked at.
    last: EventId,
    generation: i64,
    has_indexes: bool,
}

/// What became of one step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Events looked at.
    pub seen: usize,
    /// Entries that the log did not have.
    pub copied: usize,
    /// There was nothing more to look at.
    pub is_last: bool,
}

impl Pass {
    /// A pass over what is new, and over what may have been committed late.
    pub async fn begin(pool: &MySqlPool) -> sqlx::Result<Self> {
        let (mark, generation) = query::mark(pool).await?;
        Ok(Self { last: before(mark, OVERLAP), generation, has_indexes: false })
    }

    /// How many events lie before it.
    pub async fn length(&self, pool: &MySqlPool) -> sqlx::Result<u64> {
        query::count_after(pool, self.last).await
    }

    /// Looks at the next [`BATCH`] events and copies the changes that the log lacks and would still keep.
    ///
    /// # Errors
    /// When a store is away or refuses. Some of the changes may be copied then; the pass stands where it stood.
    pub async fn step(&mut self, core: &Core) -> Result<Step, Error> {
        let pool = core.db.pool();
        let ids = query::ids_after(pool, self.last, BATCH).await?;
        let Some(last) = ids.last() else {
            return Ok(Step { seen: 0, copied: 0, is_last: true });
        };
        let known = answered(core, log::known(&core.mongo, &ids)).await?;
        let unknown: Vec<_> = ids.iter().copied().filter(|id| !known.contains(id)).collect();
        let now = core.clock.now();
        let changes = query::changes(pool, &unknown).await?;
        let entries: Vec<_> =
            changes.into_iter().map(Entry::of).filter(|entry| entry.expires_at > now).collect();
        if !entries.is_empty() {
            if !self.has_indexes {
                answered(core, log::ensure_indexes(&core.mongo)).await?;
                self.has_indexes = true;
            }
            answered(core, log::insert(&core.mongo, &entries)).await?;
        }
        self.last = *last;
        metrics::counter!("konnect_activity_copied_total").increment(entries.len() as u64);
        Ok(Step { seen: ids.len(), copied: entries.len(), is_last: ids.len() < BATCH })
    }

    /// Notes how far the pass has come. A pass that a refill overtook notes nothing.
    pub async fn note(&self, tx: &mut Tx) -> sqlx::Result<()> {
        query::advance(tx, self.last, self.generation).await
    }
}

/// The driver waits for ever for a server that took a question and fell silent; a pass does not. What was written of a
/// batch until then is known to the next pass, so that also a slow server gets to its end.
async fn answered<T>(core: &Core, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(core.mongo_patience * CALM, asked).await.map_err(|_| Error::Silent)?
}

/// Makes the next pass begin with what happened at `from` or later, or with the first event of all. Passes that run
/// meanwhile do not undo it.
pub async fn rewind(tx: &mut Tx, to: EventId) -> sqlx::Result<()> {
    query::rewind(tx, to).await
}

/// Where a refill from this instant on must begin; from the first event when nothing is said. `None` when nothing
/// has happened since.
pub async fn beginning(pool: &MySqlPool, from: Option<Instant>) -> sqlx::Result<Option<EventId>> {
    match from {
        Some(from) => query::first_since(pool, from).await,
        None => Ok(Some(EventId(Uuid::nil()))),
    }
}

/// Measures the age of the oldest event that is not copied, in seconds; 0 when there is none.
pub async fn measure_lag(core: &Core) -> sqlx::Result<f64> {
    let pool = core.db.pool();
    let (mark, _) = query::mark(pool).await?;
    let oldest = query::oldest_after(pool, mark).await?;
    let lag = oldest.map_or(0.0, |at| (core.clock.now() - at).as_seconds_f64().max(0.0));
    metrics::gauge!("konnect_activity_lag_seconds").set(lag);
    Ok(lag)
}

/// Entries that the filter names, newest first, at most `limit`. Those whose time has passed are not shown, whether or
/// not they are gone.
///
/// # Errors
/// When MongoDB is away, or does not answer within 5 s.
pub async fn search(
    mongo: &Database,
    filter: &Filter,
    limit: u32,
    now: Instant,
) -> Result<Vec<Entry>, Error> {
    log::find(mongo, filter, limit, now).await
}

/// The first id that could have been made `by` before this one: the upper 48 bits of a UUIDv7 are milliseconds
/// of Unix time (RFC 9562).
fn before(id: EventId, by: Duration) -> EventId {
    let millis = (id.0.as_u128() >> 80).saturating_sub(by.as_millis());
    EventId(Uuid::from_u128(millis << 80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_begins_before_the_last_id() {
        let last = EventId("019ab123-4567-7abc-8def-0123456789ab".parse().unwrap());
        let first = before(last, Duration::from_secs(120));
        assert_eq!((last.0.as_u128() >> 80) - (first.0.as_u128() >> 80), 120_000);
        assert!(first < last && first.0.as_u128() << 48 == 0);
        assert_eq!(before(EventId(Uuid::nil()), OVERLAP), EventId(Uuid::nil()));
    }

    #[test]
    fn a_server_that_is_away_has_refused_nothing() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(Error::from(mongodb::error::Error::from(io)).is_away());
        assert!(Error::Silent.is_away());
        assert!(!Error::from(mongodb::error::Error::custom("too large")).is_away());
        assert!(!Error::from(sqlx::Error::PoolTimedOut).is_away());
    }
}

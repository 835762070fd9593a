//! The activity log: every event once more, in MongoDB, for looking back without burdening the truth.
//!
//! Events are copied in the order of their ids, which tell when they were made. A transaction may commit after
//! one that made its events later, so each pass begins [`OVERLAP`] before the last id it copied; what the log has
//! already is left alone. An event could be missed only if its transaction stayed open for longer than that, and
//! the database ends one that waits for a lock for 50 s.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{self, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::{Collection, Database, IndexModel};
use serde::Deserialize;
use sqlx::MySqlPool;
use uuid::Uuid;

use crate::db::Tx;
use crate::event::Event;
use crate::id::EventId;

const COLLECTION: &str = "activity";
/// Events copied at a time.
pub const BATCH: usize = 500;
/// How long before the last copied event a pass begins.
const OVERLAP: Duration = Duration::from_secs(120);
const DUPLICATE_KEY: i32 = 11000;

/// The log could not be written; MySQL is not to blame.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    #[error("an event is no document: {0}")]
    Encode(#[from] bson::error::Error),
}

/// Where a pass begins: all events after it are looked at.
pub async fn begin(pool: &MySqlPool) -> sqlx::Result<EventId> {
    let last: Option<EventId> = sqlx::query_scalar("SELECT event_id FROM activity_watermark WHERE id = 1")
        .fetch_optional(pool)
        .await?;
    Ok(last.map_or(EventId(Uuid::nil()), |last| before(last, OVERLAP)))
}

/// The next [`BATCH`] events, or fewer when there are no more.
pub async fn next(pool: &MySqlPool, after: EventId) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as("SELECT id, topic, seq, type, at, data FROM events WHERE id > ? ORDER BY id LIMIT ?")
        .bind(after)
        .bind(BATCH as u64)
        .fetch_all(pool)
        .await
}

/// Notes that everything up to `last` is copied. Never goes back.
pub async fn advance(tx: &mut Tx, last: EventId) -> sqlx::Result<()> {
    let now = tx.now;
    sqlx::query("UPDATE activity_watermark SET event_id = ?, updated_at = ? WHERE id = 1 AND event_id < ?")
        .bind(last)
        .bind(now)
        .bind(last)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Copies what the log does not have yet and returns how many that were. Bears any repetition.
///
/// # Errors
/// When MongoDB is away or refuses; some of the events may be copied then.
pub async fn store(mongo: &Database, events: &[Event]) -> Result<usize, Error> {
    let log: Collection<Document> = mongo.collection(COLLECTION);
    let known = known(mongo, events).await?;
    let fresh = events
        .iter()
        .filter(|event| !known.contains(&event.id.to_string()))
        .map(document)
        .collect::<Result<Vec<_>, _>>()?;
    if fresh.is_empty() {
        return Ok(0);
    }
    log.create_index(IndexModel::builder().keys(doc! { "topic": 1, "seq": 1 }).build()).await?;
    let count = fresh.len();
    match log.insert_many(fresh).ordered(false).await {
        Ok(_) => Ok(count),
        // Somebody else copied them at the same moment.
        Err(error) if only_duplicates(&error) => Ok(count),
        Err(error) => Err(error.into()),
    }
}

/// The ids of those events that the log has. Asking first is much cheaper than being refused one by one.
async fn known(mongo: &Database, events: &[Event]) -> Result<HashSet<String>, Error> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(rename = "_id")]
        id: String,
    }
    let ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
    let log: Collection<Id> = mongo.collection(COLLECTION);
    let found = log.find(doc! { "_id": { "$in": ids } }).projection(doc! { "_id": 1 }).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.into_iter().map(|id| id.id).collect())
}

fn document(event: &Event) -> Result<Document, Error> {
    Ok(doc! {
        "_id": event.id.to_string(),
        "topic": &event.topic,
        "seq": event.seq,
        "type": &event.kind,
        // Whole milliseconds: BSON knows no finer instant.
        "at": bson::DateTime::from_millis(event.at.timestamp_millis()),
        "data": bson::serialize_to_bson(&event.data.0)?,
    })
}

fn only_duplicates(error: &mongodb::error::Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::InsertMany(failed) => {
            let errors = failed.write_errors.as_deref().unwrap_or_default();
            failed.write_concern_error.is_none()
                && !errors.is_empty()
                && errors.iter().all(|error| error.code == DUPLICATE_KEY)
        }
        _ => false,
    }
}

/// The first id that could have been made `by` before this one: the upper 48 bits of a UUIDv7 are milliseconds
/// of Unix time (RFC 9562).
fn before(id: EventId, by: Duration) -> EventId {
    let millis = (id.0.as_u128() >> 80).saturating_sub(by.as_millis());
    EventId(Uuid::from_u128(millis << 80))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use serde_json::json;
    use sqlx::types::Json;

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
    fn an_event_becomes_a_document() {
        let event = Event {
            id: EventId("019ab123-4567-7abc-8def-0123456789ab".parse().unwrap()),
            topic: "user:x".to_owned(),
            seq: 7,
            kind: "reservation.confirmed".to_owned(),
            at: Utc.timestamp_micros(1_700_000_000_123_456).unwrap(),
            data: Json(json!({"refund": 50_000, "$odd.key": [null, true, 1.5]})),
        };
        let document = document(&event).unwrap();
        assert_eq!(document.get_str("_id").unwrap(), "019ab123-4567-7abc-8def-0123456789ab");
        assert_eq!(document.get_i64("seq").unwrap(), 7);
        assert_eq!(document.get_datetime("at").unwrap().timestamp_millis(), 1_700_000_000_123);
        assert_eq!(document.get_document("data").unwrap().get_i64("refund").unwrap(), 50_000);
    }
}

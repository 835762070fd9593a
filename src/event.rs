//! Events: what happened, as rows. A topic is one person's feed; its sequence has no gaps, because its head
//! row stays locked until the commit, so a listener that knows the last sequence it saw can ask for the rest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::MySqlPool;
use sqlx::types::Json;

use crate::db::Tx;
use crate::id::{EventId, UserId};

/// One event as listeners see it.
#[derive(Clone, Debug, Serialize, Deserialize, sqlx::FromRow)]
pub struct Event {
    pub id: EventId,
    /// `user:<id>`
    pub topic: String,
    /// Position in the topic, from 1, without gaps.
    pub seq: i64,
    /// Stable name such as `reservation.confirmed`.
    #[serde(rename = "type")]
    #[sqlx(rename = "type")]
    pub kind: String,
    /// UTC.
    pub at: DateTime<Utc>,
    pub data: Json<Value>,
}

/// An event on its way through pub/sub.
pub type Hint = Event;

pub fn user_topic(user: UserId) -> String {
    format!("user:{user}")
}

/// Appends one event to the feed of every person named. Topics are taken in order, against deadlocks.
pub async fn append(tx: &mut Tx, people: &[UserId], kind: &str, data: Value) -> sqlx::Result<()> {
    let mut people = people.to_vec();
    people.sort_unstable();
    people.dedup();
    let now = tx.now;
    for person in people {
        let topic = user_topic(person);
        sqlx::query(
            "INSERT INTO topic_heads (topic, seq) VALUES (?, 1) ON DUPLICATE KEY UPDATE seq = seq + 1",
        )
        .bind(&topic)
        .execute(tx.conn())
        .await?;
        let seq: i64 = sqlx::query_scalar("SELECT seq FROM topic_heads WHERE topic = ?")
            .bind(&topic)
            .fetch_one(tx.conn())
            .await?;
        let event = Event {
            id: EventId::generate(),
            topic,
            seq,
            kind: kind.to_owned(),
            at: now,
            data: Json(data.clone()),
        };
        sqlx::query("INSERT INTO events (topic, seq, id, type, at, data) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&event.topic)
            .bind(event.seq)
            .bind(event.id)
            .bind(&event.kind)
            .bind(event.at)
            .bind(&event.data)
            .execute(tx.conn())
            .await?;
        tx.outgoing.hints.push(event);
    }
    Ok(())
}

/// The events of a topic after `seq`, oldest first.
pub async fn after(pool: &MySqlPool, topic: &str, seq: i64, limit: u32) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as(
        "SELECT id, topic, seq, type, at, data FROM events WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?",
    )
    .bind(topic)
    .bind(seq)
    .bind(limit)
    .fetch_all(pool)
    .await
}

/// The last sequence of a topic; 0 where nothing has happened yet.
pub async fn head(pool: &MySqlPool, topic: &str) -> sqlx::Result<i64> {
    let head: Option<i64> = sqlx::query_scalar("SELECT seq FROM topic_heads WHERE topic = ?")
        .bind(topic)
        .fetch_optional(pool)
        .await?;
    Ok(head.unwrap_or(0))
}

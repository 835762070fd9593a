//! Events: what happened, as rows. A topic is one person's feed; its sequence has no gaps, because its head
//! row stays locked until the commit, so a listener that knows the last sequence it saw can ask for the rest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::MySqlPool;
use sqlx::types::Json;

use crate::context::Origin;
use crate::db::Tx;
use crate::id::{EventId, UserId};
use crate::retention;

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
    let told: Vec<_> = people.iter().map(|person| (*person, data.clone())).collect();
    append_each(tx, &told, kind).await
}

/// The same where not everybody is told the same. It is one change all the same: the activity log keeps what the
/// first one named is told.
pub async fn append_each(tx: &mut Tx, told: &[(UserId, Value)], kind: &str) -> sqlx::Result<()> {
    let Some(&(first, _)) = told.first() else { return Ok(()) };
    let mut told: Vec<_> = told.iter().collect();
    told.sort_by_key(|(person, _)| *person);
    told.dedup_by_key(|(person, _)| *person);
    let people: Vec<UserId> = told.iter().map(|(person, _)| *person).collect();
    let (now, change) = (tx.now, EventId::generate());
    for (person, data) in told {
        let topic = user_topic(*person);
        let seq = next_seq(tx, &topic).await?;
        let is_head = *person == first;
        let id = if is_head { change } else { EventId::generate() };
        let event = Event { id, topic, seq, kind: kind.to_owned(), at: now, data: Json(data.clone()) };
        insert(tx, &event, change, is_head.then_some(&people)).await?;
        tx.outgoing.hints.push(event);
    }
    Ok(())
}

/// Locks the topic until the commit.
async fn next_seq(tx: &mut Tx, topic: &str) -> sqlx::Result<i64> {
    sqlx::query("INSERT INTO topic_heads (topic, seq) VALUES (?, 1) ON DUPLICATE KEY UPDATE seq = seq + 1")
        .bind(topic)
        .execute(tx.conn())
        .await?;
    sqlx::query_scalar("SELECT seq FROM topic_heads WHERE topic = ?").bind(topic).fetch_one(tx.conn()).await
}

/// Writes a row; `people` is given for the change's head, which carries who did it and from where.
async fn insert(
    tx: &mut Tx,
    event: &Event,
    change: EventId,
    people: Option<&Vec<UserId>>,
) -> sqlx::Result<()> {
    let head = people.map(|people| (Json(people), tx.cx.clone()));
    let (people, cx) = head.unzip();
    let (ip, user_agent, worker, job) = match cx.as_ref().map(|cx| &cx.origin) {
        Some(Origin::Client { ip, user_agent }) => (*ip, user_agent.as_deref(), None, None),
        Some(Origin::Worker { name, job }) => (None, None, Some(&**name), Some(*job)),
        Some(Origin::Inside) | None => (None, None, None, None),
    };
    let is_personal = ip.is_some() || user_agent.is_some();
    sqlx::query(
        "INSERT INTO events (topic, seq, id, type, at, data, change_id, people, actor_kind, actor_id, request_id,
             client_ip, user_agent, worker, job_kind, origin_until)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&event.topic)
    .bind(event.seq)
    .bind(event.id)
    .bind(&event.kind)
    .bind(event.at)
    .bind(&event.data)
    .bind(change)
    .bind(people)
    .bind(cx.as_ref().map(|cx| cx.actor.kind()))
    .bind(cx.as_ref().and_then(|cx| cx.actor.id()))
    .bind(cx.as_ref().map(|cx| &cx.request_id))
    .bind(ip.map(|ip| ip.to_string()))
    .bind(user_agent)
    .bind(worker)
    .bind(job)
    // Without its zone: with it the driver sends a TIMESTAMP, which ends in 2038.
    .bind(is_personal.then(|| (event.at + retention::of_activity(&event.kind)).naive_utc()))
    .execute(tx.conn())
    .await?;
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

//! Events: what happened, as rows. A topic is one person's feed; its sequence has no gaps, because its head
//! row stays locked until the commit, so a listener that knows the last sequence it saw can ask for the rest.
//! Systems outside are told from here as well ([`crate::snapshot`]).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{MySqlPool, QueryBuilder};

use crate::context::Origin;
use crate::db::{Tx, push_list};
use crate::id::{EventId, UserId};
use crate::trace::Trace;
use crate::{retention, snapshot};

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
    /// Of the transaction that told it. Travels by pub/sub alone: what is read from the rows has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[sqlx(skip)]
    pub trace: Option<Trace>,
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
    let (seqs, is_heard) = next_seqs(tx, &people).await?;
    let mut rows = Vec::new();
    for ((person, data), seq) in told.into_iter().zip(seqs) {
        let is_head = *person == first;
        let id = if is_head { change } else { EventId::generate() };
        let topic = user_topic(*person);
        let event =
            Event { id, topic, seq, kind: kind.to_owned(), at: now, data: Json(data.clone()), trace: None };
        rows.push(NewRow { event, change, people: is_head.then(|| people.clone()) });
    }
    if let Some(head) = rows.iter().find(|row| row.people.is_some()).filter(|_| is_heard) {
        snapshot::take(tx, &head.event).await?;
    }
    insert(tx, rows).await
}

/// Appends one event of its own to the feed of each of these people, who are in order and named once: as many changes.
/// They are these people's alone: nothing of it is told outside.
pub async fn append_all(tx: &mut Tx, told: &[(UserId, Value)], kind: &str) -> sqlx::Result<()> {
    let people: Vec<UserId> = told.iter().map(|(person, _)| *person).collect();
    debug_assert!(people.is_sorted_by(|one, next| one < next), "in order, against deadlocks");
    let (now, (seqs, _)) = (tx.now, next_seqs(tx, &people).await?);
    let row = |((person, data), seq): (&(UserId, Value), i64)| {
        let (id, topic) = (EventId::generate(), user_topic(*person));
        let event =
            Event { id, topic, seq, kind: kind.to_owned(), at: now, data: Json(data.clone()), trace: None };
        NewRow { event, change: id, people: Some(vec![*person]) }
    };
    let rows = told.iter().zip(seqs).map(row).collect();
    insert(tx, rows).await
}

/// Locks these people's topics until the commit, in their order; the next place in each, and whether anybody outside
/// listens (a row of the same table, read in the same statement, and locked by nobody).
async fn next_seqs(tx: &mut Tx, people: &[UserId]) -> sqlx::Result<(Vec<i64>, bool)> {
    if people.is_empty() {
        return Ok((Vec::new(), false));
    }
    let topics: Vec<String> = people.iter().map(|person| user_topic(*person)).collect();
    let mut heads = QueryBuilder::new("INSERT INTO topic_heads (topic, seq) ");
    heads.push_values(&topics, |mut row, topic| {
        row.push_bind(topic).push("1");
    });
    heads.push(" ON DUPLICATE KEY UPDATE seq = seq + 1").build().execute(tx.conn()).await?;
    let mut query = QueryBuilder::new("SELECT topic, seq FROM topic_heads WHERE topic IN (");
    push_list(&mut query, topics.iter().map(String::as_str));
    query.push(", ").push_bind(snapshot::LISTENERS);
    let seqs: HashMap<String, i64> =
        query.push(")").build_query_as::<(String, i64)>().fetch_all(tx.conn()).await?.into_iter().collect();
    let seq = |topic: &String| seqs.get(topic).copied().ok_or(sqlx::Error::RowNotFound);
    let is_heard = seqs.get(snapshot::LISTENERS).is_some_and(|listeners| *listeners > 0);
    Ok((topics.iter().map(seq).collect::<sqlx::Result<_>>()?, is_heard))
}

/// A row to write; `people` is given for a change's head, which carries who did it and from where.
struct NewRow {
    event: Event,
    change: EventId,
    people: Option<Vec<UserId>>,
}

async fn insert(tx: &mut Tx, rows: Vec<NewRow>) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let cx = tx.cx.clone();
    let mut insert = QueryBuilder::new(
        "INSERT INTO events (topic, seq, id, type, at, data, change_id, people, actor_kind, actor_id, request_id,
             client_ip, user_agent, worker, job_kind, origin_until) ",
    );
    insert.push_values(&rows, |mut row, NewRow { event, change, people }| {
        let cx = people.is_some().then_some(&cx);
        let (ip, user_agent, worker, job) = match cx.map(|cx| &cx.origin) {
            Some(Origin::Client { ip, user_agent }) => (*ip, user_agent.as_deref(), None, None),
            Some(Origin::Worker { name, job }) => (None, None, Some(&**name), Some(*job)),
            Some(Origin::Inside) | None => (None, None, None, None),
        };
        let is_personal = ip.is_some() || user_agent.is_some();
        row.push_bind(&event.topic)
            .push_bind(event.seq)
            .push_bind(event.id)
            .push_bind(&event.kind)
            .push_bind(event.at)
            .push_bind(&event.data)
            .push_bind(change)
            .push_bind(people.as_ref().map(Json))
            .push_bind(cx.map(|cx| cx.actor.kind()))
            .push_bind(cx.and_then(|cx| cx.actor.id()))
            .push_bind(cx.map(|cx| &cx.request_id))
            .push_bind(ip.map(|ip| ip.to_string()))
            .push_bind(user_agent)
            .push_bind(worker)
            .push_bind(job)
            // Without its zone: with it the driver sends a TIMESTAMP, which ends in 2038.
            .push_bind(is_personal.then(|| (event.at + retention::of_activity(&event.kind)).naive_utc()));
    });
    insert.build().execute(tx.conn()).await?;
    let trace = tx.trace();
    tx.outgoing.hints.extend(rows.into_iter().map(|row| Event { trace, ..row.event }));
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

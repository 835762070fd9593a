//! The collection in MongoDB: its documents, its indexes, and the questions that are put to it.

use std::collections::HashSet;
use std::time::Duration;

use chrono::DateTime;
use futures_util::TryStreamExt;
use mongodb::bson::{self, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Error;
use super::entry::{Doer, Entry, Subject, Whence};
use crate::clock::Instant;
use crate::id::{EventId, UserId};

const COLLECTION: &str = "activity_log";
const DUPLICATE_KEY: i32 = 11000;
/// A search that takes longer is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is searched for: entries that fit everything that is said.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who did it: a person's or a job's id.
    pub actor: Option<Uuid>,
    /// Whose feed tells of it.
    pub person: Option<UserId>,
    /// On what.
    pub subject: Option<Uuid>,
    /// A type or its beginning, the dot included: `reservation.`.
    pub kind: Option<String>,
    pub request_id: Option<String>,
    /// Included.
    pub from: Option<Instant>,
    /// Excluded.
    pub to: Option<Instant>,
    /// Older than this entry, which the page before ended with.
    pub before: Option<(Instant, EventId)>,
}

/// An entry as it is stored. What is not known is not there.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    #[serde(rename = "_id")]
    id: bson::Uuid,
    at: bson::DateTime,
    #[serde(rename = "type")]
    kind: String,
    /// The type up to its dot.
    family: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<ActorRecord>,
    people: Vec<bson::Uuid>,
    subjects: Vec<SubjectRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<WhenceRecord>,
    data: Value,
    expire_at: bson::DateTime,
}

#[derive(Debug, Serialize, Deserialize)]
struct ActorRecord {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<bson::Uuid>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SubjectRecord {
    kind: String,
    id: bson::Uuid,
}

#[derive(Debug, Serialize, Deserialize)]
struct WhenceRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

impl Record {
    fn of(entry: &Entry) -> Self {
        Self {
            id: binary(entry.id.0),
            at: date(entry.at),
            kind: entry.kind.clone(),
            family: family(&entry.kind).to_owned(),
            actor: entry
                .doer
                .as_ref()
                .map(|doer| ActorRecord { kind: doer.kind.clone(), id: doer.id.map(binary) }),
            people: entry.people.iter().map(|person| binary(person.0)).collect(),
            subjects: entry
                .subjects
                .iter()
                .map(|subject| SubjectRecord { kind: subject.kind.clone(), id: binary(subject.id) })
                .collect(),
            request_id: entry.request_id.clone(),
            from: entry.whence.clone().map(|Whence { ip, user_agent, worker, job }| WhenceRecord {
                ip,
                user_agent,
                worker,
                job,
            }),
            data: entry.data.clone(),
            expire_at: date(entry.expires_at),
        }
    }

    fn into_entry(self) -> Entry {
        let subject = |s: SubjectRecord| Subject { kind: s.kind, id: plain(s.id) };
        Entry {
            id: EventId(plain(self.id)),
            at: instant(self.at),
            kind: self.kind,
            doer: self.actor.map(|actor| Doer { kind: actor.kind, id: actor.id.map(plain) }),
            people: self.people.into_iter().map(|person| UserId(plain(person))).collect(),
            subjects: self.subjects.into_iter().map(subject).collect(),
            request_id: self.request_id,
            whence: self.from.map(|WhenceRecord { ip, user_agent, worker, job }| Whence {
                ip,
                user_agent,
                worker,
                job,
            }),
            data: self.data,
            expires_at: instant(self.expire_at),
        }
    }
}

fn binary(id: Uuid) -> bson::Uuid {
    bson::Uuid::from_bytes(id.into_bytes())
}

fn plain(id: bson::Uuid) -> Uuid {
    Uuid::from_bytes(id.bytes())
}

fn date(at: Instant) -> bson::DateTime {
    bson::DateTime::from_millis(at.timestamp_millis())
}

fn instant(at: bson::DateTime) -> Instant {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or_default()
}

fn family(kind: &str) -> &str {
    kind.split('.').next().unwrap_or(kind)
}

/// An index for each filter, with the order of the answer behind it; and the one that lets entries go.
pub(super) async fn ensure_indexes(mongo: &Database) -> Result<(), Error> {
    let newest_first = |field: Option<&str>| {
        let mut keys = Document::new();
        if let Some(field) = field {
            keys.insert(field, 1);
        }
        keys.extend(doc! { "at": -1, "_id": -1 });
        IndexModel::builder().keys(keys).build()
    };
    let at_its_time = IndexOptions::builder().expire_after(Duration::ZERO).build();
    let indexes = [
        newest_first(None),
        newest_first(Some("actor.id")),
        newest_first(Some("people")),
        newest_first(Some("subjects.id")),
        newest_first(Some("family")),
        newest_first(Some("request_id")),
        IndexModel::builder().keys(doc! { "expire_at": 1 }).options(at_its_time).build(),
    ];
    mongo.collection::<Document>(COLLECTION).create_indexes(indexes).await?;
    Ok(())
}

/// Which of these ids the log has. Asking first is much cheaper than being refused one by one.
pub(super) async fn known(mongo: &Database, ids: &[EventId]) -> Result<HashSet<EventId>, Error> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(rename = "_id")]
        id: bson::Uuid,
    }
    let log: Collection<Id> = mongo.collection(COLLECTION);
    let ids: Vec<_> = ids.iter().map(|id| binary(id.0)).collect();
    let found = log.find(doc! { "_id": { "$in": ids } }).projection(doc! { "_id": 1 }).await?;
    let found: Vec<_> = found.try_collect().await?;
    Ok(found.into_iter().map(|found| EventId(plain(found.id))).collect())
}

/// Writes entries. Those that somebody else wrote at the same moment are there, and that is all that is wanted.
pub(super) async fn insert(mongo: &Database, entries: &[Entry]) -> Result<(), Error> {
    let log: Collection<Record> = mongo.collection(COLLECTION);
    let records: Vec<_> = entries.iter().map(Record::of).collect();
    match log.insert_many(records).ordered(false).await {
        Ok(_) => Ok(()),
        Err(error) if only_duplicates(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
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

pub(super) async fn find(
    mongo: &Database,
    filter: &Filter,
    limit: u32,
    now: Instant,
) -> Result<Vec<Entry>, Error> {
    let log: Collection<Record> = mongo.collection(COLLECTION);
    let find = log
        .find(question(filter, now))
        .sort(doc! { "at": -1, "_id": -1 })
        .limit(i64::from(limit))
        .max_time(PATIENCE);
    let search = async { find.await?.try_collect::<Vec<_>>().await };
    let found = tokio::time::timeout(PATIENCE, search).await.map_err(|_| Error::Silent)??;
    Ok(found.into_iter().map(Record::into_entry).collect())
}

fn question(filter: &Filter, now: Instant) -> Document {
    let mut asked = doc! { "expire_at": { "$gt": date(now) } };
    if let Some(actor) = filter.actor {
        asked.insert("actor.id", binary(actor));
    }
    if let Some(person) = filter.person {
        asked.insert("people", binary(person.0));
    }
    if let Some(subject) = filter.subject {
        asked.insert("subjects.id", binary(subject));
    }
    if let Some(kind) = &filter.kind {
        asked.insert("family", family(kind));
        // Types are ASCII: nothing that begins so comes after this.
        asked.insert("type", doc! { "$gte": kind, "$lt": format!("{kind}\u{ffff}") });
    }
    if let Some(request_id) = &filter.request_id {
        asked.insert("request_id", request_id);
    }
    let mut at = Document::new();
    if let Some(from) = filter.from {
        at.insert("$gte", date(from));
    }
    if let Some(to) = filter.to {
        at.insert("$lt", date(to));
    }
    if let Some((last, id)) = filter.before {
        at.insert("$lte", date(last));
        let older = doc! { "at": { "$lt": date(last) } };
        asked.insert("$or", vec![older, doc! { "_id": { "$lt": binary(id.0) } }]);
    }
    if !at.is_empty() {
        asked.insert("at", at);
    }
    asked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry() -> Entry {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let id = "019ab123-4567-7abc-8def-0123456789ab".parse().unwrap();
        Entry {
            id: EventId(id),
            at,
            kind: "reservation.confirmed".to_owned(),
            doer: Some(Doer { kind: "job".to_owned(), id: Some(id) }),
            people: vec![UserId(id)],
            subjects: vec![Subject { kind: "reservation".to_owned(), id }],
            request_id: Some("request-1".to_owned()),
            whence: Some(Whence { worker: Some("worker".to_owned()), ..Whence::default() }),
            data: json!({ "refund": 50_000, "$odd.key": [null, true, 1.5, -7] }),
            expires_at: at,
        }
    }

    #[test]
    fn an_entry_comes_back_from_its_document() {
        let bare = Entry { doer: None, whence: None, request_id: None, people: vec![], ..entry() };
        for entry in [entry(), bare] {
            let bytes = bson::serialize_to_vec(&Record::of(&entry)).unwrap();
            let record: Record = bson::deserialize_from_slice(&bytes).unwrap();
            assert_eq!(record.into_entry(), entry);
        }
    }

    #[test]
    fn documents_have_ids_as_uuids_and_instants_as_dates() {
        let bytes = bson::serialize_to_vec(&Record::of(&entry())).unwrap();
        let document: Document = bson::deserialize_from_slice(&bytes).unwrap();
        assert_eq!(document.get("_id").unwrap().element_type(), bson::spec::ElementType::Binary);
        assert_eq!(document.get_datetime("expire_at").unwrap().timestamp_millis(), 1_700_000_000_123);
        assert_eq!(document.get_str("family").unwrap(), "reservation");
        assert_eq!(document.get_document("data").unwrap().get_i64("refund").unwrap(), 50_000);
        assert!(!document.get_document("from").unwrap().contains_key("ip"));
    }

    #[test]
    fn a_page_goes_on_where_the_last_one_ended() {
        let now = DateTime::from_timestamp_millis(5_000).unwrap();
        assert_eq!(question(&Filter::default(), now).keys().collect::<Vec<_>>(), ["expire_at"]);
        let filter = Filter {
            to: Some(now),
            before: Some((now, entry().id)),
            kind: Some("payment.re".to_owned()),
            ..Filter::default()
        };
        let asked = question(&filter, now);
        assert_eq!(asked.get_document("at").unwrap(), &doc! { "$lt": date(now), "$lte": date(now) });
        assert_eq!(asked.get_array("$or").unwrap().len(), 2);
        assert_eq!(asked.get_str("family").unwrap(), "payment");
    }
}

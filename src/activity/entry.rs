//! One entry of the log: one change.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::query::Change;
use crate::id::{EventId, UserId};
use crate::retention;

/// What somebody changed. All instants are UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The change's, and of the first event that told of it.
    pub id: EventId,
    pub at: DateTime<Utc>,
    /// Stable name such as `reservation.confirmed`.
    pub kind: String,
    /// Unknown of what happened before it was written down.
    pub doer: Option<Doer>,
    /// Whose feeds tell of it.
    pub people: Vec<UserId>,
    /// On what: everything that the data names.
    pub subjects: Vec<Subject>,
    /// The request that caused it, also by way of jobs.
    pub request_id: Option<String>,
    pub whence: Option<Whence>,
    pub data: Value,
    /// When the entry goes.
    pub expires_at: DateTime<Utc>,
}

/// Who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doer {
    /// See [`Actor::kind`](crate::context::Actor::kind).
    pub kind: String,
    /// A person's or a job's.
    pub id: Option<Uuid>,
}

/// A thing and its kind, such as `reservation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub kind: String,
    pub id: Uuid,
}

/// From where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whence {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// The worker that ran the job, and the job's kind.
    pub worker: Option<String>,
    pub job: Option<String>,
}

impl Entry {
    pub(super) fn of(change: Change) -> Self {
        let people = change.people.map_or_else(|| owner(&change.topic).into_iter().collect(), |list| list.0);
        let whence = Whence {
            ip: change.client_ip,
            user_agent: change.user_agent,
            worker: change.worker,
            job: change.job_kind,
        };
        Self {
            id: change.id,
            at: whole_millis(change.at),
            doer: change.actor_kind.map(|kind| Doer { kind, id: change.actor_id }),
            people,
            subjects: subjects(&change.data.0),
            request_id: change.request_id,
            whence: (whence != Whence::default()).then_some(whence),
            expires_at: whole_millis(change.at + retention::of_activity(&change.kind)),
            kind: change.kind,
            data: change.data.0,
        }
    }
}

/// BSON knows no finer instant.
fn whole_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

/// The person whose feed a topic is.
fn owner(topic: &str) -> Option<UserId> {
    topic.strip_prefix("user:")?.parse().ok()
}

/// `reservationId` names a reservation, and each of `sessionIds` a session.
fn subjects(data: &Value) -> Vec<Subject> {
    let id = |value: &Value| value.as_str()?.parse::<Uuid>().ok();
    let mut found = Vec::new();
    for (name, value) in data.as_object().into_iter().flatten() {
        let (kind, ids): (_, Vec<_>) = if let Some(kind) = name.strip_suffix("Id") {
            (kind, id(value).into_iter().collect())
        } else if let Some(kind) = name.strip_suffix("Ids") {
            (kind, value.as_array().into_iter().flatten().filter_map(id).collect())
        } else {
            continue;
        };
        found.extend(ids.into_iter().map(|id| Subject { kind: kind.to_owned(), id }));
    }
    found
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;

    const A: &str = "019ab123-4567-7abc-8def-0123456789ab";
    const B: &str = "019ab123-4567-7abc-8def-0123456789ac";

    fn change(data: Value) -> Change {
        Change {
            id: EventId(A.parse().unwrap()),
            topic: format!("user:{A}"),
            kind: "reservation.confirmed".to_owned(),
            at: Utc.timestamp_micros(1_700_000_000_123_456).unwrap(),
            data: Json(data),
            people: None,
            actor_kind: None,
            actor_id: None,
            request_id: None,
            client_ip: None,
            user_agent: None,
            worker: None,
            job_kind: None,
        }
    }

    #[test]
    fn a_row_from_before_is_the_change_of_its_feed() {
        let entry = Entry::of(change(json!({ "reservationId": B })));
        assert_eq!(entry.people, [UserId(A.parse().unwrap())]);
        assert_eq!((entry.doer, entry.whence, entry.request_id), (None, None, None));
        assert_eq!(entry.at.timestamp_micros(), 1_700_000_000_123_000);
        assert_eq!(entry.expires_at - entry.at, TimeDelta::days(1_096));
    }

    #[test]
    fn a_head_says_who_and_from_where() {
        let people = vec![UserId(B.parse().unwrap()), UserId(A.parse().unwrap())];
        let head = Change {
            people: Some(Json(people.clone())),
            actor_kind: Some("operator".to_owned()),
            client_ip: Some("::1".to_owned()),
            ..change(json!({}))
        };
        let entry = Entry::of(head);
        assert_eq!(entry.people, people);
        assert_eq!(entry.doer, Some(Doer { kind: "operator".to_owned(), id: None }));
        assert_eq!(entry.whence.unwrap().ip.as_deref(), Some("::1"));
    }

    #[test]
    fn subjects_are_what_the_data_names() {
        let data = json!({
            "reservationId": A, "sessionIds": [A, B, 7], "noticeId": null, "orderId": "not an id",
            "startsAt": A, "Id": B, "nested": { "paymentId": A },
        });
        let named: Vec<_> = subjects(&data).into_iter().map(|s| (s.kind, s.id.to_string())).collect();
        let is = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
        assert_eq!(named, [is("", B), is("reservation", A), is("session", A), is("session", B)]);
        assert!(subjects(&json!([A])).is_empty());
    }
}

//! Notices to test with.

use konnect::job::NotifyEvent;
use konnect::notification::Notice;
use konnect::outbox;
use konnect::transact;
use serde_json::json;

use crate::{Answer, Person, TestApp};

/// A happening of this kind that these people are told of, with the facts that every text can use.
pub fn happening(key: &str, kind: &str, people: &[&Person]) -> NotifyEvent {
    NotifyEvent {
        event_key: key.to_owned(),
        kind: kind.to_owned(),
        people: people.iter().map(|person| person.id).collect(),
        reservation_id: None,
        data: json!({ "title": "Rust 멘토링", "startsAt": "2026-03-03T02:00:00Z", "amount": 50_000 }),
        expires_at: None,
    }
}

impl TestApp {
    /// Enqueues a happening, as a domain does.
    pub async fn enqueue(&self, event: &NotifyEvent) {
        transact!(self.core.db, self.context(), sqlx::Error, tx => { outbox::enqueue(tx, event).await })
            .expect("the outbox");
    }

    /// Every notice of somebody, on every channel, oldest first.
    pub async fn all_notices_of(&self, person: &Person) -> Vec<Notice> {
        sqlx::query_as("SELECT * FROM notices WHERE user_id = ? ORDER BY id")
            .bind(person.id)
            .fetch_all(self.core.db.pool())
            .await
            .expect("the database")
    }

    /// The channels on which somebody was told of a kind, and in which state each is, in order.
    pub async fn told(&self, person: &Person, kind: &str) -> Vec<(&'static str, &'static str)> {
        let all = self.all_notices_of(person).await;
        let mut told: Vec<_> =
            all.iter().filter(|n| n.kind == kind).map(|n| (n.channel.name(), n.state.name())).collect();
        told.sort_unstable();
        told
    }

    /// Asks for other preferences.
    pub async fn prefer(&self, person: &Person, lines: &[(&str, &str, bool)]) -> Answer {
        let line = |(topic, channel, on): &(&str, &str, bool)| json!({ "type": topic, "channel": channel, "enabled": on });
        let body = json!({ "preferences": lines.iter().map(line).collect::<Vec<_>>() });
        person.client.send(reqwest::Method::PUT, "/v1/me/notification-preferences", Some(body), &[]).await
    }
}

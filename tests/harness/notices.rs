//! Notices to test with.

use std::sync::Arc;

use konnect::client::fcm::Pusher;
use konnect::job::{Job, NotifyEvent};
use konnect::notification::Notice;
use konnect::outbox;
use konnect::transact;
use konnect_jobs::Executor;
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
    /// Lets workers push, through the stand-in, with a service account of the test's own.
    pub fn enable_push(&mut self) {
        let dir = std::env::temp_dir().join(format!("{}_fcm", self.servers.redis_prefix));
        konnect::auth::generate_key(&dir).expect("a key");
        let key = std::fs::read_to_string(dir.join("current.pem")).expect("the key just made");
        let account = json!({
            "type": "service_account", "project_id": "konnect-tests", "private_key_id": "1", "private_key": key,
            "client_email": "push@konnect.test", "token_uri": self.sandbox.token_url(),
        });
        let file = dir.join("account.json");
        std::fs::write(&file, account.to_string()).expect("a file");
        let pusher = Pusher::from_file(&file, self.sandbox.url(), self.core.clock.clone());
        std::fs::remove_dir_all(&dir).expect("the folder just made");
        self.services.pusher = Some(Arc::new(pusher.expect("a service account")));
        self.executor = Executor::new(self.services.clone(), "test-worker");
    }

    /// Registers a device for somebody's pushes.
    pub async fn add_device(&self, person: &Person, token: &str) {
        let body = json!({ "token": token, "platform": "android" });
        person.client.post("/v1/me/devices", body).await.ok(204);
    }

    /// Wants the mails of a topic in a digest.
    pub async fn gather(&self, person: &Person, topic: &str) {
        let line = json!({ "type": topic, "channel": "email", "enabled": true, "digest": true });
        let body = json!({ "preferences": [line] });
        let client = self.log_in(person).await.client;
        client.send(reqwest::Method::PUT, "/v1/me/notification-preferences", Some(body), &[]).await.ok(200);
    }

    /// Asks for other hours.
    pub async fn rest(&self, person: &Person, start: &str, end: &str) -> Answer {
        let body = json!({ "quiet": { "start": start, "end": end } });
        let person = self.log_in(person).await;
        person.client.send(reqwest::Method::PUT, "/v1/me/notification-hours", Some(body), &[]).await
    }

    /// Enqueues a job, as a domain does.
    pub async fn enqueue(&self, job: &impl Job) {
        transact!(self.core.db, self.context(), sqlx::Error, tx => { outbox::enqueue(tx, job).await })
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

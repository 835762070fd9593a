//! Systems of others that are told by webhooks.

use konnect::partner::{self, Delivery, Filter};
use konnect_sandbox::{Received, Receiver};
use serde_json::{Value, json};

use crate::{Client, TestApp};

/// Somebody who listens, with an endpoint of ours.
pub struct Partner {
    pub receiver: Receiver,
    pub id: String,
    pub secret: String,
    /// An administrator's.
    pub admin: Client,
}

impl Partner {
    pub fn path(&self) -> String {
        format!("/v1/admin/webhook-endpoints/{}", self.id)
    }

    /// The endpoint as administrators see it.
    pub async fn endpoint(&self) -> Value {
        self.admin.get(&self.path()).await.ok(200)
    }
}

/// What a message says.
pub fn told(message: &Received) -> Value {
    serde_json::from_str(&message.body).expect("a body is JSON")
}

impl TestApp {
    /// A partner who hears of these types; none: of everything.
    pub async fn partner(&self, types: &[&str]) -> Partner {
        let admin = self.admin(&format!("office-{}", konnect::id::jitter(u64::MAX))).await.client;
        let receiver = Receiver::start().await.expect("a receiver");
        let body = json!({ "url": receiver.url(), "description": "Accounting", "types": types });
        let made = admin.post("/v1/admin/webhook-endpoints", body).await.ok(201);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Partner { receiver, id: text(&made["endpoint"]["id"]), secret: text(&made["secret"]), admin }
    }

    /// The log of a partner's deliveries, newest first.
    pub async fn deliveries(&self, partner: &Partner) -> Vec<Delivery> {
        let filter = Filter { endpoint: partner.id.parse().ok(), ..Filter::default() };
        partner::deliveries(self.core.db.pool(), &filter, 100).await.expect("the log")
    }
}

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Job, Queue, Retry, secs};
use crate::id::{EventId, WebhookDeliveryId};

/// Writes a delivery of one event for each endpoint that listens to its type.
#[derive(Debug, Serialize, Deserialize)]
pub struct FanOutWebhook {
    pub event_id: EventId,
}

impl Job for FanOutWebhook {
    const KIND: &'static str = "webhook.fan_out.v1";
    const QUEUE: Queue = Queue::Webhook;
    const RETRY: Retry = Retry::INTERNAL;

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.event_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.event_id.0)
    }
}

/// Calls one endpoint with one event.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeliverWebhook {
    pub delivery_id: WebhookDeliveryId,
}

/// Seconds of ten hours.
const LONG: u64 = 36_000;

impl Job for DeliverWebhook {
    const KIND: &'static str = "webhook.deliver.v1";
    const QUEUE: Queue = Queue::Webhook;
    /// More than five days in all: an endpoint of which nothing but failures came for so long is disabled before.
    const RETRY: Retry = Retry(&secs([
        5, 300, 1_800, 7_200, 18_000, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG,
    ]));
    /// Longer than the call may take.
    const TIMEOUT: Duration = Duration::from_secs(30);

    fn dedup_key(&self) -> Option<String> {
        Some(format!("{}:{}", Self::KIND, self.delivery_id))
    }

    fn subject(&self) -> Option<Uuid> {
        Some(self.delivery_id.0)
    }
}

/// Finds events that nobody fanned out, and deliveries that no job will make.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileWebhooks {}

impl Job for ReconcileWebhooks {
    const KIND: &'static str = "webhook.reconcile.v1";
    const QUEUE: Queue = Queue::Webhook;
    const RETRY: Retry = Retry::INTERNAL;
}

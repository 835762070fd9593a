//! Webhooks: PAYMENT_STATUS_CHANGED to the one registered address, unsigned, as the real ones are.
//!
//! An address that does not answer 200 within 10 s is tried again after 1, 4, 16, 64, 256, 1024 and 4096 minutes
//! of the stand-in's clock.

use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::payment::Payment;
use super::work::PATIENCE;
use crate::clock::{Instant, kst};
use crate::id;
use crate::state::Shared;

const MAX_RETRIES: u32 = 7;

/// How the next status changes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookMode {
    /// At once, beside the answer of the call that caused it.
    #[default]
    Normal,
    /// Delivered before that call is answered.
    Early,
    /// Delivered, and then once more with the same transmission id.
    Twice,
    /// Held until they are released.
    Late,
    None,
}

/// One attempt to deliver a webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub transmission_id: String,
    pub retried_count: u32,
    pub url: String,
    pub body: Value,
    /// `None`: no answer.
    pub status: Option<u16>,
    pub at: Instant,
}

#[derive(Clone, Debug)]
struct Webhook {
    transmission_id: String,
    body: Value,
    retried: u32,
    /// A forged one is not tried again.
    genuine: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) url: Option<String>,
    pub(crate) mode: WebhookMode,
    held: Vec<Webhook>,
    retries: Vec<(Instant, Webhook)>,
    pub(crate) log: Vec<Delivery>,
}

impl Webhooks {
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }
}

/// Tells the registered address, as the mode says. Returns early or late accordingly.
pub(crate) async fn announce(shared: &Arc<Shared>, payment: Payment) {
    if let Some((hook, WebhookMode::Early)) = prepare(shared, payment) {
        deliver(shared, hook).await;
    }
}

/// Creates the webhook and starts what the mode does by itself; `Early` is left to the caller.
fn prepare(shared: &Arc<Shared>, payment: Payment) -> Option<(Webhook, WebhookMode)> {
    let mut state = shared.lock();
    let mode = state.webhooks.mode;
    if state.webhooks.url.is_none() || mode == WebhookMode::None {
        return None;
    }
    // Microseconds without an offset: Korean time, as these events have it.
    let created = kst(shared.clock.now()).format("%Y-%m-%dT%H:%M:%S.000000").to_string();
    let body = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": created, "data": payment });
    let hook = Webhook { transmission_id: id::transmission_id(), body, retried: 0, genuine: true };
    match mode {
        WebhookMode::Late => state.webhooks.held.push(hook.clone()),
        WebhookMode::Normal => launch(shared, vec![hook.clone()]),
        WebhookMode::Twice => launch(shared, vec![hook.clone(), hook.clone()]),
        WebhookMode::Early | WebhookMode::None => {}
    }
    Some((hook, mode))
}

/// Delivers in the background, one after the other.
fn launch(shared: &Arc<Shared>, hooks: Vec<Webhook>) {
    let (shared, guard) = (shared.clone(), shared.outstanding());
    shared.runtime.clone().spawn(async move {
        for hook in hooks {
            deliver(&shared, hook).await;
        }
        drop(guard);
    });
}

/// Expires what is over, and sends what the clock has made due.
pub(crate) fn tick(shared: &Arc<Shared>) {
    let now = shared.clock.now();
    let expired = shared.lock().payments.expire(now);
    for payment in expired {
        if let Some((hook, WebhookMode::Early)) = prepare(shared, payment) {
            launch(shared, vec![hook]);
        }
    }
    let due: Vec<Webhook> =
        shared.lock().webhooks.retries.extract_if(.., |(at, _)| *at <= now).map(|(_, hook)| hook).collect();
    if !due.is_empty() {
        launch(shared, due);
    }
}

/// Delivers the held webhooks in the order of their events; returns how many there were.
pub(crate) async fn release(shared: &Arc<Shared>) -> usize {
    let held = std::mem::take(&mut shared.lock().webhooks.held);
    let count = held.len();
    for hook in held {
        deliver(shared, hook).await;
    }
    count
}

/// Delivers a body that the provider never sent; returns the status answered.
pub(crate) async fn forge(shared: &Arc<Shared>, body: Value) -> Option<u16> {
    let hook = Webhook { transmission_id: id::transmission_id(), body, retried: 0, genuine: false };
    deliver(shared, hook).await
}

async fn deliver(shared: &Arc<Shared>, mut hook: Webhook) -> Option<u16> {
    let _guard = shared.outstanding();
    let url = shared.lock().webhooks.url.clone()?;
    let at = shared.clock.now();
    let sent = shared
        .http
        .post(&url)
        .timeout(PATIENCE)
        .header("tosspayments-webhook-transmission-id", &hook.transmission_id)
        .header("tosspayments-webhook-transmission-time", kst(at).to_rfc3339())
        .header("tosspayments-webhook-transmission-retried-count", hook.retried)
        .json(&hook.body)
        .send()
        .await;
    let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
    if let Err(error) = sent {
        tracing::warn!(%error, "webhook not delivered");
    }
    let mut state = shared.lock();
    state.webhooks.log.push(Delivery {
        transmission_id: hook.transmission_id.clone(),
        retried_count: hook.retried,
        url,
        body: hook.body.clone(),
        status,
        at,
    });
    if hook.genuine && status != Some(200) && hook.retried < MAX_RETRIES {
        let wait = TimeDelta::minutes(4_i64.pow(hook.retried));
        hook.retried += 1;
        state.webhooks.retries.push((at + wait, hook));
    }
    status
}

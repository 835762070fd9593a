//! Webhooks to the one registered address: how and when they are delivered. What they say is in `events`.
//!
//! An address that does not answer 200 within 10 s is tried again after 1, 4, 16, 64, 256, 1024 and 4096 minutes
//! of the stand-in's clock. Those of payments are unsigned; those of sellers and payouts carry a signature over
//! their bytes and the time of this transmission.

use std::sync::Arc;

use chrono::TimeDelta;
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use super::events::Event;
use super::events::{self, WebhookKinds};
use super::security::{Security, Signature};
use super::v2;
use super::work::PATIENCE;
use crate::clock::{Instant, kst};
use crate::id;
use crate::state::Shared;

const MAX_RETRIES: u32 = 7;
const SIGNATURE: &str = "tosspayments-webhook-signature";

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
    /// Empty for one forged without this header.
    pub transmission_id: String,
    pub retried_count: u32,
    pub url: String,
    /// Null when it was no JSON.
    pub body: Value,
    /// A signature was sent, right or wrong.
    pub signed: bool,
    /// `None`: no answer.
    pub status: Option<u16>,
    pub at: Instant,
    /// The bytes of the body.
    #[serde(skip)]
    pub raw: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Webhook {
    transmission_id: String,
    body: Vec<u8>,
    /// How it is signed; [`Signature::Missing`] for those of payments.
    signature: Signature,
    retried: u32,
    /// A forged or resent one is not tried again.
    genuine: bool,
}

impl Webhook {
    fn forged(body: Vec<u8>, signature: Signature) -> Self {
        Self { transmission_id: id::transmission_id(), body, signature, retried: 0, genuine: false }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) url: Option<String>,
    pub(crate) mode: WebhookMode,
    pub(crate) kinds: WebhookKinds,
    /// Counts deposit callbacks: their times are written in two ways in turn.
    pub(super) callbacks: u64,
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
pub(crate) async fn announce(shared: &Arc<Shared>, events: Vec<Event>) {
    for hook in prepare(shared, events) {
        deliver(shared, hook).await;
    }
}

/// As [`announce`], for whoever can not wait: `Early` is sent in the background too.
pub(crate) fn announce_now(shared: &Arc<Shared>, events: Vec<Event>) {
    let early = prepare(shared, events);
    if !early.is_empty() {
        launch(shared, early);
    }
}

/// Creates the webhooks and starts what the mode does by itself; those of `Early` are left to the caller.
fn prepare(shared: &Arc<Shared>, events: Vec<Event>) -> Vec<Webhook> {
    let mut state = shared.lock();
    let mode = state.webhooks.mode;
    if state.webhooks.url.is_none() || mode == WebhookMode::None {
        return Vec::new();
    }
    let now = shared.clock.now();
    let messages = events.iter().flat_map(|event| events::messages(event, &mut state.webhooks, now));
    let hooks: Vec<Webhook> = messages
        .map(|message| Webhook {
            transmission_id: id::transmission_id(),
            body: message.body,
            signature: if message.signed { Signature::Valid } else { Signature::Missing },
            retried: 0,
            genuine: true,
        })
        .collect();
    match mode {
        WebhookMode::Late => state.webhooks.held.extend(hooks),
        WebhookMode::Normal => launch(shared, hooks),
        WebhookMode::Twice => {
            launch(shared, hooks.into_iter().flat_map(|hook| [hook.clone(), hook]).collect());
        }
        WebhookMode::Early => return hooks,
        WebhookMode::None => {}
    }
    Vec::new()
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

/// Expires what is over, moves payouts on, and sends what the clock has made due.
pub(crate) fn tick(shared: &Arc<Shared>) {
    let now = shared.clock.now();
    let events = {
        let mut state = shared.lock();
        let expired = state.payments.expire(now).into_iter().map(|payment| Event::Payment(Box::new(payment)));
        let mut events: Vec<Event> = expired.collect();
        events.extend(v2::pass(&mut state, now));
        events
    };
    announce_now(shared, events);
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
pub(crate) async fn forge(shared: &Arc<Shared>, body: &Value, signature: Signature) -> Option<u16> {
    deliver(shared, Webhook::forged(body.to_string().into_bytes(), signature)).await
}

/// Sends bytes with exactly these headers.
pub(crate) async fn forge_raw(shared: &Arc<Shared>, body: Vec<u8>, headers: &[(&str, &str)]) -> Option<u16> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).expect("the test gives a valid header name");
        map.append(name, HeaderValue::try_from(*value).expect("the test gives a valid header value"));
    }
    transmit(shared, &Webhook::forged(body, Signature::Missing), map, shared.clock.now()).await
}

/// Sends a delivery once more, as its retry number `retried`: the id and the body are the same, the time and so
/// the signature are new. `None` when no delivery has this id, or nobody answered.
pub(crate) async fn resend(shared: &Arc<Shared>, transmission_id: &str, retried: u32) -> Option<u16> {
    let sent = {
        let state = shared.lock();
        state.webhooks.log.iter().find(|sent| sent.transmission_id == transmission_id).cloned()?
    };
    let signature = if sent.signed { Signature::Valid } else { Signature::Missing };
    let transmission_id = sent.transmission_id;
    deliver(shared, Webhook { transmission_id, body: sent.raw, signature, retried, genuine: false }).await
}

async fn deliver(shared: &Arc<Shared>, mut hook: Webhook) -> Option<u16> {
    let at = shared.clock.now();
    let headers = headers(&shared.lock().security, &hook, at);
    let status = transmit(shared, &hook, headers, at).await;
    if hook.genuine && status != Some(200) && hook.retried < MAX_RETRIES {
        let wait = TimeDelta::minutes(4_i64.pow(hook.retried));
        hook.retried += 1;
        shared.lock().webhooks.retries.push((at + wait, hook));
    }
    status
}

/// What every webhook carries, and the signature.
fn headers(security: &Security, hook: &Webhook, at: Instant) -> HeaderMap {
    let sent_at = if hook.signature == Signature::OldTime { at - TimeDelta::days(1) } else { at };
    let time = kst(sent_at).to_rfc3339();
    let signature = match hook.signature {
        Signature::Missing => None,
        Signature::Valid | Signature::OldTime => Some(security.sign(&hook.body, &time, at)),
        Signature::WrongKey => Some(Security::sign_wrongly(&hook.body, &time)),
        Signature::OtherBody => Some(security.sign(b"{}", &time, at)),
        Signature::OtherTime => {
            let other = kst(at - TimeDelta::seconds(1)).to_rfc3339();
            Some(security.sign(&hook.body, &other, at))
        }
        Signature::Malformed => Some("v1:".to_owned()),
    };
    let named = [
        ("tosspayments-webhook-transmission-id", Some(hook.transmission_id.clone())),
        ("tosspayments-webhook-transmission-time", Some(time)),
        ("tosspayments-webhook-transmission-retried-count", Some(hook.retried.to_string())),
        (SIGNATURE, signature),
    ];
    let present = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    present
        .map(|(name, value)| {
            let value = HeaderValue::try_from(value).expect("ids, times and base64 are ASCII");
            (HeaderName::from_static(name), value)
        })
        .collect()
}

/// Posts to the registered address and enters the attempt in the log.
async fn transmit(shared: &Arc<Shared>, hook: &Webhook, headers: HeaderMap, at: Instant) -> Option<u16> {
    let _guard = shared.outstanding();
    let url = shared.lock().webhooks.url.clone()?;
    let signed = headers.contains_key(SIGNATURE);
    let request = shared.http.post(&url).timeout(PATIENCE).header("content-type", "application/json");
    let sent = request.headers(headers).body(hook.body.clone()).send().await;
    let status = sent.as_ref().ok().map(|answer| answer.status().as_u16());
    if let Err(error) = sent {
        tracing::warn!(%error, "webhook not delivered");
    }
    shared.lock().webhooks.log.push(Delivery {
        transmission_id: hook.transmission_id.clone(),
        retried_count: hook.retried,
        url,
        body: serde_json::from_slice(&hook.body).unwrap_or_default(),
        signed,
        status,
        at,
        raw: hook.body.clone(),
    });
    status
}

//! How one provider call runs: authentication, commanded fault, idempotency key, the work, the webhook, the answer.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::errors::{Language, TossError};
use super::{Outcome, Payment, cancel, confirm, transactions, webhook};
use crate::calls::Call;
use crate::faults::{Effect, Endpoint, Subject};
use crate::idempotency::{Claim, MAX_KEY, Saved, Scope};
use crate::state::Shared;

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Confirm,
    /// By payment key.
    Cancel(String),
    GetByKey(String),
    GetByOrder(String),
    /// `None`: the query could not be read.
    Transactions(Option<transactions::Range>),
}

impl Operation {
    fn endpoint(&self) -> Endpoint {
        match self {
            Self::Confirm => Endpoint::Confirm,
            Self::Cancel(_) => Endpoint::Cancel,
            Self::GetByKey(_) | Self::GetByOrder(_) => Endpoint::Get,
            Self::Transactions(_) => Endpoint::Transactions,
        }
    }

    /// The key is ignored on a GET.
    fn is_post(&self) -> bool {
        matches!(self, Self::Confirm | Self::Cancel(_))
    }
}

/// A request, read.
pub(super) struct Asked {
    pub(super) operation: Operation,
    pub(super) subject: Subject,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) authorized: bool,
    pub(super) idempotency_key: Option<String>,
    pub(super) test_code: Option<String>,
    pub(super) language: Language,
    pub(super) body: Option<Value>,
}

pub(super) enum Reply {
    Answer {
        status: u16,
        content_type: &'static str,
        body: Vec<u8>,
    },
    /// Close the connection without a byte.
    Cut,
}

impl From<Saved> for Reply {
    fn from(saved: Saved) -> Self {
        Self::Answer { status: saved.status, content_type: "application/json", body: saved.body }
    }
}

pub(super) async fn answer(shared: Arc<Shared>, asked: Asked) -> Reply {
    let call = shared.lock().calls.open(Call {
        number: 0,
        endpoint: asked.operation.endpoint(),
        method: asked.method.clone(),
        path: asked.url.clone(),
        payment_key: asked.subject.payment_key.clone(),
        order_id: asked.subject.order_id.clone(),
        idempotency_key: asked.idempotency_key.clone(),
        body: asked.body.clone().unwrap_or_default(),
        status: None,
        replayed: false,
        at: shared.clock.now(),
    });
    webhook::tick(&shared);
    let (reply, replayed) = decide(&shared, &asked).await;
    let status = match &reply {
        Reply::Answer { status, .. } => Some(*status),
        Reply::Cut => None,
    };
    shared.lock().calls.close(call, status, replayed);
    reply
}

/// The answer, and whether it is a stored one.
async fn decide(shared: &Arc<Shared>, asked: &Asked) -> (Reply, bool) {
    let refuse = |code: &str| Reply::from(TossError::of(code).answer(asked.language));
    if !asked.authorized {
        return (refuse("UNAUTHORIZED_KEY"), false);
    }
    let key = asked.idempotency_key.as_ref().filter(|_| asked.operation.is_post());
    if key.is_some_and(|key| key.chars().count() > MAX_KEY) {
        return (refuse("INVALID_IDEMPOTENCY_KEY"), false);
    }
    let scope =
        key.map(|key| Scope { key: key.clone(), method: asked.method.clone(), url: asked.url.clone() });
    let effect = take_fault(shared, asked, scope.as_ref());
    match effect {
        Some(Effect::DropBefore) => return (Reply::Cut, false),
        Some(Effect::Hang(time)) => {
            tokio::time::sleep(time).await;
            return (Reply::Cut, false);
        }
        Some(Effect::Status(status)) => return (gateway(status, asked.language), false),
        _ => {}
    }
    let claim = scope.as_ref().map(|scope| shared.lock().idempotency.claim(scope, shared.clock.now()));
    let (saved, replayed) = match claim {
        Some(Claim::Running) => return (refuse("IDEMPOTENT_REQUEST_PROCESSING"), false),
        Some(Claim::Replay(saved)) => {
            delay(effect.as_ref()).await;
            (saved, true)
        }
        Some(Claim::Fresh) | None => (work(shared, asked, effect.as_ref(), scope).await, false),
    };
    if effect == Some(Effect::DropAfterCommit) {
        return (Reply::Cut, replayed);
    }
    (saved.into(), replayed)
}

/// A refusal is of no use for a call that will be answered from the idempotency key.
fn take_fault(shared: &Shared, asked: &Asked, scope: Option<&Scope>) -> Option<Effect> {
    let mut state = shared.lock();
    let used = scope.is_some_and(|scope| state.idempotency.is_used(scope, shared.clock.now()));
    let usable = |effect: &Effect| !(used && matches!(effect, Effect::Decline { .. }));
    state.faults.take(asked.operation.endpoint(), &asked.subject, usable)
}

/// Does the work, binds the answer to the idempotency key, tells the webhook.
async fn work(shared: &Arc<Shared>, asked: &Asked, effect: Option<&Effect>, scope: Option<Scope>) -> Saved {
    let outcome = perform(shared, asked, effect).await;
    let saved = match outcome.answer {
        Ok(body) => Saved { status: 200, body },
        Err(error) => error.answer(asked.language),
    };
    if let Some(scope) = scope {
        shared.lock().idempotency.save(&scope, saved.clone());
    }
    if let Some(changed) = outcome.changed {
        webhook::announce(shared, changed.0).await;
    }
    saved
}

struct Performed {
    answer: Result<Vec<u8>, TossError>,
    changed: Option<super::Changed>,
}

impl From<TossError> for Performed {
    fn from(error: TossError) -> Self {
        Self { answer: Err(error), changed: None }
    }
}

impl From<Outcome> for Performed {
    fn from(outcome: Outcome) -> Self {
        Self { answer: outcome.answer.map(|payment| json(&*payment)), changed: outcome.changed }
    }
}

async fn perform(shared: &Arc<Shared>, asked: &Asked, effect: Option<&Effect>) -> Performed {
    // Evaluated before the payment key, so that a made-up payment can be refused too.
    if let Some(code) = &asked.test_code
        && shared.secret_key.starts_with("test_")
    {
        let known = TossError::is_known(code);
        return TossError::of(if known { code } else { "INVALID_TEST_CODE" }).into();
    }
    let decline = match effect {
        Some(Effect::Decline { code, status }) => Some(TossError::with_status(code, *status)),
        _ => None,
    };
    match &asked.operation {
        Operation::Confirm => {
            let begun = confirm::begin(&mut shared.lock(), asked.body.as_ref());
            let key = match begun {
                Ok(key) => key,
                Err(error) => return error.into(),
            };
            delay(effect).await;
            confirm::finish(&mut shared.lock(), &key, decline, asked.language, shared.clock.now()).into()
        }
        Operation::Cancel(key) => {
            let begun = cancel::begin(&mut shared.lock(), key, asked.body.as_ref());
            if let Err(error) = begun {
                return error.into();
            }
            delay(effect).await;
            let now = shared.clock.now();
            cancel::finish(&mut shared.lock(), key, asked.body.as_ref(), decline, now).into()
        }
        Operation::GetByKey(_) | Operation::GetByOrder(_) | Operation::Transactions(_) => {
            delay(effect).await;
            let answer = match decline {
                Some(error) => Err(error),
                None => read(shared, &asked.operation),
            };
            Performed { answer, changed: None }
        }
    }
}

fn read(shared: &Shared, operation: &Operation) -> Result<Vec<u8>, TossError> {
    let state = shared.lock();
    let payment = match operation {
        Operation::GetByKey(key) => state.payments.get(key),
        Operation::GetByOrder(order) => state.payments.of_order(order),
        Operation::Transactions(range) => {
            let range = range.as_ref().ok_or_else(|| TossError::of("INVALID_REQUEST"))?;
            return Ok(json(&transactions::list(state.payments.transactions(), range)?));
        }
        Operation::Confirm | Operation::Cancel(_) => None,
    };
    payment.map(json::<Payment>).ok_or_else(|| TossError::of("NOT_FOUND_PAYMENT"))
}

async fn delay(effect: Option<&Effect>) {
    if let Some(Effect::Delay(time)) = effect {
        tokio::time::sleep(*time).await;
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data is valid JSON")
}

/// An answer of what stands in front of the provider: HTML where a proxy speaks, else the provider's JSON.
fn gateway(status: u16, language: Language) -> Reply {
    if matches!(status, 502..=504) {
        let body = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
        return Reply::Answer { status, content_type: "text/html", body: body.into_bytes() };
    }
    TossError::with_status("COMMON_ERROR", Some(status)).answer(language).into()
}

/// Deliveries and tests wait this long for an answer of the other side.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

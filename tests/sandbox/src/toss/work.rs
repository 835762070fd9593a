//! How one provider call runs: authentication, commanded fault, idempotency key, the work, the webhook, the answer.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::errors::{Language, TossError};
use super::webhook::Event;
use super::{Outcome, Payment, cancel, confirm, jwe, settlements, transactions, v2, webhook};
use crate::calls::Call;
use crate::clock::Instant;
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
    Settlements(Option<settlements::Query>),
    V2(v2::Operation),
}

impl Operation {
    fn endpoint(&self) -> Endpoint {
        match self {
            Self::Confirm => Endpoint::Confirm,
            Self::Cancel(_) => Endpoint::Cancel,
            Self::GetByKey(_) | Self::GetByOrder(_) => Endpoint::Get,
            Self::Transactions(_) => Endpoint::Transactions,
            Self::Settlements(_) => Endpoint::Settlements,
            Self::V2(operation) => operation.endpoint(),
        }
    }
}

/// How answers are written.
pub(super) enum Dress {
    V1,
    /// In the frame of v2, sealed with the key that opened the request.
    V2(Option<jwe::Key>),
}

/// A request, read.
pub(super) struct Asked {
    pub(super) operation: Operation,
    pub(super) subject: Subject,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) authorized: bool,
    pub(super) idempotency_key: Option<String>,
    pub(super) traceparent: Option<String>,
    pub(super) test_code: Option<String>,
    pub(super) language: Language,
    pub(super) body: Option<Value>,
    pub(super) dress: Dress,
    /// The body arrived as a JWE that could be opened.
    pub(super) encrypted: bool,
    /// The body could not be opened: refused before anything else is looked at, in plain JSON.
    pub(super) unreadable: bool,
}

impl Asked {
    fn success(&self, body: Vec<u8>, now: Instant) -> Saved {
        match self.dress {
            Dress::V2(Some(key)) => Self::sealed(200, &key, &body, now),
            _ => Saved::json(200, body),
        }
    }

    fn failure(&self, error: &TossError, now: Instant) -> Saved {
        match self.dress {
            Dress::V2(Some(key)) => Self::sealed(error.status, &key, &v2::error(error, self.language), now),
            _ => self.plain_failure(error),
        }
    }

    /// What is refused at the door is never sealed: nobody is known there yet.
    fn plain_failure(&self, error: &TossError) -> Saved {
        match self.dress {
            Dress::V1 => error.answer(self.language),
            Dress::V2(_) => Saved::json(error.status, v2::error(error, self.language)),
        }
    }

    fn sealed(status: u16, key: &jwe::Key, body: &[u8], now: Instant) -> Saved {
        let body = jwe::reply(key, body, now).into_bytes();
        Saved { status, content_type: "text/plain;charset=UTF-8", body }
    }
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
        Self::Answer { status: saved.status, content_type: saved.content_type, body: saved.body }
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
        traceparent: asked.traceparent.clone(),
        body: asked.body.clone().unwrap_or_default(),
        encrypted: asked.encrypted,
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
    let refuse = |code: &str| Reply::from(asked.failure(&TossError::of(code), shared.clock.now()));
    if !asked.authorized {
        return (asked.plain_failure(&TossError::of("UNAUTHORIZED_KEY")).into(), false);
    }
    if asked.unreadable {
        return (asked.plain_failure(&TossError::of("INVALID_REQUEST")).into(), false);
    }
    // The key is ignored on a GET.
    let key = asked.idempotency_key.as_ref().filter(|_| asked.method == "POST");
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
        Ok(body) => asked.success(body, shared.clock.now()),
        Err(error) => asked.failure(&error, shared.clock.now()),
    };
    if let Some(scope) = scope {
        shared.lock().idempotency.save(&scope, saved.clone());
    }
    webhook::announce(shared, outcome.events).await;
    // Payouts that are to arrive by themselves do so after the answer has been written.
    webhook::tick(shared);
    saved
}

struct Performed {
    answer: Result<Vec<u8>, TossError>,
    events: Vec<Event>,
}

impl From<TossError> for Performed {
    fn from(error: TossError) -> Self {
        Self { answer: Err(error), events: Vec::new() }
    }
}

impl From<Outcome> for Performed {
    fn from(outcome: Outcome) -> Self {
        Self { answer: outcome.answer.map(|payment| json(&*payment)), events: outcome.events }
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
        Operation::V2(operation) => {
            delay(effect).await;
            if let Some(error) = decline {
                return error.into();
            }
            let now = shared.clock.now();
            let done = v2::run(&mut shared.lock(), operation, asked.body.as_ref(), now);
            Performed { answer: done.answer, events: done.events }
        }
        Operation::GetByKey(_)
        | Operation::GetByOrder(_)
        | Operation::Transactions(_)
        | Operation::Settlements(_) => {
            delay(effect).await;
            let answer = match decline {
                Some(error) => Err(error),
                None => read(shared, &asked.operation),
            };
            Performed { answer, events: Vec::new() }
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
        Operation::Settlements(query) => {
            let query = query.as_ref().ok_or_else(|| TossError::of("INVALID_REQUEST"))?;
            return Ok(json(&settlements::list(&state, query)?));
        }
        Operation::Confirm | Operation::Cancel(_) | Operation::V2(_) => None,
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

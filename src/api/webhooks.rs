//! What providers send. Stored and answered within milliseconds; a job looks into it.

use std::sync::Arc;

use poem::error::ReadBodyError;
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Body, Request, handler};
use serde::de::IgnoredAny;

use super::problem::Problem;
use super::{Shared, request};
use crate::context::{Actor, Context};
use crate::db::Db;
use crate::outbox::Cause;
use crate::payment::{self, Arrival};
use crate::together::Together;
use crate::trace::Trace;
use crate::transact;

const TRANSMISSION_ID: &str = "tosspayments-webhook-transmission-id";
const TRANSMISSION_TIME: &str = "tosspayments-webhook-transmission-time";
const RETRIED_COUNT: &str = "tosspayments-webhook-transmission-retried-count";
const SIGNATURE: &str = "tosspayments-webhook-signature";

/// Far above any payment's JSON.
const LARGEST: usize = 64 * 1024;
/// Far above what any event nests; whoever nests deeper means to exhaust a stack.
const DEEPEST: usize = 64;

/// `POST /v1/webhooks/toss`. Nothing is believed and nothing is read here but that it is a small JSON text: payments
/// and deposits carry no signature, and the payment they name is read again at the provider; what is signed is
/// verified by the job, over the bytes as they came. Anybody can post here, which is why bodies are small and a
/// transmission counts once.
#[handler]
pub async fn toss(app: Data<&Shared>, request: &Request, body: Body) -> Result<StatusCode, Problem> {
    let hook = headers(request).inspect_err(|(_, why)| refuse(why)).map_err(|e| e.0)?;
    let bytes = match body.into_bytes_limit(LARGEST).await {
        Ok(bytes) => bytes,
        Err(ReadBodyError::PayloadTooLarge) => {
            refuse("too_large");
            return Err(Problem::new("webhook.too_large"));
        }
        Err(_) => {
            refuse("broken_off");
            return Err(Problem::new("webhook.invalid"));
        }
    };
    if let Some(why) = malformed(&bytes) {
        refuse(why);
        return Err(Problem::new("webhook.invalid"));
    }
    let hook = Arrival { body: bytes.into(), ..hook };
    let db = app.core.db.clone();
    let stored = app.intake.ask(hook, move |hooks| store(db.clone(), hooks)).await;
    match stored {
        Some(Ok(())) => Ok(StatusCode::OK),
        // The provider sends it again.
        Some(Err(error)) => Err(Problem::new("service.unavailable").because(error)),
        None => Err(Problem::new("service.unavailable")),
    }
}

/// Webhooks on their way into the inbox: those that come while others are being committed are committed together.
pub type Intake = Together<Arrival, Result<(), Arc<sqlx::Error>>>;

async fn store(db: Db, hooks: Vec<Arrival>) -> Vec<Result<(), Arc<sqlx::Error>>> {
    let context = Context::new(Actor::Anonymous, hooks[0].cause.request_id.clone());
    let stored = transact!(db, context, sqlx::Error, tx => { payment::store_webhooks(tx, &hooks).await });
    let stored = stored.map_err(Arc::new);
    hooks.iter().map(|_| stored.clone()).collect()
}

fn refuse(why: &'static str) {
    metrics::counter!("konnect_webhooks_refused_total", "reason" => why).increment(1);
}

/// The provider's headers, each bounded. A webhook without a transmission id could not be told from its own retries.
fn headers(request: &Request) -> Result<Arrival, (Problem, &'static str)> {
    let bad = |name: &'static str, why| (Problem::new("webhook.invalid").field(name), why);
    let header = |name: &'static str, most: usize, why| match request.header(name) {
        None => Ok(None),
        Some(text) if text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => {
            Ok(Some(text))
        }
        Some(_) => Err(bad(name, why)),
    };
    let transmission_id = header(TRANSMISSION_ID, 100, "transmission_id")?
        .filter(|id| !id.is_empty() && !id.contains(' '))
        .ok_or_else(|| bad(TRANSMISSION_ID, "transmission_id"))?;
    Ok(Arrival {
        transmission_id: transmission_id.to_owned(),
        transmission_time: header(TRANSMISSION_TIME, 64, "transmission_time")?.map(str::to_owned),
        retried_count: header(RETRIED_COUNT, 10, "retried_count")?.and_then(|count| count.parse().ok()),
        signature: header(SIGNATURE, 1024, "signature")?.map(str::to_owned),
        body: Vec::new(),
        cause: Cause { request_id: request::id(), trace: Trace::current() },
    })
}

/// Why these bytes are no webhook. In one pass, without building anything of what they say.
fn malformed(bytes: &[u8]) -> Option<&'static str> {
    if std::str::from_utf8(bytes).is_err() {
        return Some("not_utf8");
    }
    if is_deep(bytes) {
        return Some("too_deep");
    }
    serde_json::from_slice::<IgnoredAny>(bytes).is_err().then_some("not_json")
}

/// Whether brackets outside of strings nest deeper than [`DEEPEST`].
fn is_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(malformed(nested(DEEPEST).as_bytes()), None);
        assert_eq!(malformed(nested(DEEPEST + 1).as_bytes()), Some("too_deep"));
        assert_eq!(malformed(nested(60_000).as_bytes()), Some("too_deep"));
        let text = format!(r#"{{"a":"{}\"{}"}}"#, "[".repeat(100), "{".repeat(100));
        assert_eq!(malformed(text.as_bytes()), None);
        let wide = format!("[{}]", vec!["[[]]"; 1000].join(","));
        assert_eq!(malformed(wide.as_bytes()), None);
    }

    #[test]
    fn what_is_no_json_is_no_webhook() {
        assert_eq!(malformed(b"\xff{}"), Some("not_utf8"));
        for text in ["", "{", "{} {}", "nul", "{\"a\":}", "]"] {
            assert_eq!(malformed(text.as_bytes()), Some("not_json"), "{text}");
        }
        assert_eq!(malformed(br#"{"orderId":"x"}"#), None);
    }
}

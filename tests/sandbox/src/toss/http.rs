//! The routes of the payment API: reading requests, writing answers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::StatusCode;
use poem::web::{Data, Path, RemoteAddr};
use poem::{Body, Request, Response, handler};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::errors::Language;
use super::v2;
use super::work::{self, Asked, Dress, Operation};
use crate::faults::Subject;
use crate::id;
use crate::state::{Shared, State};

/// The largest request body that is read.
pub(crate) const MAX_BODY: usize = 1 << 20;

#[handler]
pub(crate) async fn confirm(
    request: &Request,
    body: Body,
    remote: &RemoteAddr,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    serve(shared, request, remote, body, Operation::Confirm).await
}

#[handler]
pub(crate) async fn cancel(
    request: &Request,
    body: Body,
    remote: &RemoteAddr,
    Path(key): Path<String>,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    serve(shared, request, remote, body, Operation::Cancel(key)).await
}

#[handler]
pub(crate) async fn get_by_key(
    request: &Request,
    remote: &RemoteAddr,
    Path(key): Path<String>,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    serve(shared, request, remote, Body::empty(), Operation::GetByKey(key)).await
}

#[handler]
pub(crate) async fn get_by_order(
    request: &Request,
    remote: &RemoteAddr,
    Path(order): Path<String>,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    serve(shared, request, remote, Body::empty(), Operation::GetByOrder(order)).await
}

#[handler]
pub(crate) async fn transactions(
    request: &Request,
    remote: &RemoteAddr,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    let range = request.params().ok();
    serve(shared, request, remote, Body::empty(), Operation::Transactions(range)).await
}

#[handler]
pub(crate) async fn settlements(
    request: &Request,
    remote: &RemoteAddr,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    let query = request.params().ok();
    serve(shared, request, remote, Body::empty(), Operation::Settlements(query)).await
}

/// The work is a task of its own: a client that hangs up does not stop the provider.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    request: &Request,
    remote: &RemoteAddr,
    body: Body,
    operation: Operation,
) -> Response {
    let Ok(body) = body.into_bytes_limit(MAX_BODY).await else {
        return respond(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", b"too large".to_vec());
    };
    let header = |name: &str| request.header(name).map(str::to_owned);
    let Read { body, dress, encrypted, unreadable } = read(shared, request, &operation, &body);
    let method = request.method().to_string();
    let asked = Asked {
        subject: Subject { method: Some(method.clone()), ..subject(shared, &operation, body.as_ref()) },
        method,
        url: request.uri().path().to_owned(),
        authorized: is_authorized(shared, request.header("authorization")),
        idempotency_key: header("idempotency-key"),
        traceparent: header("traceparent"),
        test_code: header("tosspayments-test-code"),
        language: Language::of(request.header("accept-language")),
        body,
        dress,
        encrypted,
        unreadable,
        operation,
    };
    match tokio::spawn(work::answer(shared.clone(), asked)).await {
        Ok(work::Reply::Answer { status, content_type, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(status, content_type, body)
        }
        Ok(work::Reply::Cut) => {
            shared.connections.cut(remote);
            Response::builder().finish()
        }
        Err(error) => {
            tracing::error!(%error, "a provider call broke off");
            respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", b"the stand-in failed".to_vec())
        }
    }
}

struct Read {
    body: Option<Value>,
    dress: Dress,
    encrypted: bool,
    unreadable: bool,
}

/// Opens the body where it must be sealed. Without a body the header alone asks for a sealed reply.
fn read(shared: &Shared, request: &Request, operation: &Operation, bytes: &[u8]) -> Read {
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).ok();
    let Operation::V2(operation) = operation else {
        return Read { body: json(bytes), dress: Dress::V1, encrypted: false, unreadable: false };
    };
    let sealed = request.header("tosspayments-api-security-mode") == Some("ENCRYPTION");
    let security = &shared.lock().security;
    if !operation.has_body() {
        let dress = Dress::V2(sealed.then(|| security.current()));
        return Read { body: json(bytes), dress, encrypted: false, unreadable: false };
    }
    let jwe = std::str::from_utf8(bytes).ok().filter(|_| sealed);
    match jwe.and_then(|jwe| security.open(jwe, shared.clock.now())) {
        Some((plain, key)) => {
            Read { body: json(&plain), dress: Dress::V2(Some(key)), encrypted: true, unreadable: false }
        }
        None => Read { body: json(bytes), dress: Dress::V2(None), encrypted: false, unreadable: true },
    }
}

fn respond(status: StatusCode, content_type: &str, body: Vec<u8>) -> Response {
    Response::builder()
        .status(status)
        .content_type(content_type)
        .header("x-tosspayments-trace-id", id::trace_id())
        .body(body)
}

/// Basic authentication: the secret key as user, an empty password, the colon mandatory.
fn is_authorized(shared: &Shared, header: Option<&str>) -> bool {
    let given = header
        .and_then(|h| h.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, credentials)| STANDARD.decode(credentials.trim()).ok())
        .unwrap_or_default();
    let wanted = format!("{}:", shared.secret_key);
    bool::from(given.as_slice().ct_eq(wanted.as_bytes()))
}

fn subject(shared: &Shared, operation: &Operation, body: Option<&Value>) -> Subject {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Named {
        payment_key: Option<String>,
        order_id: Option<String>,
    }
    let state = shared.lock();
    let order_of = |key: &str| state.payments.get(key).map(|p| p.order_id.clone());
    let (payment_key, order_id) = match operation {
        Operation::Confirm => {
            let named = body.and_then(|body| Named::deserialize(body).ok()).unwrap_or_default();
            (named.payment_key, named.order_id)
        }
        Operation::Cancel(key) | Operation::GetByKey(key) => (Some(key.clone()), order_of(key)),
        Operation::GetByOrder(order) => {
            (state.payments.of_order(order).map(|p| p.payment_key.clone()), Some(order.clone()))
        }
        Operation::Transactions(_) | Operation::Settlements(_) => (None, None),
        Operation::V2(operation) => {
            return Subject { ref_payout_ids: refs(&state, operation, body), ..Subject::default() };
        }
    };
    Subject { payment_key, order_id, ..Subject::default() }
}

/// The references of the payouts a call is about.
fn refs(state: &State, operation: &v2::Operation, body: Option<&Value>) -> Vec<String> {
    match operation {
        v2::Operation::Request => {
            let items = body.and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| Some(item.get("refPayoutId")?.as_str()?.to_owned())).collect()
        }
        v2::Operation::Payout(id) | v2::Operation::Cancel(id) => {
            let named = state.payouts.list().iter().filter(|payout| payout.id == *id);
            named.map(|payout| payout.ref_payout_id.clone()).collect()
        }
        _ => Vec::new(),
    }
}

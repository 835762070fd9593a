//! The routes of the payment API: reading requests, writing answers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::StatusCode;
use poem::web::{Data, Path, RemoteAddr};
use poem::{Body, Request, Response, handler};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::errors::Language;
use super::work::{self, Asked, Operation};
use crate::faults::Subject;
use crate::id;
use crate::state::Shared;

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

/// The work is a task of its own: a client that hangs up does not stop the provider.
async fn serve(
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
    let body = serde_json::from_slice(&body).ok();
    let asked = Asked {
        subject: subject(shared, &operation, body.as_ref()),
        method: request.method().to_string(),
        url: request.uri().path().to_owned(),
        authorized: is_authorized(shared, request.header("authorization")),
        idempotency_key: header("idempotency-key"),
        test_code: header("tosspayments-test-code"),
        language: Language::of(request.header("accept-language")),
        body,
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

fn subject(shared: &Shared, operation: &Operation, body: Option<&serde_json::Value>) -> Subject {
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
        Operation::Transactions(_) => (None, None),
    };
    Subject { payment_key, order_id, recipients: Vec::new() }
}

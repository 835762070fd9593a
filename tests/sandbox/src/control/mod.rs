//! `/sandbox/...`: commands to the stand-in and what it has seen, as JSON. Nothing of this exists at a real provider.

pub(crate) mod money;

use chrono::TimeDelta;
use poem::http::StatusCode;
use poem::web::{Data, Json, Query};
use poem::{IntoResponse, Response, handler};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::handle::Handle;
use crate::toss::errors::{Language, TossError};
use crate::toss::{NewCheckout, Signature, WebhookKinds, WebhookMode};

/// `POST /sandbox/checkout`: the user has typed the card.
#[handler]
pub(crate) fn checkout(Json(new): Json<NewCheckout>, Data(handle): Data<&Handle>) -> Response {
    answer(crate::toss::authenticate(&handle.shared, &new))
}

/// What the provider would say.
fn answer(result: Result<impl Serialize + Send, TossError>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let saved = error.answer(Language::English);
            let status = StatusCode::from_u16(saved.status).unwrap_or(StatusCode::BAD_REQUEST);
            Response::builder().status(status).content_type(saved.content_type).body(saved.body)
        }
    }
}

#[handler]
pub(crate) fn list_faults(Data(handle): Data<&Handle>) -> Json<Vec<Fault>> {
    Json(handle.faults())
}

#[handler]
pub(crate) fn add_fault(Json(fault): Json<Fault>, Data(handle): Data<&Handle>) -> Response {
    if let Err(why) = fault.check() {
        return (StatusCode::BAD_REQUEST, why).into_response();
    }
    handle.fault(fault);
    Json(handle.faults()).into_response()
}

#[handler]
pub(crate) fn clear_faults(Data(handle): Data<&Handle>) -> StatusCode {
    handle.clear_faults();
    StatusCode::NO_CONTENT
}

#[handler]
pub(crate) fn list_calls(Data(handle): Data<&Handle>) -> Response {
    Json(handle.calls()).into_response()
}

#[handler]
pub(crate) fn clear_calls(Data(handle): Data<&Handle>) -> StatusCode {
    handle.clear_calls();
    StatusCode::NO_CONTENT
}

#[handler]
pub(crate) fn list_payments(Data(handle): Data<&Handle>) -> Response {
    Json(handle.payments()).into_response()
}

#[handler]
pub(crate) fn list_webhooks(Data(handle): Data<&Handle>) -> Json<Value> {
    let state = handle.shared.lock();
    let hooks = &state.webhooks;
    Json(json!({
        "url": hooks.url,
        "mode": hooks.mode,
        "kinds": hooks.kinds,
        "held": hooks.held(),
        "deliveries": hooks.log,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookCommand {
    mode: Option<WebhookMode>,
    /// An empty text turns webhooks off.
    url: Option<String>,
    kinds: Option<WebhookKinds>,
}

/// `POST /sandbox/webhooks {mode?, url?, kinds?}`.
#[handler]
pub(crate) fn command_webhooks(Json(command): Json<WebhookCommand>, Data(handle): Data<&Handle>) -> Response {
    if let Some(url) = command.url {
        let url = Some(url).filter(|url| !url.is_empty());
        if let Err(error) = handle.set_webhook_url(url) {
            return (StatusCode::BAD_REQUEST, error.to_string()).into_response();
        }
    }
    if let Some(mode) = command.mode {
        handle.webhooks(mode);
    }
    if let Some(kinds) = command.kinds {
        handle.webhook_kinds(kinds);
    }
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Resend {
    transmission_id: String,
    retried_count: u32,
}

/// `POST /sandbox/webhooks/resend {transmissionId, retriedCount}`.
#[handler]
pub(crate) async fn resend_webhook(Json(asked): Json<Resend>, Data(handle): Data<&Handle>) -> Json<Value> {
    let status = handle.resend_webhook(&asked.transmission_id, asked.retried_count).await;
    Json(json!({ "status": status }))
}

#[handler]
pub(crate) async fn release_webhooks(Data(handle): Data<&Handle>) -> Json<Value> {
    Json(json!({ "released": handle.release_webhooks().await }))
}

#[derive(Deserialize)]
pub(crate) struct Forgery {
    signature: Option<Signature>,
}

/// `POST /sandbox/webhooks/forge?signature`: the body is sent to the webhook address as it is.
#[handler]
pub(crate) async fn forge_webhook(
    Json(body): Json<Value>,
    Query(forgery): Query<Forgery>,
    Data(handle): Data<&Handle>,
) -> Json<Value> {
    let signature = forgery.signature.unwrap_or(Signature::Missing);
    Json(json!({ "status": handle.forge_signed_webhook(body, signature).await }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Offset {
    offset_seconds: i64,
}

#[handler]
pub(crate) fn show_clock(Data(handle): Data<&Handle>) -> Json<Value> {
    Json(json!({ "now": handle.now() }))
}

/// `POST /sandbox/clock {offsetSeconds}`: the offset to real time (not added to the one before).
#[handler]
pub(crate) fn move_clock(Json(offset): Json<Offset>, Data(handle): Data<&Handle>) -> Response {
    match TimeDelta::try_seconds(offset.offset_seconds).filter(|by| by.num_days().abs() < 36_600) {
        Some(by) => {
            handle.set_offset(by);
            Json(json!({ "now": handle.now() })).into_response()
        }
        None => (StatusCode::BAD_REQUEST, "the offset must be less than 100 years").into_response(),
    }
}

#[handler]
pub(crate) fn list_pushes(Data(handle): Data<&Handle>) -> Response {
    Json(handle.pushes()).into_response()
}

#[handler]
pub(crate) fn clear_pushes(Data(handle): Data<&Handle>) -> StatusCode {
    handle.clear_pushes();
    StatusCode::NO_CONTENT
}

/// `GET /sandbox/tally`: how many pushes and mails came, and how many of them were different ones.
#[handler]
pub(crate) fn tally(Data(handle): Data<&Handle>) -> Json<Value> {
    let state = handle.shared.lock();
    Json(json!({ "pushes": state.fcm.tally(), "mails": state.mailbox.tally() }))
}

#[handler]
pub(crate) fn list_mails(Data(handle): Data<&Handle>) -> Response {
    Json(handle.mails()).into_response()
}

#[handler]
pub(crate) fn clear_mails(Data(handle): Data<&Handle>) -> StatusCode {
    handle.clear_mails();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailServer {
    down: bool,
}

#[handler]
pub(crate) fn show_mail_server(Data(handle): Data<&Handle>) -> Json<Value> {
    Json(json!({ "down": handle.is_mail_server_down() }))
}

/// `POST /sandbox/smtp {down}`.
#[handler]
pub(crate) fn set_mail_server(Json(asked): Json<MailServer>, Data(handle): Data<&Handle>) -> StatusCode {
    handle.mail_server_down(asked.down);
    StatusCode::NO_CONTENT
}

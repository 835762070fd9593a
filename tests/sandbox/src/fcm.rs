//! The stand-in for Google: the OAuth token endpoint and FCM HTTP v1.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use poem::http::StatusCode;
use poem::web::{Data, Form, Path, RemoteAddr};
use poem::{Body, Request, Response, handler};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calls::Call;
use crate::clock::Instant;
use crate::faults::{Effect, Endpoint, Subject};
use crate::id;
use crate::state::Shared;
use crate::tally::{Count, Tally};

const KEPT: usize = 5_000;
const TOKEN_LIFE: TimeDelta = TimeDelta::seconds(3_600);
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const MAX_BODY: usize = 64 * 1024;

/// A push message that was accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Push {
    /// `projects/{project}/messages/{id}`.
    pub name: String,
    pub project: String,
    /// The registration token of the device; absent for a topic or condition.
    pub token: Option<String>,
    pub title: Option<String>,
    pub body: Option<String>,
    pub data: BTreeMap<String, String>,
    /// The whole message as sent.
    pub message: Value,
    pub at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Fcm {
    /// Access tokens and when they end.
    tokens: HashMap<String, Instant>,
    pushes: VecDeque<Push>,
    tally: Tally,
}

impl Fcm {
    pub(crate) fn tally(&self) -> Count {
        self.tally.count()
    }

    pub(crate) fn list(&self) -> Vec<Push> {
        self.pushes.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.pushes.clear();
    }

    /// As if Google had withdrawn every access token.
    pub(crate) fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }
}

#[derive(Deserialize)]
pub(crate) struct Grant {
    grant_type: String,
    assertion: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    scope: String,
    iat: i64,
    exp: i64,
}

/// `POST /token`. The assertion must be a JWT with Google's claims; its signature is not checked, since the
/// stand-in does not hold the public key of the service account.
#[handler]
pub(crate) fn token(Form(grant): Form<Grant>, Data(shared): Data<&Arc<Shared>>) -> Response {
    let refused = if grant.grant_type != GRANT {
        Some(("unsupported_grant_type", "Invalid grant_type"))
    } else {
        match claims(&grant.assertion) {
            None => Some(("invalid_grant", "Invalid JWT")),
            Some(c) if c.iss.is_empty() => Some(("invalid_grant", "Invalid issuer")),
            Some(c) if !c.scope.split(' ').any(|s| s == SCOPE) => {
                Some(("invalid_scope", "Invalid OAuth scope"))
            }
            Some(c) if !(1..=3_600).contains(&(c.exp.saturating_sub(c.iat))) => {
                Some(("invalid_grant", "Token must be a short-lived token (60 minutes)"))
            }
            Some(_) => None,
        }
    };
    let now = shared.clock.now();
    let (status, body) = match refused {
        Some((error, description)) => {
            (StatusCode::BAD_REQUEST, json!({ "error": error, "error_description": description }))
        }
        None => {
            let access = id::access_token();
            let mut state = shared.lock();
            state.fcm.tokens.retain(|_, ends| *ends > now);
            state.fcm.tokens.insert(access.clone(), now + TOKEN_LIFE);
            let life = TOKEN_LIFE.num_seconds();
            (StatusCode::OK, json!({ "access_token": access, "expires_in": life, "token_type": "Bearer" }))
        }
    };
    let mut state = shared.lock();
    let call = state.calls.open(new_call(Endpoint::Token, "/token".to_owned(), Value::Null, now));
    state.calls.close(call, Some(status.as_u16()), false);
    drop(state);
    json_response(status, &body)
}

fn claims(assertion: &str) -> Option<Claims> {
    let mut parts = assertion.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || signature.is_empty() {
        return None;
    }
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    if header["alg"] != "RS256" {
        return None;
    }
    serde_json::from_slice(&decode(payload)?).ok()
}

/// `POST /v1/projects/{project}/messages:send`.
#[handler]
pub(crate) async fn send(
    request: &Request,
    Path((project, verb)): Path<(String, String)>,
    remote: &RemoteAddr,
    body: Body,
    Data(shared): Data<&Arc<Shared>>,
) -> Response {
    if verb != "messages:send" {
        return json_response(StatusCode::NOT_FOUND, &error(404, "NOT_FOUND", "Not found.", Value::Null));
    }
    let Ok(bytes) = body.into_bytes_limit(MAX_BODY).await else {
        return refusal("INVALID_ARGUMENT", None);
    };
    let bearer = request.header("authorization").and_then(|h| h.strip_prefix("Bearer ")).map(str::to_owned);
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let now = shared.clock.now();
    let call =
        shared.lock().calls.open(new_call(Endpoint::Fcm, request.uri().path().to_owned(), body.clone(), now));
    // A task of its own: a client that hangs up does not stop Google.
    let task = tokio::spawn(accept(shared.clone(), project, bearer, body));
    let response = task.await.ok().flatten();
    shared.lock().calls.close(call, response.as_ref().map(|r| r.status().as_u16()), false);
    response.unwrap_or_else(|| {
        shared.connections.cut(remote);
        Response::builder().finish()
    })
}

/// `None`: the connection is to be cut.
async fn accept(
    shared: Arc<Shared>,
    project: String,
    bearer: Option<String>,
    body: Value,
) -> Option<Response> {
    let now = shared.clock.now();
    let effect = {
        let mut state = shared.lock();
        let recipients = body["message"]["token"].as_str().map(str::to_owned).into_iter().collect();
        state.faults.take(Endpoint::Fcm, &Subject { recipients, ..Subject::default() }, |_| true)
    };
    match &effect {
        Some(Effect::DropBefore) => return None,
        Some(Effect::Hang(time)) => {
            tokio::time::sleep(*time).await;
            return None;
        }
        Some(Effect::Status(401)) => return Some(refusal("UNAUTHENTICATED", None)),
        Some(Effect::Status(429)) => return Some(refusal("QUOTA_EXCEEDED", None)),
        Some(Effect::Status(status)) => return Some(html(*status)),
        Some(Effect::Decline { code, status }) => return Some(refusal(code, *status)),
        Some(Effect::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Effect::DropAfterCommit) | None => {}
    }
    let mut state = shared.lock();
    let ends = bearer.and_then(|bearer| state.fcm.tokens.get(&bearer).copied());
    if ends.is_none_or(|ends| ends <= now) {
        return Some(refusal("UNAUTHENTICATED", None));
    }
    let Some(push) = push(&project, &body, now) else {
        return Some(refusal("INVALID_ARGUMENT", None));
    };
    let name = push.name.clone();
    if body["validate_only"] != true {
        let tag = &push.message["apns"]["headers"]["apns-collapse-id"];
        state.fcm.tally.add(format!("{}:{tag}", push.token.as_deref().unwrap_or_default()));
        if state.fcm.pushes.len() == KEPT {
            state.fcm.pushes.pop_front();
        }
        state.fcm.pushes.push_back(push);
    }
    drop(state);
    if effect == Some(Effect::DropAfterCommit) {
        return None;
    }
    Some(json_response(StatusCode::OK, &json!({ "name": name })))
}

/// The message, if it names exactly one target and its data are strings.
fn push(project: &str, body: &Value, at: Instant) -> Option<Push> {
    let message = body.get("message")?.as_object()?;
    let targets = ["token", "topic", "condition"].iter().filter(|t| message.contains_key(**t)).count();
    let data = match message.get("data") {
        None => BTreeMap::new(),
        Some(data) => serde_json::from_value(data.clone()).ok()?,
    };
    let device = message.get("token").map(|t| t.as_str().filter(|t| !t.is_empty()));
    if targets != 1 || device == Some(None) {
        return None;
    }
    let shown = |field: &str| message.get("notification")?.get(field)?.as_str().map(str::to_owned);
    Some(Push {
        name: format!("projects/{project}/messages/{}", id::message_id()),
        project: project.to_owned(),
        token: device.flatten().map(str::to_owned),
        title: shown("title"),
        body: shown("body"),
        data,
        message: Value::Object(message.clone()),
        at,
    })
}

/// The documented answer for an FCM error code.
#[rustfmt::skip]
fn refusal(code: &str, status: Option<u16>) -> Response {
    let (documented, name, message) = match code {
        "UNREGISTERED" => (404, "NOT_FOUND", "Requested entity was not found."),
        "SENDER_ID_MISMATCH" => (403, "PERMISSION_DENIED", "SenderId mismatch"),
        "QUOTA_EXCEEDED" => (429, "RESOURCE_EXHAUSTED", "Quota exceeded for the message."),
        "INVALID_ARGUMENT" => (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        "INVALID_TOKEN" => (400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token"),
        "THIRD_PARTY_AUTH_ERROR" => (401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service"),
        "UNAVAILABLE" => (503, "UNAVAILABLE", "The service is currently unavailable."),
        "UNAUTHENTICATED" => (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        _ => (500, "INTERNAL", "Internal error encountered."),
    };
    let status = status.unwrap_or(documented);
    let details = match code {
        // No FcmError: the request never came as far as FCM.
        "UNAUTHENTICATED" => Value::Null,
        "INVALID_TOKEN" => json!([
            { "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT" },
            { "@type": "type.googleapis.com/google.rpc.BadRequest",
              "fieldViolations": [{ "field": "message.token", "description": "Invalid registration token" }] },
        ]),
        _ => json!([{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code }]),
    };
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_response(code, &error(status, name, message, details));
    if matches!(status, 429 | 503) {
        response.headers_mut().insert("retry-after", poem::http::HeaderValue::from_static("60"));
    }
    response
}

fn error(code: u16, status: &str, message: &str, details: Value) -> Value {
    let mut error = json!({ "code": code, "message": message, "status": status });
    if !details.is_null() {
        error["details"] = details;
    }
    json!({ "error": error })
}

fn html(status: u16) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = format!("<!DOCTYPE html><html lang=en><title>Error {status} (Server Error)!!1</title></html>");
    Response::builder().status(code).content_type("text/html; charset=UTF-8").body(page)
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    Response::builder().status(status).content_type("application/json; charset=UTF-8").body(body.to_string())
}

fn new_call(endpoint: Endpoint, path: String, body: Value, at: Instant) -> Call {
    Call {
        number: 0,
        endpoint,
        method: "POST".to_owned(),
        path,
        payment_key: None,
        order_id: None,
        idempotency_key: None,
        traceparent: None,
        body,
        encrypted: false,
        status: None,
        replayed: false,
        at,
    }
}

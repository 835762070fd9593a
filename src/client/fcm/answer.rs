//! What an answer of the push service means for the message and for the device.

use std::time::Duration;

use serde_json::Value;

/// The service asks for at least a minute when it says nothing else.
const QUOTA_WAIT: Duration = Duration::from_secs(60);
const ERROR_TYPE: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";

/// The service's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted; `name` is the service's id of the message.
    Sent { name: String },
    /// The app is gone from the device, or the token is none: forget the token. A token of another project is not
    /// dead: the key file may be the wrong one, and would cost everybody their devices.
    TokenDead { code: String },
    /// Not now; `after` is the least wait, when the service names one.
    Retry { after: Option<Duration>, code: String },
    /// Our message, key or project is at fault. Says nothing about the device.
    Permanent { status: u16, code: String, message: String },
}

/// Judges a complete answer.
///
/// # Errors
/// When a success cannot be read: the message has probably been sent.
pub(super) fn judge(status: u16, body: &[u8], retry_after: Option<Duration>) -> Result<Outcome, String> {
    // Proxies answer in HTML: a body that is not JSON is no more than its status.
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    if status == 200 {
        return match json["name"].as_str() {
            Some(name) => Ok(Outcome::Sent { name: name.to_owned() }),
            None => Err("status 200 without a message name".to_owned()),
        };
    }
    let code = code(status, &json);
    let message = json["error"]["message"].as_str().unwrap_or_default();
    Ok(match (status, code.as_str()) {
        (404, "UNREGISTERED") => Outcome::TokenDead { code },
        // INVALID_ARGUMENT is nearly always a fault of the message: taking it for a dead token would let one
        // bad template wipe out every device.
        (400, _) if blames_token(&json, message) => Outcome::TokenDead { code },
        (429, _) => Outcome::Retry { after: Some(retry_after.unwrap_or(QUOTA_WAIT)), code },
        (500..=599, _) => Outcome::Retry { after: retry_after, code },
        _ => Outcome::Permanent { status, code, message: message.chars().take(500).collect() },
    })
}

/// The access token was refused. `THIRD_PARTY_AUTH_ERROR` has the same status, but means the certificate of
/// Apple or of web push.
pub(super) fn wants_new_token(status: u16, body: &[u8]) -> bool {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    status == 401 && code(status, &json) != "THIRD_PARTY_AUTH_ERROR"
}

/// The service's own code, else Google's general one, else the status.
fn code(status: u16, json: &Value) -> String {
    let error = &json["error"];
    details(error)
        .find(|detail| detail["@type"] == ERROR_TYPE)
        .and_then(|detail| detail["errorCode"].as_str())
        .or_else(|| error["status"].as_str())
        .map_or_else(|| status.to_string(), str::to_owned)
}

fn blames_token(json: &Value, message: &str) -> bool {
    let field_is_token = details(&json["error"])
        .filter_map(|detail| detail["fieldViolations"].as_array())
        .flatten()
        .any(|violation| violation["field"] == "message.token");
    field_is_token || message.contains("not a valid FCM registration token")
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error["details"].as_array().into_iter().flatten()
}

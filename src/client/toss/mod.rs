//! Toss Payments. Core API v1: confirm, read and cancel a payment, list what was booked and settled; API v2: payouts
//! ([`PayoutClient`]); and what proves that a webhook is theirs ([`WebhookKeys`], [`secret_matches`]).
//!
//! Rules of the provider that callers must keep:
//! - Money is taken at [`TossClient::confirm`] alone, at most 10 minutes after the payer authenticated.
//! - [`TossError::NoAnswer`] means that the outcome is UNKNOWN. Ask again with the **same** idempotency key, or
//!   read the payment. It is never a failure.
//! - An idempotency key belongs to one order and one body: the provider does not compare bodies, and it replays
//!   the first answer, an error too, for 15 days.
//! - After a success compare what was charged with what was ordered: [`Payment::mismatch`].

mod errors;
mod guidance;
mod jwe;
mod key;
mod list;
mod model;
mod parse;
mod payouts;
mod request;
mod settlements;
mod signature;
mod transactions;

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

pub use errors::{Call, Class, TossError, classify, needs_refund_account};
pub use guidance::guidance;
pub use key::SecurityKey;
pub use model::{Cancel, CancelStatus, Card, Failure, ModelError, Payment, Status, VirtualAccount};
pub use parse::parse_time;
pub use payouts::{
    Account, Balance, Business, Company, NewSeller, Page, Payout, PayoutClient, PayoutFilter, PayoutItem,
    PayoutStatus, Person, Schedule, Seller, SellerStatus, SellerUpdate,
};
pub use request::{CancelRequest, ConfirmRequest, ReceiveAccount, is_order_id, is_payment_key};
pub use settlements::{DateType, Fee, Settlement};
pub use signature::{KeyForm, SignatureError, WebhookKeys, secret_matches};
pub use transactions::Transaction;

use super::ConfigError;
use super::http::{self, Answer, MAX_BODY_BYTES};
use request::is_idempotency_key;

const SETTING: &str = "payment provider";
/// The provider's own figure for its slow calls; none is given for confirm.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a page of a list, at most: the provider's longest pages, with room.
const MAX_LIST: usize = 16 * 1024 * 1024;
const TRACE_HEADER: &str = "x-tosspayments-trace-id";
const KEY_PREFIXES: [&str; 4] = ["test_sk_", "live_sk_", "test_gsk_", "live_gsk_"];

/// Cheap to clone. Its `Debug` shows no key.
#[derive(Clone)]
pub struct TossClient {
    http: Client,
    base: Url,
    authorization: HeaderValue,
}

impl TossClient {
    /// # Errors
    /// When the address is none, when the key is not a secret key (`test_sk_…`, `live_sk_…`, `test_gsk_…`,
    /// `live_gsk_…`), or when a live key would travel unencrypted.
    pub fn new(base_url: &str, secret_key: SecretString) -> Result<Self, ConfigError> {
        let base = http::base_url(SETTING, base_url)?;
        let authorization = authorization(&secret_key)?;
        if base.scheme() != "https" && secret_key.expose_secret().starts_with("live_") {
            return Err(ConfigError::new(SETTING, "a live key is sent over https alone"));
        }
        Ok(Self { http: http::client(SETTING, TIMEOUT)?, base, authorization })
    }

    /// Takes the money. Success is a [`Payment`] in whatever state the provider gives it: check its status and
    /// [`Payment::mismatch`].
    pub async fn confirm(
        &self,
        request: ConfirmRequest,
        idempotency_key: &str,
    ) -> Result<Payment, TossError> {
        request.check().map_err(TossError::NotSent)?;
        let url = self.url(&["confirm"]);
        self.post(Call::Confirm, url, &request, idempotency_key).await
    }

    /// The payment as the provider has it; `None` when it knows none by this key.
    pub async fn payment(&self, payment_key: &str) -> Result<Option<Payment>, TossError> {
        if !is_payment_key(payment_key) {
            return Err(TossError::NotSent("the payment key is malformed"));
        }
        self.read(self.url(&[payment_key])).await
    }

    /// The payment of one of our order ids; `None` when the provider knows none.
    pub async fn payment_by_order(&self, order_id: &str) -> Result<Option<Payment>, TossError> {
        if !is_order_id(order_id) {
            return Err(TossError::NotSent("the order id is malformed"));
        }
        self.read(self.url(&["orders", order_id])).await
    }

    /// Gives money back. The answer is the whole payment; the new cancel is the one whose transaction key was
    /// not known before. Read "fully refunded" from [`Payment::is_fully_refunded`], never from the status.
    pub async fn cancel(
        &self,
        payment_key: &str,
        request: CancelRequest,
        idempotency_key: &str,
    ) -> Result<Payment, TossError> {
        if !is_payment_key(payment_key) {
            return Err(TossError::NotSent("the payment key is malformed"));
        }
        request.check().map_err(TossError::NotSent)?;
        let url = self.url(&[payment_key, "cancel"]);
        self.post(Call::Cancel, url, &request, idempotency_key).await
    }

    fn url(&self, rest: &[&str]) -> Url {
        http::endpoint(&self.base, &[&["v1", "payments"], rest].concat())
    }

    async fn post(
        &self,
        call: Call,
        url: Url,
        body: &impl Serialize,
        idempotency_key: &str,
    ) -> Result<Payment, TossError> {
        let request = self.keyed_post(url, idempotency_key)?.json(body);
        self.ask(call, request, MAX_BODY_BYTES, |answer| judge(call, answer)).await
    }

    async fn read(&self, url: Url) -> Result<Option<Payment>, TossError> {
        match self
            .ask(Call::Read, self.http.get(url), MAX_BODY_BYTES, |answer| judge(Call::Read, answer))
            .await
        {
            Ok(payment) => Ok(Some(payment)),
            Err(TossError::Refused { code, .. }) if code == "NOT_FOUND_PAYMENT" => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keyed_post(&self, url: Url, idempotency_key: &str) -> Result<RequestBuilder, TossError> {
        if !is_idempotency_key(idempotency_key) {
            return Err(TossError::NotSent("an idempotency key has 1 to 300 printable ASCII characters"));
        }
        Ok(self.http.post(url).header("Idempotency-Key", idempotency_key))
    }

    /// Sends with our key. `most`: bytes of the answer; `judge`: what a complete one means.
    async fn ask<T>(
        &self,
        call: Call,
        request: RequestBuilder,
        most: usize,
        judge: impl FnOnce(&Answer) -> Result<T, TossError>,
    ) -> Result<T, TossError> {
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        let answer = http::exchange_within(request, most).await.map_err(TossError::NoAnswer)?;
        let provider_trace =
            answer.headers.get(TRACE_HEADER).and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::debug!(?call, status = answer.status, provider_trace, "the payment provider answered");
        let judged = judge(&answer);
        if let Err(error) = &judged {
            // The trace id is what the provider's support asks for.
            tracing::info!(?call, %error, provider_trace, "the payment provider did not do as asked");
        }
        judged
    }
}

impl fmt::Debug for TossClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TossClient").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// What an answer about a payment means.
fn judge(call: Call, answer: &Answer) -> Result<Payment, TossError> {
    let json = json_of(answer.status, &answer.body)?;
    if answer.status != 200 {
        return Err(not_done(call, answer.status, &json));
    }
    Payment::from_json(json)
        .map_err(|error| TossError::NoAnswer(format!("status 200 with a broken payment: {error}")))
}

fn json_of(status: u16, body: &[u8]) -> Result<Value, TossError> {
    serde_json::from_slice(body)
        .map_err(|_| TossError::NoAnswer(format!("status {status} with a body that is not JSON")))
}

/// What an answer without success means. One that is not the provider's own error tells nothing of the outcome,
/// whatever its status: a proxy on the way may have written it.
fn not_done(call: Call, status: u16, json: &Value) -> TossError {
    if !(400..=599).contains(&status) {
        return TossError::NoAnswer(format!("unexpected status {status}"));
    }
    errors::refusal(call, status, json)
        .unwrap_or_else(|| TossError::NoAnswer(format!("status {status} without an error code")))
}

/// `Basic base64(key:)`: the key is the user and the password is empty; the colon is not optional.
fn authorization(secret_key: &SecretString) -> Result<HeaderValue, ConfigError> {
    let key = secret_key.expose_secret();
    let known = KEY_PREFIXES.iter().any(|prefix| key.len() > prefix.len() && key.starts_with(prefix));
    // A byte order mark or a line end from a key file would only be refused later, as a wrong key.
    if !known || !key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
        return Err(ConfigError::new(
            SETTING,
            "the secret key is none (test_sk_, live_sk_, test_gsk_, live_gsk_)",
        ));
    }
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{key}:"))))
        .map_err(|_| ConfigError::new(SETTING, "the secret key does not fit a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;

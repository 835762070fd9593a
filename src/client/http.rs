//! What the HTTP clients share: one way to build a client, to join a path and to read a whole answer.

use std::error::Error;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, RequestBuilder, Url};

use super::ConfigError;
use super::call::Call;
use crate::clock::Instant;
use crate::trace;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the minute after which load balancers commonly drop an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// No answer about one thing is near this size.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// A longer `Retry-After` is a mistake of the sender.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A client that follows no redirect: a `POST` that takes money must not be repeated elsewhere, and the
/// authorisation header must not travel.
///
/// `total` bounds a whole exchange, from connecting to the last byte of the answer.
pub(super) fn client(setting: &'static str, total: Duration) -> Result<Client, ConfigError> {
    Client::builder()
        .user_agent(concat!("konnect/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(total)
        .redirect(Policy::none())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(16)
        .build()
        .map_err(|error| ConfigError::new(setting, reason(&error)))
}

/// An absolute http or https address without credentials, query or fragment.
pub(super) fn base_url(setting: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url: Url = text.trim().parse().map_err(|_| ConfigError::new(setting, "not a URL"))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.scheme() {
        "http" | "https" if plain => Ok(url),
        "http" | "https" => Err(ConfigError::new(setting, "must have no credentials, query or fragment")),
        _ => Err(ConfigError::new(setting, "must begin with https:// or http://")),
    }
}

/// `base` with `segments` after it, each percent-encoded, so that none of them can leave its place. A segment
/// must not be `.` or `..`: those would be dropped.
pub(super) fn endpoint(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("base_url lets http and https through alone")
        .pop_if_empty()
        .extend(segments);
    url
}

/// A complete answer, whatever its status.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Sends and reads to the end. An error tells only that no complete answer came, never whether the request
/// took effect; its text holds no address.
pub(super) async fn exchange(request: RequestBuilder) -> Result<Answer, String> {
    exchange_within(request, MAX_BODY_BYTES).await
}

/// [`exchange`] for lists, whose answers may have up to `most` bytes.
pub(super) async fn exchange_within(request: RequestBuilder, most: usize) -> Result<Answer, String> {
    let (client, request) = request.build_split();
    let mut request = request.map_err(|error| reason(&error.without_url()))?;
    let call = Call::begin(&mut request);
    let answer = trace::within(call.span.clone(), receive(client, request, most)).await;
    call.end_counted(answer.as_ref().ok().map(|answer| answer.status));
    answer
}

async fn receive(client: Client, request: Request, most: usize) -> Result<Answer, String> {
    let mut response = client.execute(request).await.map_err(|error| reason(&error.without_url()))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error.without_url()))? {
        if body.len() + chunk.len() > most {
            return Err(format!("status {status} with a body over {most} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// The whole chain of causes on one line: the outermost text of an HTTP error says little.
pub(super) fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// `Retry-After` as a wait from `now`: seconds or an HTTP date (RFC 9110 10.2.3), at most a day.
pub(super) fn retry_after(headers: &HeaderMap, now: Instant) -> Option<Duration> {
    parse_retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

fn parse_retry_after(value: &str, now: Instant) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        // The preferred form of an HTTP date is also a date of RFC 2822.
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(value).ok()?;
            at.signed_duration_since(now).to_std().unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        assert_eq!(parse_retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("99999999999", now), Some(MAX_RETRY_AFTER));
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("-5", now), None);
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        let base = base_url("test", "http://127.0.0.1:1/sandbox/").unwrap();
        let url = endpoint(&base, &["v1", "payments", "a/../b?c#d%2e"]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/sandbox/v1/payments/a%2F..%2Fb%3Fc%23d%252e");
    }

    #[test]
    fn a_base_url_is_plain() {
        for bad in
            ["", "api.tosspayments.com", "ftp://a.example", "https://u:p@a.example", "https://a.example/?q=1"]
        {
            assert!(base_url("test", bad).is_err(), "{bad}");
        }
    }
}

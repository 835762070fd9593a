//! Request bodies are small and come soon.
//!
//! The framework's own limit answers 411 to every request without a Content-Length; here a body is read up to the
//! limit however it is sent.

use std::sync::Arc;
use std::time::Duration;

use poem::error::ReadBodyError;
use poem::http::{Method, header};
use poem::{Endpoint, Request, Result};

use super::problem::Problem;
use super::request;

/// Bytes. The longest texts of the API, escaped, stay below it.
const LARGEST: usize = 64 * 1024;
/// For the whole body.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reads the body of a request that may have one.
///
/// # Errors
/// `request.too_large`, `request.timeout`
pub(super) async fn bodies<E: Endpoint>(inner: Arc<E>, mut request: Request) -> Result<E::Output> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) || takes_a_file(&request) {
        return inner.call(request).await;
    }
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    if announced.and_then(|v| v.parse::<u64>().ok()).is_some_and(|length| length > LARGEST as u64) {
        return Err(Problem::new("request.too_large").into());
    }
    let reading = request.take_body().into_bytes_limit(LARGEST);
    let bytes = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(ReadBodyError::PayloadTooLarge)) => return Err(Problem::new("request.too_large").into()),
        Ok(Err(error)) => return Err(Problem::new("request.invalid").because(error).into()),
        Err(_) => return Err(Problem::new("request.timeout").into()),
    };
    request.set_body(bytes.clone());
    request::because(&bytes, inner.call(request)).await
}

/// Files are larger; their handler reads them as they come, with limits of its own.
fn takes_a_file(request: &Request) -> bool {
    if request.method() == Method::PUT && request.original_uri().path() == "/v1/me/picture" {
        return true;
    }
    let mut parts = request.original_uri().path().trim_start_matches('/').split('/');
    request.method() == Method::POST
        && [parts.next(), parts.next()] == [Some("v1"), Some("reservations")]
        && parts.next().is_some()
        && [parts.next(), parts.next()] == [Some("files"), None]
}

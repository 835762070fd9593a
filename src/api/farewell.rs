//! How an api process leaves: first nobody is sent to it any more, then it takes nobody in, then it ends.
//!
//! From the moment it is told to stop, `/readyz` answers 503 and every answer asks for the end of its connection, while
//! requests are served as ever: balancers need some seconds to notice. Only then the listener closes and sockets are told
//! to go elsewhere, where they find processes that stay.

use std::sync::Arc;
use std::time::Duration;

use poem::http::{HeaderValue, StatusCode, Version, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use tokio_util::sync::CancellationToken;

/// Whether the process has been told to stop. Cheap to clone.
#[derive(Clone)]
pub struct Leaving(CancellationToken);

impl Leaving {
    pub fn new(told: CancellationToken) -> Self {
        Self(told)
    }

    pub fn is_so(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// A token that is cancelled `linger` after `told`.
pub fn later(told: &CancellationToken, linger: Duration) -> CancellationToken {
    let (told, stop) = (told.clone(), CancellationToken::new());
    let stopping = stop.clone();
    tokio::spawn(async move {
        told.cancelled().await;
        tokio::time::sleep(linger).await;
        stopping.cancel();
    });
    stop
}

/// Asks whoever keeps a connection to open another one, elsewhere (RFC 9112 §9.6). HTTP/2 has a frame of its own for
/// this, which is sent when the listener closes.
pub(super) async fn farewell<E: Endpoint>(
    inner: Arc<E>,
    request: Request,
    leaving: Leaving,
) -> Result<Response> {
    let keeps = request.version() <= Version::HTTP_11;
    let mut response = inner.call(request).await?.into_response();
    if leaving.is_so() && keeps && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

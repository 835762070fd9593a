//! CORS by an exact list of origins, and the headers that every answer carries.
//!
//! Written here because the framework's own refuses requests of unlisted origins outright (also those of pages
//! served by this very host), and lets everybody in when the list is empty. CORS tells browsers who may *read*;
//! who may *do* is the access token's matter.

use std::sync::Arc;

use poem::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const ALLOWED: &str = "authorization, content-type, idempotency-key, prefer, x-request-id, accept-language, konnect-version, traceparent";
const EXPOSED: &str = "x-request-id, retry-after, konnect-version";
/// Seconds for which a browser remembers a preflight.
const MAX_AGE: &str = "600";

/// The origins that may read answers, such as `https://app.konnect.example`.
pub(super) struct Cors {
    origins: Arc<[HeaderValue]>,
}

impl Cors {
    /// An entry that cannot stand in a header is no origin: it is left out and logged.
    pub fn new(origins: &[String]) -> Self {
        let parse = |origin: &String| {
            let value = HeaderValue::from_str(origin.trim_end_matches('/')).ok();
            if value.is_none() {
                tracing::error!(origin, "not an origin; nobody is let in by it");
            }
            value.filter(|v| !v.is_empty())
        };
        Self { origins: origins.iter().filter_map(parse).collect() }
    }
}

impl<E: Endpoint> Middleware<E> for Cors {
    type Output = CorsEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        CorsEndpoint { inner, origins: self.origins.clone() }
    }
}

pub(super) struct CorsEndpoint<E> {
    inner: E,
    origins: Arc<[HeaderValue]>,
}

impl<E: Endpoint> Endpoint for CorsEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let origin = request.headers().get(header::ORIGIN).filter(|o| self.origins.contains(o)).cloned();
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ORIGIN)
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = if preflight {
            StatusCode::NO_CONTENT.into_response()
        } else {
            self.inner.call(request).await?.into_response()
        };
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            if preflight {
                set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
                set(headers, header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            }
        }
        Ok(response)
    }
}

/// Headers against guessing, framing and caching. What a handler set itself stays.
pub(super) async fn harden<E: Endpoint>(inner: Arc<E>, request: Request) -> Result<Response> {
    let personal = request.uri().path().starts_with("/v1/");
    let mut response = inner.call(request).await?.into_response();
    let headers = response.headers_mut();
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    if personal && !headers.contains_key(header::CACHE_CONTROL) {
        set(headers, header::CACHE_CONTROL, "no-store");
    }
    Ok(response)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

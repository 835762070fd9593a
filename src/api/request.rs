//! What belongs to one request: its id, its language, whence it comes, its log line and its metrics.

use std::future::Future;
use std::sync::Arc;

use poem::http::{HeaderValue, header};
use poem::{Endpoint, IntoResponse, Middleware, PathPattern, Request, Response, Result};
use tracing::Span;
use tracing::field::Empty;

use super::{deed, origin, problem};
use crate::clock::{Clock, Instant};
use crate::context::{Actor, Context, Deed, Origin};
use crate::id::EventId;
use crate::trace::{self, Trace};

const REQUEST_ID: &str = "x-request-id";
/// On answers to what wrote something: when that was. A client that sends it with its next reads is shown what it wrote,
/// also where lists are read from a copy of the database.
pub(super) const VERSION: &str = "konnect-version";

/// The languages of human text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    Ko,
    En,
}

impl Lang {
    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }
}

#[derive(Clone)]
struct Info {
    id: String,
    lang: Lang,
    origin: Origin,
    /// Of requests to the back office.
    deed: Option<Arc<Deed>>,
    seen: Option<Instant>,
}

tokio::task_local! {
    static INFO: Info;
}

/// The id of the request that this task answers; empty outside of one.
pub fn id() -> String {
    INFO.try_with(|info| info.id.clone()).unwrap_or_default()
}

/// The language the caller asked for.
pub fn lang() -> Lang {
    INFO.try_with(|info| info.lang).unwrap_or(Lang::En)
}

/// From where the request comes; what a task does outside of one, it does by itself.
pub fn origin() -> Origin {
    INFO.try_with(|info| info.origin.clone()).unwrap_or_default()
}

/// When the caller last wrote something, as far as they say.
pub fn seen() -> Option<Instant> {
    INFO.try_with(|info| info.seen).unwrap_or_default()
}

/// The context of a transaction of this request. An administrator's says what they are doing.
pub fn context(actor: Actor) -> Context {
    let deed = || INFO.try_with(|info| info.deed.clone()).ok().flatten();
    let deed = if matches!(actor, Actor::Admin(_)) { deed() } else { None };
    Context::new(actor, id()).with_origin(origin()).doing(deed)
}

/// Runs the rest of a request to the back office with the reason that its body gives.
pub async fn because<T>(body: &[u8], rest: impl Future<Output = T>) -> T {
    let Ok(deed) = INFO.try_with(|info| info.deed.clone()) else { return rest.await };
    // Bodies of all other requests are not read here.
    let Some((deed, reason)) = deed.and_then(|deed| Some((deed, deed::reason(body)?))) else {
        return rest.await;
    };
    let deed = Some(Arc::new(Deed { reason: Some(reason), ..Deed::clone(&deed) }));
    let info = INFO.with(|info| Info { deed, ..info.clone() });
    INFO.scope(info, rest).await
}

/// The outermost middleware.
pub struct Track {
    /// Proxies of ours that a request has passed.
    pub trusted_proxies: usize,
    pub clock: Clock,
}

impl<E: Endpoint> Middleware<E> for Track {
    type Output = Tracked<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Tracked { inner, trusted_proxies: self.trusted_proxies, clock: self.clock.clone() }
    }
}

pub struct Tracked<E> {
    inner: E,
    trusted_proxies: usize,
    clock: Clock,
}

impl<E: Endpoint> Endpoint for Tracked<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let origin = origin::of(&request, self.trusted_proxies);
        let deed = deed::of(request.method(), request.uri().path(), request.uri().query()).map(Arc::new);
        let seen = request.header(VERSION).map(version);
        let info = Info { id: request_id(&request), lang: language(&request), origin, deed, seen };
        let span = span(&request, &info.id);
        trace::within(span.clone(), self.answer(request, info, &span)).await
    }
}

impl<E: Endpoint> Tracked<E> {
    async fn answer(&self, request: Request, info: Info, span: &Span) -> Result<Response> {
        let started = tokio::time::Instant::now();
        let method = request.method().clone();
        let mut response = INFO
            .scope(info.clone(), async {
                match self.inner.call(request).await {
                    Ok(output) => output.into_response(),
                    Err(error) => problem::from_framework(error).await,
                }
            })
            .await;
        if let Ok(value) = HeaderValue::from_str(&info.id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        if !method.is_safe() && response.status().is_success() {
            let now = self.clock.now().timestamp_micros();
            response.headers_mut().insert(VERSION, HeaderValue::from(now));
        }
        let route = response.data::<PathPattern>().map_or("unmatched".to_owned(), |p| p.0.to_string());
        let status = response.status().as_u16();
        let seconds = started.elapsed().as_secs_f64();
        // What nobody exports needs neither a name nor attributes.
        if Trace::current().is_some_and(|trace| trace.is_sampled()) {
            trace::rename(span, format!("{method} {route}"));
            span.record("http.route", &route).record("http.response.status_code", status);
            if response.status().is_server_error() {
                span.record("otel.status_code", "error").record("error.type", status);
            }
        }
        // The route alone: a path may hold what only its reader may know, and a query a ticket.
        tracing::info!(%method, route, status, ms = seconds * 1000.0, "request");
        metrics::histogram!("konnect_http_seconds", "method" => method.to_string(), "route" => route, "status" => status.to_string())
            .record(seconds);
        Ok(response)
    }
}

/// One request, below the caller's span where they say one. What machines ask every few seconds begins no trace.
fn span(request: &Request, id: &str) -> Span {
    if ["/healthz", "/readyz", "/metrics"].contains(&request.uri().path()) {
        return Span::none();
    }
    let span = tracing::info_span!(
        parent: None,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %request.method(),
        http.route = Empty,
        http.response.status_code = Empty,
        "error.type" = Empty,
        request_id = id,
    );
    trace::follow(&span, request.header(trace::HEADER).and_then(|text| text.parse().ok()));
    span
}

/// What is no version of ours is later than all of them: nobody reads too little.
fn version(text: &str) -> Instant {
    text.parse().ok().and_then(Instant::from_timestamp_micros).unwrap_or(Instant::MAX_UTC)
}

/// A caller's id is kept when it is short and printable, so that a front end can follow its own.
fn request_id(request: &Request) -> String {
    request
        .header(REQUEST_ID)
        .filter(|id| {
            (8..=64).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
        .map_or_else(|| EventId::generate().to_string(), str::to_owned)
}

/// The first of ko and en that stands in `Accept-Language`; English otherwise.
fn language(request: &Request) -> Lang {
    let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("");
    header
        .split(',')
        .find_map(|part| match part.trim().get(..2) {
            Some("ko") => Some(Lang::Ko),
            Some("en") => Some(Lang::En),
            _ => None,
        })
        .unwrap_or(Lang::En)
}

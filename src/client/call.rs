//! One call of somebody else's HTTP server, as a span and a number; the trace goes along in its headers.

use reqwest::Request;
use reqwest::header::HeaderValue;
use tracing::Span;
use tracing::field::Empty;

use crate::trace::{self, Trace};

/// A call that is about to be made.
pub(super) struct Call {
    pub span: Span,
    host: String,
    started: tokio::time::Instant,
}

impl Call {
    /// Puts the trace into the headers. Of the address only the host is kept: paths hold keys and ids.
    pub fn begin(request: &mut Request) -> Self {
        let url = request.url();
        let host = url.host_str().unwrap_or_default().to_owned();
        let span = match trace::is_in_span() {
            true => tracing::info_span!(
                "call",
                otel.name = format!("{} {host}", request.method()),
                otel.kind = "client",
                otel.status_code = Empty,
                http.request.method = %request.method(),
                http.response.status_code = Empty,
                server.address = host,
                server.port = url.port_or_known_default(),
                "error.type" = Empty,
            ),
            false => Span::none(),
        };
        let trace = Trace::of(&span).and_then(|trace| HeaderValue::try_from(trace.to_string()).ok());
        if let Some(trace) = trace {
            request.headers_mut().insert(trace::HEADER, trace);
        }
        Self { span, host, started: tokio::time::Instant::now() }
    }

    /// `status`: of a complete answer.
    pub fn end(&self, status: Option<u16>) {
        if let Some(status) = status {
            self.span.record("http.response.status_code", status);
        } else {
            self.span.record("error.type", "no_answer");
        }
        if status.is_none_or(|status| status >= 400) {
            self.span.record("otel.status_code", "error");
        }
    }

    /// The same, and counts it: for providers, who are few.
    pub fn end_counted(&self, status: Option<u16>) {
        self.end(status);
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        metrics::histogram!("konnect_client_seconds", "host" => self.host.clone(), "status" => status)
            .record(self.started.elapsed().as_secs_f64());
    }
}

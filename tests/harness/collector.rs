//! A collector of traces: takes OTLP over HTTP and keeps every span.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::Data;
use poem::{EndpointExt, Route, Server, handler, post};
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One span, as it was exported. Ids are lower-case hexadecimal digits.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `service.name`
    pub service: String,
    /// `service.instance.id`: one for each process.
    pub instance: String,
    pub name: String,
    pub trace: String,
    pub span: String,
    /// Empty where there is none.
    pub parent: String,
    /// As OTLP numbers them: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    pub is_error: bool,
    pub attributes: BTreeMap<String, String>,
}

type Spans = Arc<Mutex<Vec<Seen>>>;

/// A running collector; it stops when this is dropped.
pub struct Collector {
    address: String,
    spans: Spans,
    task: JoinHandle<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Spans::default();
        let app = Route::new().at("/v1/traces", post(take)).data(spans.clone());
        let acceptor = TcpAcceptor::from_tokio(listener).expect("an acceptor");
        let serve = Server::new_with_acceptor(acceptor).run(app);
        let task = tokio::spawn(async move { serve.await.expect("the collector serves") });
        Self { address, spans, task }
    }

    /// What `KONNECT_OTLP_ENDPOINT` is set to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Everything that came so far.
    pub fn spans(&self) -> Vec<Seen> {
        lock(&self.spans).clone()
    }

    /// The spans of one trace.
    pub fn of_trace(&self, trace: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(spans: &Spans) -> std::sync::MutexGuard<'_, Vec<Seen>> {
    spans.lock().unwrap_or_else(PoisonError::into_inner)
}

#[handler]
fn take(body: Vec<u8>, spans: Data<&Spans>) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(&*body) else { return StatusCode::BAD_REQUEST };
    for resource in request.resource_spans {
        let about = resource.resource.map(|resource| attributes(resource.attributes)).unwrap_or_default();
        let of = |name: &str| about.get(name).cloned().unwrap_or_default();
        let (service, instance) = (of("service.name"), of("service.instance.id"));
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            lock(&spans).push(Seen {
                service: service.clone(),
                instance: instance.clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                span: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                kind: span.kind,
                is_error: span.status.is_some_and(|status| status.code == 2),
                attributes: attributes(span.attributes),
            });
        }
    }
    StatusCode::OK
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    all.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(yes)) => yes.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

//! Log lines, to standard output: JSON, or text for people. Each says in which trace and for which request it was
//! written, where there is one, and none has an e-mail address.

use std::fmt::{self, Write};

use konnect::config::LogFormat;
use konnect::redact;
use konnect::trace::Trace;
use opentelemetry::trace::TracerProvider;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_log::{AsLog, format_trace};
use tracing_subscriber::filter::{FilterExt, FilterFn};
use tracing_subscriber::fmt::format::{DefaultFields, Format, Json, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, fmt as lines};

use crate::traces::Traces;

/// What is logged when `RUST_LOG` does not say otherwise.
const LOG: &str = "info,sqlx=warn,apalis=warn,apalis_core=warn,apalis_redis=warn,redis=warn,mongodb=warn,\
    hyper=warn,h2=warn,reqwest=warn,rustls=warn,lettre=warn,poem=warn,opentelemetry=error";

/// Logs to standard output, and panics among them: what a task panics with would be lost on standard error.
pub fn start(format: LogFormat, traces: &Traces) {
    // Of other crates nothing becomes a span: their fields are not ours to answer for. Events become none either.
    let spans = tracing_opentelemetry::layer()
        .with_tracer(traces.provider().tracer("konnect"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(our_spans());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG));
    // Whatever the filter says of spans: their ids belong to the lines.
    let written = lines::layer()
        .fmt_fields(Unwritten)
        .event_format(Line::new(format))
        .with_filter(filter.or(our_spans()));
    let all =
        tracing_subscriber::registry().with(spans).with(Requests.with_filter(our_spans())).with(written);
    tracing::subscriber::set_global_default(all).expect("logs start once");
    log::set_logger(&Others).expect("logs start once");
    log::set_max_level(LevelFilter::current().as_log());
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a panic without words");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(message, place, thread = std::thread::current().name(), "panic");
    }));
}

fn our_spans() -> FilterFn {
    let is_ours: fn(&Metadata<'_>) -> bool = |about| about.is_span() && about.target().starts_with("konnect");
    FilterFn::new(is_ours).with_max_level_hint(LevelFilter::INFO)
}

/// Lines of crates that know `log` alone.
///
/// Who only asks whether a line would be written is answered here: the layers' filters keep their answer for the line
/// that follows, and where none does, for the next span, which is then hidden from them.
struct Others;

impl log::Log for Others {
    fn enabled(&self, about: &log::Metadata<'_>) -> bool {
        about.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        // Nothing is written by this call itself, so that nothing can fail.
        let _ = format_trace(record);
    }

    fn flush(&self) {}
}

/// The request that a span is for.
struct RequestId(String);

/// Keeps the `request_id` of spans for the lines within.
struct Requests;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Requests {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut found = Found(None);
        attributes.record(&mut found);
        if let (Some(request), Some(span)) = (found.0, context.span(id)) {
            span.extensions_mut().insert(RequestId(request));
        }
    }
}

struct Found(Option<String>);

impl Visit for Found {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "request_id" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// Fields of spans are for the exporter.
struct Unwritten;

impl<'writer> FormatFields<'writer> for Unwritten {
    fn format_fields<R: tracing_subscriber::field::RecordFields>(
        &self,
        _: Writer<'writer>,
        _: R,
    ) -> fmt::Result {
        Ok(())
    }
}

enum Line {
    Json(Box<Format<Json>>),
    Text,
}

impl Line {
    fn new(format: LogFormat) -> Self {
        let json =
            || lines::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
        match format {
            LogFormat::Json => Self::Json(Box::new(json())),
            LogFormat::Text => Self::Text,
        }
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        let ids = [("trace_id", Trace::current().map(|trace| trace.id())), ("request_id", request(context))];
        let ids = ids.into_iter().filter_map(|(name, id)| Some((name, id?)));
        match self {
            Self::Json(format) => {
                let mut written = String::new();
                format.format_event(context, Writer::new(&mut written), event)?;
                line.push('{');
                // Neither needs escaping: hexadecimal digits, and what the api lets through as an id.
                for (name, id) in ids.filter(|(_, id)| is_plain(id)) {
                    write!(line, "\"{name}\":\"{id}\",")?;
                }
                line.push_str(written.strip_prefix('{').unwrap_or(&written));
            }
            Self::Text => {
                let mut text = Writer::new(&mut line);
                SystemTime.format_time(&mut text)?;
                let about = event.metadata();
                write!(text, " {:>5} {}: ", about.level(), about.target())?;
                DefaultFields::new().format_fields(text.by_ref(), event)?;
                for (name, id) in ids {
                    write!(text, " {name}={id}")?;
                }
                writeln!(text)?;
            }
        }
        writer.write_str(&redact::addresses(&line))
    }
}

/// Of the nearest span that is for one.
fn request<S, N>(context: &FmtContext<'_, S, N>) -> Option<String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let mut span = context.lookup_current();
    while let Some(this) = span {
        if let Some(RequestId(id)) = this.extensions().get() {
            return Some(id.clone());
        }
        span = this.parent();
    }
    None
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

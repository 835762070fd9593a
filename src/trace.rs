//! Traces: one id from a request over the transaction, the outbox row, the relay, the job and the provider's call to
//! the frame on a socket, as W3C Trace Context writes it (`traceparent`).
//!
//! A span is `tracing`'s; what makes it a place in a trace is the layer that each process installs at its start. Without
//! that layer (tests, `admin`) nothing here does anything. No attribute holds personal data, a secret, or a path with
//! ids: what is kept of a request is its pattern.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header that carries a trace over HTTP, both ways.
pub const HEADER: &str = "traceparent";

/// A place in a trace: who continues it becomes a child of this span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    trace: TraceId,
    span: SpanId,
    /// Whether it is exported. Who continues it decides alike.
    sampled: bool,
}

impl Trace {
    /// That of the span this code runs in.
    pub fn current() -> Option<Self> {
        Self::of_context(&Context::current())
    }

    /// That of a span, which begins with this at the latest: its parent is settled.
    pub fn of(span: &Span) -> Option<Self> {
        Self::of_context(&span.context())
    }

    fn of_context(context: &Context) -> Option<Self> {
        let span = context.span();
        let known = span.span_context();
        let (trace, id) = (known.trace_id(), known.span_id());
        known.is_valid().then(|| Self { trace, span: id, sampled: known.is_sampled() })
    }

    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The trace's id alone: 32 lower-case hexadecimal digits.
    pub fn id(&self) -> String {
        self.trace.to_string()
    }

    fn as_parent(&self) -> Context {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let context = SpanContext::new(self.trace, self.span, flags, true, TraceState::NONE);
        Context::new().with_remote_span_context(context)
    }
}

/// `00-<trace>-<span>-<flags>`: 55 characters.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// Not a `traceparent`: whoever sent it begins no trace with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no traceparent")]
pub struct Malformed;

impl FromStr for Trace {
    type Err = Malformed;

    /// Reads version 00, and what later versions have in common with it.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            parts.next().filter(|part| part.len() == length && part.bytes().all(hex)).ok_or(Malformed)
        };
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return Err(Malformed);
        }
        let trace = TraceId::from_hex(trace).map_err(|_| Malformed)?;
        let span = SpanId::from_hex(span).map_err(|_| Malformed)?;
        if trace == TraceId::INVALID || span == SpanId::INVALID {
            return Err(Malformed);
        }
        let flags = u8::from_str_radix(flags, 16).map_err(|_| Malformed)?;
        Ok(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes a span that was not entered yet the child of a place in a trace, also of another process. Without one it
/// stays what it is.
pub fn follow(span: &Span, parent: Option<Trace>) {
    if let Some(parent) = parent {
        // Without the layer there is no trace to follow.
        let _ = span.set_parent(parent.as_parent());
    }
}

/// Names a span by what became known after its begin, such as the pattern of a route.
pub fn rename(span: &Span, name: impl Into<String>) {
    span.context().span().update_name(name.into());
}

/// Runs a future inside of a span.
pub fn within<F: Future>(span: Span, future: F) -> Instrumented<F> {
    future.instrument(span)
}

/// Whether this code runs in a span: what nobody asked for (polling, heartbeats) begins no trace.
pub fn is_in_span() -> bool {
    !Span::current().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let trace: Trace = TEXT.parse().expect("well-formed");
        assert!(trace.is_sampled());
        assert_eq!(trace.to_string(), TEXT);
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let json = serde_json::to_string(&trace).expect("plain data");
        assert_eq!(serde_json::from_str::<Trace>(&json).expect("the same"), trace);
        let other_flags = TEXT.replace("-01", "-02").parse::<Trace>().expect("well-formed");
        assert!(!other_flags.is_sampled());
        let later = format!("cc{}-what-comes-later", &TEXT[2..]);
        assert_eq!(later.parse(), Ok(trace), "later versions begin alike");
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        let bad = [
            String::new(),
            "nonsense".to_owned(),
            TEXT.to_uppercase(),
            format!("{TEXT}-more"),
            format!("ff{}", &TEXT[2..]),
            TEXT.replace("00f067aa0ba902b7", "0000000000000000"),
            TEXT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            TEXT.replace('4', "é"),
            TEXT[..54].to_owned(),
        ];
        for text in bad {
            assert_eq!(text.parse::<Trace>(), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn without_the_layer_there_is_no_trace() {
        let span = tracing::info_span!("alone");
        follow(&span, TEXT.parse().ok());
        rename(&span, "another");
        assert_eq!(Trace::of(&span), None);
        assert_eq!(Trace::current(), None);
    }
}

//! The JSON of the socket. Types of events have a dot (`reservation.confirmed`), those of the protocol have none.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::Span;

use super::command;

use crate::clock::Instant;
use crate::event::Event;
use crate::id::EventId;
use crate::trace;

/// What the server says beside events.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Outbound<'a> {
    /// The first frame: live events come from `after` on.
    Welcome {
        protocol: &'a str,
        topic: &'a str,
        /// The last event that exists.
        head: i64,
        /// The last event this connection is taken to know: the next one sent is `after + 1`.
        after: i64,
        server_now: Instant,
        session_expires_at: Instant,
    },
    /// Events up to `head` will not come: read the state anew. The next one sent is `head + 1`.
    ResyncRequired {
        topic: &'a str,
        reason: Reason,
        head: i64,
    },
    /// The connection closes at `sessionExpiresAt` unless a fresh token comes.
    TokenExpiring {
        session_expires_at: Instant,
    },
    /// A fresh token was taken.
    Refreshed {
        session_expires_at: Instant,
    },
    /// This process stops: connect again, after this delay.
    GoingAway {
        retry_after_ms: u64,
    },
    Pong {
        server_now: Instant,
    },
    /// A frame of the client was refused; the connection lives on.
    Error {
        code: &'a str,
    },
}

impl Outbound<'_> {
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a frame is plain data")
    }
}

/// Why a client has to read the state anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// More was missed than is replayed.
    TooFarBehind,
    /// The position lies beyond the last event.
    UnknownPosition,
    /// The events after the position are no longer kept.
    Gone,
    /// The client read too slowly.
    SlowConsumer,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventFrame<'a> {
    /// The position in the topic: what a client resumes after.
    id: i64,
    event_id: EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    topic: &'a str,
    at: Instant,
    data: &'a Value,
}

/// An event as its listeners get it.
pub fn event_json(event: &Event) -> String {
    let frame = EventFrame {
        id: event.seq,
        event_id: event.id,
        kind: &event.kind,
        topic: &event.topic,
        at: event.at,
        data: &event.data,
    };
    serde_json::to_string(&frame).expect("an event is plain data")
}

/// The last step of an event's trace: its frame for one socket. Whose socket it is stays unsaid.
pub fn push_span(event: &Event) -> Span {
    if !event.trace.is_some_and(|trace| trace.is_sampled()) {
        return Span::none();
    }
    let span = tracing::info_span!(
        parent: None,
        "push",
        otel.name = format!("push {}", event.kind),
        otel.kind = "producer",
        messaging.system = "websocket",
        "messaging.operation.type" = "send",
        messaging.operation.name = "push",
        messaging.message.id = %event.id,
        konnect.event.kind = event.kind,
    );
    trace::follow(&span, event.trace);
    span
}

/// What a client may say.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Inbound {
    /// Send again what came after this position.
    #[serde(rename = "resume")]
    Resume { after: i64 },
    #[serde(rename = "ping")]
    Ping {},
    /// Go on with this access token, which must be of the same user.
    #[serde(rename = "auth.refresh")]
    AuthRefresh { token: String },
}

/// The type and the fields of a frame that is for a room; `None` for any other text.
pub fn for_room(text: &str) -> Option<(String, Map<String, Value>)> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
    }
    let kind = serde_json::from_str::<Typed>(text).ok()?.kind;
    command::is_for_room(&kind).then_some(())?;
    Some((kind.into_owned(), serde_json::from_str(text).ok()?))
}

/// Why a frame was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// No JSON, no object, a missing, unknown or ill-typed field.
    Invalid,
    /// A type this version does not know.
    UnknownType,
}

impl Rejected {
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "frame.invalid",
            Self::UnknownType => "frame.unknown_type",
        }
    }
}

const TYPES: [&str; 3] = ["resume", "ping", "auth.refresh"];

impl Inbound {
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(rename = "type", borrow)]
            kind: Cow<'a, str>,
        }
        let frame: Self = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(_) => {
                let known =
                    serde_json::from_str::<Typed>(text).map_or(true, |typed| TYPES.contains(&&*typed.kind));
                return Err(if known { Rejected::Invalid } else { Rejected::UnknownType });
            }
        };
        match frame {
            Self::Resume { after } if after < 0 => Err(Rejected::Invalid),
            frame => Ok(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;

    #[test]
    fn known_frames_are_read() {
        assert_eq!(Inbound::parse(r#"{"type":"ping"}"#), Ok(Inbound::Ping {}));
        assert_eq!(Inbound::parse(r#"{"after":7,"type":"resume"}"#), Ok(Inbound::Resume { after: 7 }));
        let refresh = Inbound::AuthRefresh { token: "a.b.c".to_owned() };
        assert_eq!(Inbound::parse(r#"{"type":"auth.refresh","token":"a.b.c"}"#), Ok(refresh));
    }

    #[test]
    fn everything_else_is_refused_with_a_code() {
        let invalid = [
            "",
            "nonsense",
            "[]",
            "null",
            "7",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"resume"}"#,
            r#"{"type":"resume","after":-1}"#,
            r#"{"type":"resume","after":1.5}"#,
            r#"{"type":"resume","after":"1"}"#,
            r#"{"type":"resume","after":99999999999999999999}"#,
            r#"{"type":"resume","after":1,"user":"x"}"#,
            r#"{"type":"ping","extra":1}"#,
            r#"{"type":"auth.refresh","token":null}"#,
        ];
        for text in invalid {
            assert_eq!(Inbound::parse(text), Err(Rejected::Invalid), "{text}");
        }
        assert_eq!(Inbound::parse(r#"{"type":"welcome"}"#), Err(Rejected::UnknownType));
        assert_eq!(Inbound::parse(r#"{"type":"chat.send","text":"hi"}"#), Err(Rejected::UnknownType));
        let deep = "[".repeat(8_000);
        assert_eq!(
            Inbound::parse(&deep),
            Err(Rejected::Invalid),
            "deep nesting ends in an error, not in a crash"
        );
    }

    #[test]
    fn frames_have_their_documented_shape() {
        let at = chrono::DateTime::from_timestamp(1_800_000_000, 5_000).expect("a valid instant");
        let event = Event {
            id: EventId::generate(),
            topic: "user:1".to_owned(),
            seq: 42,
            kind: "reservation.confirmed".to_owned(),
            at,
            data: Json(json!({"reservationId": "r"})),
            trace: None,
        };
        let value: Value = serde_json::from_str(&event_json(&event)).expect("JSON");
        assert_eq!(
            value,
            json!({
                "id": 42, "eventId": event.id, "type": "reservation.confirmed", "topic": "user:1",
                "at": "2027-01-15T08:00:00.000005Z", "data": {"reservationId": "r"},
            })
        );
        let resync =
            Outbound::ResyncRequired { topic: "user:1", reason: Reason::TooFarBehind, head: 9 }.json();
        assert_eq!(
            resync,
            r#"{"type":"resync_required","topic":"user:1","reason":"too_far_behind","head":9}"#
        );
        let away = Outbound::GoingAway { retry_after_ms: 5 }.json();
        assert_eq!(away, r#"{"type":"going_away","retryAfterMs":5}"#);
        let expiring = Outbound::TokenExpiring { session_expires_at: at }.json();
        assert_eq!(expiring, r#"{"type":"token_expiring","sessionExpiresAt":"2027-01-15T08:00:00.000005Z"}"#);
    }
}

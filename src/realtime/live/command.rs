//! What a participant may say in a live room.

use std::io;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::quality::Measures;
use super::screen::Action;
use crate::realtime::Refusal;

/// A session description or a candidate, in bytes of JSON. Descriptions of a call with a screen are 4 to 8 KiB.
const MAX_PAYLOAD: usize = 12 * 1024;
const MAX_CANDIDATE: usize = 2 * 1024;

/// The commands `rtc.*`, without the envelope's `ref` and without `room`. Who says it is known from the connection
/// alone: a field that claims it is an unknown field.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum LiveCommand {
    /// For the peer alone.
    #[serde(rename = "rtc.signal")]
    Signal { epoch: i64, kind: SignalKind, payload: Map<String, Value> },
    /// Both sides negotiate anew.
    #[serde(rename = "rtc.restart")]
    Restart {},
    #[serde(rename = "rtc.media")]
    Media { mic: bool, camera: bool, ready: bool },
    #[serde(rename = "rtc.screen")]
    Screen { action: Action },
    #[serde(rename = "rtc.turn")]
    Turn {},
    #[serde(rename = "rtc.quality")]
    Quality { report: Measures },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    Offer,
    Answer,
    Candidate,
}

/// Their types.
pub const COMMANDS: [&str; 6] =
    ["rtc.signal", "rtc.restart", "rtc.media", "rtc.screen", "rtc.turn", "rtc.quality"];

impl LiveCommand {
    /// Reads and checks a command: an object with its `type` and its own fields, and nothing else.
    ///
    /// # Errors
    /// `frame.unknown_type`, `frame.invalid` (with `field` where one is to blame).
    pub fn parse(frame: Value) -> Result<Self, Refusal> {
        let known = frame.get("type").and_then(Value::as_str).is_none_or(|kind| COMMANDS.contains(&kind));
        if !known {
            return Err(Refusal::new("frame.unknown_type"));
        }
        let command: Self = serde_json::from_value(frame).map_err(|_| Refusal::new("frame.invalid"))?;
        command.check()?;
        Ok(command)
    }

    /// # Errors
    /// `frame.invalid` with the `field` that is to blame.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Signal { kind, payload, .. } => check_payload(*kind, payload)
                .map_err(|field| Refusal::new("frame.invalid").with("field", field)),
            Self::Quality { report } => report.check(),
            Self::Restart {} | Self::Media { .. } | Self::Screen { .. } | Self::Turn {} => Ok(()),
        }
    }
}

/// `RTCSessionDescriptionInit` and `RTCIceCandidateInit`. What else stands in them goes to the peer as it came. The
/// candidate is text, empty at the end of candidates, or the whole init object one level down.
fn check_payload(kind: SignalKind, payload: &Map<String, Value>) -> Result<(), &'static str> {
    let total: usize = payload.iter().map(|(name, value)| name.len() + 4 + size(value)).sum();
    if total > MAX_PAYLOAD {
        return Err("payload");
    }
    match kind {
        SignalKind::Offer | SignalKind::Answer => match payload.get("sdp") {
            Some(Value::String(sdp)) if !sdp.is_empty() => Ok(()),
            _ => Err("payload.sdp"),
        },
        SignalKind::Candidate => match payload.get("candidate") {
            Some(candidate @ (Value::String(_) | Value::Object(_) | Value::Null))
                if size(candidate) <= MAX_CANDIDATE =>
            {
                Ok(())
            }
            _ => Err("payload.candidate"),
        },
    }
}

/// Bytes of a value as JSON.
fn size(value: &Value) -> usize {
    /// Counts what it is given.
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Neither a value nor a count can fail.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(frame: Value) -> Result<LiveCommand, (&'static str, Value)> {
        LiveCommand::parse(frame)
            .map_err(|refusal| (refusal.code, refusal.more.get("field").cloned().unwrap_or(Value::Null)))
    }

    #[test]
    fn commands_are_read() {
        let media = json!({ "type": "rtc.media", "mic": true, "camera": false, "ready": true });
        assert_eq!(code(media), Ok(LiveCommand::Media { mic: true, camera: false, ready: true }));
        assert_eq!(code(json!({ "type": "rtc.restart" })), Ok(LiveCommand::Restart {}));
        assert_eq!(code(json!({ "type": "rtc.turn" })), Ok(LiveCommand::Turn {}));
        let revoke = json!({ "type": "rtc.screen", "action": "revoke" });
        assert_eq!(code(revoke), Ok(LiveCommand::Screen { action: Action::Revoke }));
        let quality = json!({ "type": "rtc.quality", "report": { "rttMs": 40 } });
        let report = Measures { rtt_ms: Some(40.0), ..Measures::default() };
        assert_eq!(code(quality), Ok(LiveCommand::Quality { report }));
        let signals = [
            ("offer", json!({ "type": "offer", "sdp": "v=0\r\n" })),
            ("answer", json!({ "sdp": "x".repeat(12_000) })),
            ("candidate", json!({ "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0 })),
            ("candidate", json!({ "candidate": { "candidate": "candidate:1", "sdpMid": null } })),
            ("candidate", json!({ "candidate": null })),
        ];
        for (kind, payload) in signals {
            let frame = json!({ "type": "rtc.signal", "epoch": 7, "kind": kind, "payload": payload });
            let Ok(LiveCommand::Signal { epoch: 7, payload: read, .. }) = code(frame) else {
                panic!("{kind} {payload}")
            };
            assert_eq!(Value::Object(read), payload);
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_code() {
        let invalid = Err(("frame.invalid", Value::Null));
        let sdp = json!({ "sdp": "v=0" });
        let frames = [
            json!(null),
            json!([]),
            json!({}),
            json!({ "type": 7 }),
            json!({ "type": "rtc.restart", "epoch": 1 }),
            json!({ "type": "rtc.media", "mic": true, "camera": true }),
            json!({ "type": "rtc.media", "mic": 1, "camera": true, "ready": true }),
            json!({ "type": "rtc.screen", "action": "take" }),
            json!({ "type": "rtc.screen", "action": "request", "by": "me" }),
            json!({ "type": "rtc.signal", "epoch": "7", "kind": "offer", "payload": sdp }),
            json!({ "type": "rtc.signal", "epoch": 7.5, "kind": "offer", "payload": sdp }),
            json!({ "type": "rtc.signal", "epoch": 7, "kind": "bye", "payload": sdp }),
            json!({ "type": "rtc.signal", "epoch": 7, "kind": "offer", "payload": "v=0" }),
            json!({ "type": "rtc.signal", "epoch": 7, "kind": "offer", "payload": sdp, "from": "me" }),
            json!({ "type": "rtc.signal", "epoch": 7, "kind": "offer", "payload": sdp, "to": "you" }),
            json!({ "type": "rtc.quality", "report": { "mood": 1 } }),
        ];
        for frame in frames {
            assert_eq!(code(frame.clone()), invalid, "{frame}");
        }
        let unknown = Err(("frame.unknown_type", Value::Null));
        assert_eq!(code(json!({ "type": "rtc.dance" })), unknown);
        assert_eq!(code(json!({ "type": "chat.send", "text": "hi" })), unknown);
    }

    #[test]
    fn payloads_are_bounded() {
        let cases = [
            ("offer", json!({}), "payload.sdp"),
            ("answer", json!({ "sdp": "" }), "payload.sdp"),
            ("offer", json!({ "sdp": 7 }), "payload.sdp"),
            ("offer", json!({ "sdp": "x".repeat(12_289) }), "payload"),
            ("offer", json!({ "sdp": "v=0", "more": ["\u{1}".repeat(2_100)] }), "payload"),
            ("candidate", json!({ "sdpMid": "0" }), "payload.candidate"),
            ("candidate", json!({ "candidate": 1 }), "payload.candidate"),
            ("candidate", json!({ "candidate": "x".repeat(2_100) }), "payload.candidate"),
            ("candidate", json!({ "candidate": { "candidate": "x".repeat(2_100) } }), "payload.candidate"),
        ];
        for (kind, payload, field) in cases {
            let frame = json!({ "type": "rtc.signal", "epoch": 7, "kind": kind, "payload": payload });
            assert_eq!(code(frame), Err(("frame.invalid", json!(field))));
        }
    }
}

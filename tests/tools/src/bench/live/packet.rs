//! The packets of Socket.IO v4 inside those of Engine.IO v4, as text over a WebSocket. Binary ones are not needed.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// What a server may send. Bodies stay the JSON text that came: most are only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The transport is open; its settings.
    Open(&'a str),
    Close,
    Ping,
    Noop,
    /// A namespace is entered.
    Connected {
        namespace: &'a str,
        body: &'a str,
    },
    /// A namespace is refused.
    Refused {
        namespace: &'a str,
        body: &'a str,
    },
    Left {
        namespace: &'a str,
    },
    /// `["name", …]`.
    Event {
        namespace: &'a str,
        body: &'a str,
    },
    /// `[…]`.
    Ack {
        namespace: &'a str,
        id: u64,
        body: &'a str,
    },
}

impl<'a> Packet<'a> {
    /// # Errors
    /// Text that is no packet, or one that no server sends in answer to what a client here says.
    pub fn parse(text: &'a str) -> Result<Self> {
        let (kind, rest) = first(text).context("an empty packet")?;
        match kind {
            '0' => Ok(Self::Open(rest)),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping),
            '6' => Ok(Self::Noop),
            '4' => Self::message(rest).with_context(|| format!("the packet {text:?}")),
            other => bail!("a packet of kind {other}"),
        }
    }

    fn message(text: &'a str) -> Result<Self> {
        let (kind, rest) = first(text).context("an empty message")?;
        let (namespace, rest) = namespace_of(rest)?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (id, body) = rest.split_at(digits);
        match kind {
            '0' => Ok(Self::Connected { namespace, body: rest }),
            '1' => Ok(Self::Left { namespace }),
            '2' if body.starts_with('[') => Ok(Self::Event { namespace, body }),
            '3' if body.starts_with('[') => {
                Ok(Self::Ack { namespace, id: id.parse().context("an ack's number")?, body })
            }
            '4' => Ok(Self::Refused { namespace, body: rest }),
            _ => bail!("no message of kind {kind}"),
        }
    }

    /// Whether this is an event of that name.
    pub fn is_event(&self, name: &str) -> bool {
        let Self::Event { body, .. } = self else { return false };
        let quoted = body.strip_prefix("[\"").and_then(|rest| rest.strip_prefix(name));
        quoted.is_some_and(|rest| rest.starts_with('"'))
    }
}

fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|c| (c, chars.as_str()))
}

/// `/chat,…` or, for the namespace `/`, nothing of the kind.
fn namespace_of(text: &str) -> Result<(&str, &str)> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    text.split_once(',').context("a namespace without its comma")
}

fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

/// Answers [`Packet::Ping`].
pub const PONG: &str = "3";

/// Asks for a namespace.
pub fn connect(namespace: &str, auth: &Value) -> String {
    format!("40{}{auth}", prefix(namespace))
}

/// An event whose ack bears `id`.
pub fn event(namespace: &str, id: u64, name: &str, data: &Value) -> String {
    format!("42{}{id}[{},{data}]", prefix(namespace), Value::from(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_server_sends_is_understood() {
        let chat = "/chat";
        let cases = [
            (r#"0{"sid":"x","pingInterval":25000}"#, Packet::Open(r#"{"sid":"x","pingInterval":25000}"#)),
            ("1", Packet::Close),
            ("2", Packet::Ping),
            ("6", Packet::Noop),
            (r#"40{"sid":"y"}"#, Packet::Connected { namespace: "/", body: r#"{"sid":"y"}"# }),
            (r#"40/chat,{"sid":"y"}"#, Packet::Connected { namespace: chat, body: r#"{"sid":"y"}"# }),
            (r#"44/chat,{"message":"no"}"#, Packet::Refused { namespace: chat, body: r#"{"message":"no"}"# }),
            ("41/chat,", Packet::Left { namespace: chat }),
            ("41", Packet::Left { namespace: "/" }),
            (r#"42["a",1]"#, Packet::Event { namespace: "/", body: r#"["a",1]"# }),
            (r#"42/chat,7["a","x,y"]"#, Packet::Event { namespace: chat, body: r#"["a","x,y"]"# }),
            (r#"43/chat,12[{"ok":true}]"#, Packet::Ack { namespace: chat, id: 12, body: r#"[{"ok":true}]"# }),
            ("430[]", Packet::Ack { namespace: "/", id: 0, body: "[]" }),
        ];
        for (text, packet) in cases {
            assert_eq!(Packet::parse(text).expect(text), packet);
        }
    }

    #[test]
    fn what_is_no_packet_is_an_error() {
        let wrong = [
            "",
            "3",
            "5",
            "b",
            "4",
            "49[]",
            "42",
            "42{}",
            "42/chat",
            "43[1]",
            "43/chat,[1]",
            "451-[]",
            "한글",
        ];
        for text in wrong {
            assert!(Packet::parse(text).is_err(), "{text:?}");
        }
        let number = format!("43{}[]", "9".repeat(40));
        assert!(Packet::parse(&number).is_err());
    }

    #[test]
    fn events_are_told_apart_by_their_whole_name() {
        let packet = Packet::parse(r#"42/chat,["chat.message",{"seq":1}]"#).expect("a packet");
        assert!(packet.is_event("chat.message"));
        assert!(!packet.is_event("chat.mess"));
        assert!(!packet.is_event("chat.messages"));
        assert!(!Packet::Ping.is_event(""));
    }

    #[test]
    fn what_a_client_sends() {
        assert_eq!(connect("/", &json!({ "token": "t" })), r#"40{"token":"t"}"#);
        assert_eq!(connect("/chat", &json!({ "token": "t" })), r#"40/chat,{"token":"t"}"#);
        assert_eq!(event("/", 3, "relay", &json!({ "room": "a\"b" })), r#"423["relay",{"room":"a\"b"}]"#);
        assert_eq!(event("/chat", 0, "a\"", &json!(null)), r#"42/chat,0["a\"",null]"#);
    }
}

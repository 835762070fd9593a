//! What a client may ask for in a room: the same words on both doors.

use serde::Deserialize;
use serde_json::{Map, Value};
use tracing::Span;

use super::frame::Rejected;
use super::live::{self, LiveCommand, SignalKind};
use super::refusal::Refusal;
use crate::id::ReservationId;

/// A command as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub room: ReservationId,
    pub wish: Wish,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Chat(ChatWish),
    Live(LiveWish),
}

/// About the room's chat.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ChatWish {
    #[serde(rename = "chat.join")]
    Join { after: Option<i64> },
    #[serde(rename = "chat.leave")]
    Leave {},
    #[serde(rename = "chat.send")]
    Send { client_id: String, text: Option<String>, file_id: Option<String>, reply_to: Option<i64> },
    #[serde(rename = "chat.edit")]
    Edit { client_id: String, seq: i64, text: String },
    #[serde(rename = "chat.delete")]
    Delete { client_id: String, seq: i64 },
    #[serde(rename = "chat.react")]
    React { client_id: String, seq: i64, emoji: String, on: bool },
    #[serde(rename = "chat.read")]
    Read { seq: i64 },
    #[serde(rename = "chat.typing")]
    Typing { on: bool },
    #[serde(rename = "chat.history")]
    History { before: Option<i64>, after: Option<i64>, limit: Option<u32> },
}

/// About the live session.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveWish {
    Join {
        take_over: bool,
    },
    Leave,
    /// `rtc.…`
    Rtc(LiveCommand),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
enum SessionWish {
    #[serde(rename = "session.join")]
    Join {
        #[serde(default)]
        take_over: bool,
    },
    #[serde(rename = "session.leave")]
    Leave {},
}

const CHAT: [&str; 9] = [
    "chat.join",
    "chat.leave",
    "chat.send",
    "chat.edit",
    "chat.delete",
    "chat.react",
    "chat.read",
    "chat.typing",
    "chat.history",
];
const SESSION: [&str; 2] = ["session.join", "session.leave"];

/// The types of all commands for rooms.
pub fn commands() -> impl Iterator<Item = &'static str> {
    CHAT.into_iter().chain(SESSION).chain(live::COMMANDS)
}

/// Whether a frame of this type is for a room.
pub fn is_for_room(kind: &str) -> bool {
    ["chat.", "session.", "rtc."].iter().any(|family| kind.starts_with(family))
}

impl Command {
    /// Reads a command from its type and its other fields.
    ///
    /// # Errors
    /// `frame.unknown_type`; `frame.invalid`; `RESERVATION_NOT_FOUND` for a room whose name no reservation can have.
    pub fn parse(kind: &str, mut fields: Map<String, Value>) -> Result<Self, Refusal> {
        let family = Family::of(kind).ok_or_else(|| Refusal::new(Rejected::UnknownType.code()))?;
        let invalid = || Refusal::new(Rejected::Invalid.code());
        let room = match fields.remove("room") {
            Some(Value::String(room)) => room,
            _ => return Err(invalid().with("field", "room")),
        };
        let room = room.parse().map_err(|_| Refusal::new("RESERVATION_NOT_FOUND"))?;
        if fields.insert("type".to_owned(), kind.into()).is_some() {
            return Err(invalid().with("field", "type"));
        }
        let fields = Value::Object(fields);
        let wish = match family {
            Family::Chat => Wish::Chat(serde_json::from_value(fields).map_err(|_| invalid())?),
            Family::Session => Wish::Live(match serde_json::from_value(fields).map_err(|_| invalid())? {
                SessionWish::Join { take_over } => LiveWish::Join { take_over },
                SessionWish::Leave {} => LiveWish::Leave,
            }),
            Family::Rtc => Wish::Live(LiveWish::Rtc(LiveCommand::parse(fields)?)),
        };
        Ok(Self { room, wish })
    }
}

/// One place for each type, so that its name is known when this is compiled: nothing is made of it for a trace that is not
/// exported.
macro_rules! span {
    ($kind:literal) => {
        tracing::info_span!(parent: None, concat!("command ", $kind), otel.kind = "server")
    };
}

impl Wish {
    /// The trace of what the command causes begins with it. Typing is said all the time and candidates come in dozens,
    /// and neither causes more than a frame: they have none.
    pub fn span(&self) -> Span {
        match self {
            Self::Chat(wish) => wish.span(),
            Self::Live(LiveWish::Join { .. }) => span!("session.join"),
            Self::Live(LiveWish::Leave) => span!("session.leave"),
            Self::Live(LiveWish::Rtc(command)) => match command {
                LiveCommand::Signal { kind: SignalKind::Candidate, .. } => Span::none(),
                LiveCommand::Signal { .. } => span!("rtc.signal"),
                LiveCommand::Restart {} => span!("rtc.restart"),
                LiveCommand::Media { .. } => span!("rtc.media"),
                LiveCommand::Screen { .. } => span!("rtc.screen"),
                LiveCommand::Turn {} => span!("rtc.turn"),
                LiveCommand::Quality { .. } => span!("rtc.quality"),
            },
        }
    }
}

impl ChatWish {
    fn span(&self) -> Span {
        match self {
            Self::Join { .. } => span!("chat.join"),
            Self::Leave {} => span!("chat.leave"),
            Self::Send { .. } => span!("chat.send"),
            Self::Edit { .. } => span!("chat.edit"),
            Self::Delete { .. } => span!("chat.delete"),
            Self::React { .. } => span!("chat.react"),
            Self::Read { .. } => span!("chat.read"),
            Self::Typing { .. } => Span::none(),
            Self::History { .. } => span!("chat.history"),
        }
    }
}

enum Family {
    Chat,
    Session,
    Rtc,
}

impl Family {
    fn of(kind: &str) -> Option<Self> {
        match kind {
            _ if CHAT.contains(&kind) => Some(Self::Chat),
            _ if SESSION.contains(&kind) => Some(Self::Session),
            // Which of them there are, the live room knows.
            _ if kind.starts_with("rtc.") => Some(Self::Rtc),
            _ => None,
        }
    }
}

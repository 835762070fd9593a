//! How connections end, and what they may do until then.

use std::ops::ControlFlow;

use super::bucket::Rate;
use crate::auth::SESSION_REVOKED;
use crate::event::Event;
use crate::id::SessionId;

/// How many frames a client may send.
pub const FRAMES: Rate = Rate { per_second: 20.0, burst: 40.0 };

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client left, or the connection broke.
    Gone,
    /// This process stops.
    GoingAway,
    Close(u16, &'static str),
}

pub const BINARY: Ending = Ending::Close(1003, "binary frames are not spoken here");
pub const MALFORMED: Ending = Ending::Close(1002, "malformed frame");
pub const TOO_LARGE: Ending = Ending::Close(1009, "frame too large");
pub const TOKEN_EXPIRED: Ending = Ending::Close(4001, "token expired");
pub const REVOKED: Ending = Ending::Close(4001, "session ended");
pub const FLOOD: Ending = Ending::Close(4008, "too many frames");
pub const TOO_SLOW: Ending = Ending::Close(4009, "reading too slowly");
pub const SILENT: Ending = Ending::Close(4010, "no sign of life");

pub type Flow = ControlFlow<Ending>;

/// Whether an event says that this session has ended.
pub fn ends_session(event: &Event, session: SessionId) -> bool {
    event.kind == SESSION_REVOKED
        && event.data.0["sessionIds"]
            .as_array()
            .is_some_and(|ids| ids.iter().any(|id| id.as_str() == Some(&session.to_string())))
}

//! What is told to the connections in a room.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ConnectionId, ReservationId, UserId};

/// Something to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub kind: &'static str,
    pub room: ReservationId,
    pub to: To,
    /// The frame's fields without its type and its room: an object.
    pub data: Value,
}

/// Whom it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    All,
    AllBut(ConnectionId),
    User(UserId),
    Connection(ConnectionId),
}

impl To {
    pub fn is_for(self, user: UserId, connection: ConnectionId) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(other) => other != connection,
            Self::User(wanted) => wanted == user,
            Self::Connection(wanted) => wanted == connection,
        }
    }
}

/// The channel of a room.
pub fn topic(room: ReservationId) -> String {
    format!("room:{room}")
}

//! Who is in a live room, as the callers know it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::media::Media;
use crate::clock::Instant;
use crate::id::{ConnectionId, ReservationId, UserId};
use crate::realtime::{Frame, Refusal};

/// The part somebody plays in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Mentee,
    Mentor,
}

impl Role {
    /// Who gives way when both sides offer at once ("perfect negotiation" of the WebRTC specification, 10.7).
    pub fn is_polite(self) -> bool {
        self == Self::Mentee
    }

    pub fn other(self) -> Self {
        match self {
            Self::Mentee => Self::Mentor,
            Self::Mentor => Self::Mentee,
        }
    }
}

/// A connection of a participant, as the gate let it in. Nothing in it comes from the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub room: ReservationId,
    pub user: UserId,
    /// The other participant.
    pub peer: UserId,
    pub role: Role,
    pub connection: ConnectionId,
    /// UTC.
    pub opens_at: Instant,
    /// UTC; the session's end and its grace. A later one, after an extension, holds for the whole room.
    pub closes_at: Instant,
}

impl Member {
    pub(super) fn out_of_time(&self, now: Instant) -> Refusal {
        Refusal::new("NOT_IN_TIME_WINDOW")
            .with("serverNow", json!(now))
            .with("opensAt", json!(self.opens_at))
            .with("closesAt", json!(self.closes_at))
    }
}

/// The lease of a connection, as its process holds it. Kept until the connection leaves, and renewed meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub member: Member,
    /// The epoch of the entry: of two devices of one person, the later one is the active one.
    pub joined: i64,
    /// What it last said of itself ([`Outcome::media`](super::Outcome)); told again when Redis has lost it.
    pub media: Media,
}

/// Somebody's lease was over before they left.
#[derive(Clone, Debug, PartialEq)]
pub struct Gone {
    pub room: ReservationId,
    pub user: UserId,
    pub role: Role,
    pub connection: ConnectionId,
    /// The process that held the connection.
    pub node: String,
    /// UTC: when that process last vouched for it.
    pub seen_at: Instant,
}

/// What came of an entry.
#[derive(Clone, Debug)]
pub struct Entered {
    pub held: Held,
    /// The answer to `session.join`.
    pub ack: serde_json::Value,
    pub epoch: i64,
    /// The person was not in the room a moment ago, on any device.
    pub first_of_user: bool,
    /// The device that was active until now. It is told by one of the frames.
    pub superseded: Option<ConnectionId>,
    /// An earlier connection of the same person whose lease had run out, and of which no sweep will tell any more.
    pub gone: Option<Gone>,
    pub frames: Vec<Frame>,
}

/// What came of renewing one lease.
#[derive(Clone, Debug)]
pub enum Renewal {
    Kept,
    /// Redis did not know of it (restarted empty, or it had run out): it stands again.
    Restored {
        /// As in [`Entered`].
        first_of_user: bool,
        /// As in [`Entered`].
        superseded: Option<ConnectionId>,
        /// As in [`Entered`].
        gone: Option<Gone>,
        frames: Vec<Frame>,
    },
    /// Another device of the person is the active one. The connection is to be told `rtc.superseded` and the lease
    /// to be dropped.
    Superseded,
    /// The person left, or the window is over: the lease is to be dropped.
    Gone,
    /// Redis did not answer: the lease is still held, and to be renewed again.
    Unknown,
}

/// What came of leaving.
#[derive(Clone, Debug)]
pub struct Left {
    /// The person is not in the room any more. Not so if another device had taken over, or a sweep was faster.
    pub last_of_user: bool,
    pub frames: Vec<Frame>,
}

/// What a sweep found.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// Each is told to one sweeper alone.
    pub gone: Vec<Gone>,
    pub frames: Vec<Frame>,
    /// Whether Redis answered for all the rooms.
    pub complete: bool,
}

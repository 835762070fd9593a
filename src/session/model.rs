//! A stay in a room, and the rules of the gate. Pure.

use chrono::TimeDelta;
use serde::Serialize;

use crate::clock::Instant;
use crate::config::Rules;
use crate::id::{ConnectionId, PresenceId, ReservationId, UserId};
use crate::reservation::{Reservation, State};

/// Somebody of whom nothing was heard for longer is not there.
pub(super) const SILENCE: TimeDelta = TimeDelta::seconds(60);
/// How long after the last sign of life a stay ends that nobody closed: between two signs lie at most as many seconds.
pub(super) const AFTER_LAST_SIGN: TimeDelta = TimeDelta::seconds(15);
/// While no process is alive for longer, nobody can be blamed for not coming.
pub(super) const OUTAGE: TimeDelta = TimeDelta::seconds(30);

/// The side somebody is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "SessionRole")]
pub enum Role {
    Mentor,
    Mentee,
}

crate::words!(Role { Mentor => "mentor", Mentee => "mentee" });

impl Role {
    pub fn of(user: UserId, r: &Reservation) -> Option<Self> {
        if r.mentor_id == user { Some(Self::Mentor) } else { (r.mentee_id == user).then_some(Self::Mentee) }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Mentor => Self::Mentee,
            Self::Mentee => Self::Mentor,
        }
    }

    /// Who is on this side of a reservation.
    pub fn person(self, r: &Reservation) -> UserId {
        match self {
            Self::Mentor => r.mentor_id,
            Self::Mentee => r.mentee_id,
        }
    }
}

/// How a stay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PresenceEnd")]
pub enum Cause {
    /// They said so.
    Left,
    /// The connection was closed.
    Closed,
    /// Nothing was heard of it any more, and nobody closed it: a process may have died.
    Lost,
    /// Another device of the same person took over.
    Superseded,
    /// The room closed.
    Window,
    /// Our own fault.
    Outage,
}

crate::words!(Cause {
    Left => "left",
    Closed => "closed",
    Lost => "lost",
    Superseded => "superseded",
    Window => "window",
    Outage => "outage",
});

/// A row of `session_presences`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Presence {
    pub id: PresenceId,
    pub reservation_id: ReservationId,
    pub user_id: UserId,
    pub side: Role,
    pub connection_id: ConnectionId,
    /// The process that served the connection.
    pub node: String,
    pub joined_at: Instant,
    /// The last sign of life.
    pub seen_at: Instant,
    /// `None` while the person is there.
    pub left_at: Option<Instant>,
    pub cause: Option<Cause>,
}

impl Presence {
    /// Whether the person is there at `now`, by what was heard of them.
    pub fn is_there(&self, now: Instant) -> bool {
        self.left_at.is_none() && now - self.seen_at <= SILENCE
    }

    /// When the stay ended, or, at `now`, would be taken to have ended.
    pub(super) fn end(&self, now: Instant) -> Instant {
        match self.left_at {
            Some(at) => at,
            None if self.is_there(now) => now,
            None => self.seen_at + AFTER_LAST_SIGN,
        }
    }

    /// Whether it ended without anybody's doing.
    pub(super) fn is_lost(&self, now: Instant) -> bool {
        match self.cause {
            Some(cause) => matches!(cause, Cause::Lost | Cause::Outage),
            None => !self.is_there(now),
        }
    }
}

/// A session with its extensions, and the times of its room.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub root: Reservation,
    /// In the order of their starts, whatever became of them.
    pub extensions: Vec<Reservation>,
}

impl Chain {
    /// `rows` as [`crate::reservation::chain_for_member`] gives them; `None` unless the room is among them. An extension
    /// is no room.
    pub fn new(mut rows: Vec<Reservation>) -> Option<Self> {
        let at = rows.iter().position(|r| !r.is_extension())?;
        let root = rows.remove(at);
        Some(Self { root, extensions: rows })
    }

    /// Whether somebody may be in the room by the states: the session is confirmed or running, or an extension of it
    /// is. What was cancelled, or ended before its time, has no extensions that live.
    pub fn is_live(&self) -> bool {
        let over =
            matches!(self.root.state, State::Cancelled | State::NoShow) || self.root.ended_at.is_some();
        !over && (self.root.is_paid() || self.extensions.iter().any(Reservation::is_paid))
    }

    /// When the room is left at the latest, before the grace: the end of the last part that took or takes place.
    pub fn ends_at(&self) -> Instant {
        let parts = self.extensions.iter().filter(|r| r.is_paid() || r.state == State::Completed);
        parts.map(|r| r.ends_at).fold(self.root.ends_at, Instant::max)
    }

    pub fn opens_at(&self, rules: &Rules) -> Instant {
        self.root.starts_at - rules.gate_early()
    }

    pub fn closes_at(&self, rules: &Rules) -> Instant {
        self.ends_at() + rules.gate_grace()
    }

    /// Whether a part of it has begun and is not over by its state.
    pub fn is_running(&self) -> bool {
        self.root.state == State::InSession || self.extensions.iter().any(|r| r.state == State::InSession)
    }

    /// The last part that has its place: what an extension comes after.
    pub fn tail(&self) -> &Reservation {
        self.extensions.iter().rfind(|r| r.is_paid()).unwrap_or(&self.root)
    }

    /// The extension that waits for an answer or for its payment.
    pub fn pending(&self) -> Option<&Reservation> {
        let waits =
            |r: &&Reservation| matches!(r.state, State::Requested | State::AwaitingPayment | State::Paying);
        self.extensions.iter().rfind(waits)
    }
}

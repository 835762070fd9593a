//! The live room: who is there and on which device, the epoch of their signals, their media, the shared screen.
//!
//! All of it stands in Redis, so that any process serves any connection. A process keeps nothing but the leases of
//! its own connections ([`Held`]), and vouches for them every [`RENEW_EVERY`]; a connection that nobody vouched for
//! in the length of a [`LEASE`] is gone. Redis may lose everything: the leases restore themselves by their renewal,
//! with an epoch that was never used.
//!
//! [`Live`] returns what to publish and publishes nothing. It knows neither SQL nor the doors: that somebody is a
//! participant, and when the window is, was decided by the gate before.

mod act;
mod command;
mod media;
mod member;
mod quality;
mod screen;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod turn;
mod view;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

pub use act::{Outcome, signal_frame};
pub use command::{COMMANDS, LiveCommand, SignalKind};
pub use media::Media;
pub use member::{Entered, Gone, Held, Left, Member, Renewal, Role, Swept};
pub use quality::{Measures, Report, Reports};
pub use screen::{Action, Screen};
pub use state::LEASE;
pub use turn::{Credentials, Turn, TurnError};
pub use view::{MemberView, Snapshot};

use super::{Frame, Rate, Refusal, To};
use crate::core::Core;
use crate::id::ReservationId;
use state::{Arrival, Renewed, State};
use store::Rooms;
use view::Reason;

/// How often a process renews the leases it holds and sweeps the rooms it serves.
pub const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Signals of one connection in one room: 200 in ten seconds.
pub const SIGNALS: Rate = Rate { per_second: 20.0, burst: 200.0 };
const MAX_NODE: usize = 64;

/// The live rooms, as one process sees them; cheap to clone.
#[derive(Clone)]
pub struct Live {
    rooms: Rooms,
    node: String,
    turn: Turn,
    reports: Reports,
}

impl Live {
    /// `node` names the process in the leases.
    pub fn new(core: &Core, node: &str, turn: Turn) -> Self {
        Self {
            rooms: Rooms::new(core),
            node: node.chars().take(MAX_NODE).collect(),
            turn,
            reports: Reports::new(core),
        }
    }

    /// Makes the connection the active one of its user, with a lease. It begins with nothing on, in a new epoch.
    ///
    /// # Errors
    /// `ALREADY_ELSEWHERE` when another device is active and `take_over` was not asked for, `NOT_IN_TIME_WINDOW`,
    /// `UNAVAILABLE`.
    pub async fn enter(&self, member: &Member, take_over: bool) -> Result<Entered, Refusal> {
        let enter = |state: &mut State, now| {
            let arrival = state.enter(member, &self.node, take_over, now)?;
            let turn = self.turn.credentials(member.room, member.user, state.closes_at(), now);
            let reason = if arrival.superseded.is_some() { Reason::TakenOver } else { Reason::Joined };
            let others = To::AllBut(member.connection);
            let frames = view::arrived(state, member, &arrival, reason, others, now);
            let held = Held { member: member.clone(), joined: state.epoch, media: Media::default() };
            let ack = view::joined(state, member, &json!(turn), now);
            let Arrival { first_of_user, superseded, gone } = arrival;
            Ok(Entered { held, ack, epoch: state.epoch, first_of_user, superseded, gone, frames })
        };
        self.rooms.change(member.room, enter).await
    }

    /// Renews leases, in the order given. A lease that Redis does not know is entered again from what is held,
    /// unless the person left or another device took over meanwhile.
    pub async fn renew(&self, held: &[Held]) -> Vec<Renewal> {
        let mut by_room: BTreeMap<ReservationId, Vec<usize>> = BTreeMap::new();
        for (at, held) in held.iter().enumerate() {
            by_room.entry(held.member.room).or_default().push(at);
        }
        let (rooms, members): (Vec<_>, Vec<_>) = by_room.into_iter().unzip();
        let renewed = self.rooms.change_many(&rooms, |at, state, now| {
            let renew = |&of: &usize| {
                let member = &held[of].member;
                match state.renew(&held[of], &self.node, now) {
                    Renewed::Kept => Renewal::Kept,
                    Renewed::Superseded => Renewal::Superseded,
                    Renewed::Gone => Renewal::Gone,
                    Renewed::Restored(arrival) => {
                        let reason = Reason::Restored;
                        let frames = view::arrived(state, member, &arrival, reason, To::All, now);
                        let Arrival { first_of_user, superseded, gone } = arrival;
                        Renewal::Restored { first_of_user, superseded, gone, frames }
                    }
                }
            };
            members[at].iter().map(renew).collect::<Vec<_>>()
        });
        let mut renewals = vec![Renewal::Unknown; held.len()];
        for (members, renewed) in members.iter().zip(renewed.await) {
            for (&at, renewal) in members.iter().zip(renewed.into_iter().flatten()) {
                renewals[at] = renewal;
            }
        }
        renewals
    }

    /// Ends the lease of a connection that leaves or broke. Of one that is not the active one nothing is said.
    ///
    /// # Errors
    /// `UNAVAILABLE`: the lease ends by itself then, and a sweep tells of it.
    pub async fn leave(&self, held: &Held) -> Result<Left, Refusal> {
        let member = &held.member;
        let leave = |state: &mut State, now| {
            let last_of_user = state.leave(held, now);
            let mut frames = Vec::new();
            if last_of_user {
                let Member { room, user, role, .. } = *member;
                frames.push(view::presence(room, user, role, false, To::All, now));
                frames.push(view::state(room, state, Reason::Left, To::All, now));
            }
            Ok(Left { last_of_user, frames })
        };
        self.rooms.change(member.room, leave).await
    }

    /// Removes the connections whose leases ran out. Any process may sweep any room; renew first.
    pub async fn sweep(&self, rooms: &[ReservationId]) -> Swept {
        let swept = self.rooms.change_many(rooms, |at, state, now| {
            let gone = state.expire(rooms[at], now);
            let frames = view::expired(rooms[at], state, &gone, now);
            (gone, frames)
        });
        let mut all = Swept { complete: true, ..Swept::default() };
        for swept in swept.await {
            all.complete &= swept.is_some();
            let (gone, frames): (Vec<Gone>, Vec<Frame>) = swept.unwrap_or_default();
            all.gone.extend(gone);
            all.frames.extend(frames);
        }
        all
    }

    /// Ends a room: everybody who was in it is returned, to one caller alone, and no lease of theirs comes back.
    ///
    /// # Errors
    /// `UNAVAILABLE`.
    pub async fn close(&self, room: ReservationId) -> Result<Vec<Gone>, Refusal> {
        self.rooms.change(room, |state, now| Ok(state.close(room, now))).await
    }

    /// # Errors
    /// `UNAVAILABLE`.
    pub async fn snapshot(&self, room: ReservationId) -> Result<Snapshot, Refusal> {
        let (state, now) = self.rooms.read(room).await?;
        Ok(view::snapshot(&state, now))
    }

    /// Carries out a command. How often a connection may signal ([`SIGNALS`]) is for its owner to watch.
    ///
    /// # Errors
    /// `NOT_JOINED` and `SUPERSEDED` unless the connection is the active one of its user; `NOT_IN_TIME_WINDOW`,
    /// `frame.invalid`, `STALE_EPOCH`, `NO_PEER`, `SCREEN_…`, `RATE_LIMITED` (quality reports), `UNAVAILABLE`.
    pub async fn command(&self, member: &Member, command: &LiveCommand) -> Result<Outcome, Refusal> {
        command.check()?;
        let obey = |state: &mut State, now| act::obey(state, member, command, &self.turn, now);
        self.rooms.change(member.room, obey).await
    }

    /// The quality reports that were stored.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }
}

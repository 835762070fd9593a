//! A live room as Redis keeps it, and how it changes. Pure: what is read, what becomes of it, and the instant are
//! given; `store.rs` makes each change one step.
//!
//! Instants are Unix milliseconds here, epochs too: an epoch is later than every earlier one of the room also after
//! Redis has lost it.

use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::media::Media;
use super::member::{Gone, Held, Member, Role};
use super::screen::Screen;
use crate::clock::Instant;
use crate::id::{ConnectionId, ReservationId, UserId};
use crate::realtime::Refusal;

/// How long a connection is believed to be there after its process vouched for it.
pub const LEASE: TimeDelta = TimeDelta::seconds(15);
/// A room is forgotten this long after its window.
const AFTERLIFE: TimeDelta = TimeDelta::hours(1);
const LEAST_LIFE: TimeDelta = TimeDelta::minutes(1);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Grows whenever the two active connections are others than before, and when one of them asks for it.
    pub epoch: i64,
    /// Grows with everything that is told to the participants.
    pub version: i64,
    /// The end of the window.
    pub until: i64,
    /// The mentee and the mentor, in this order.
    pub places: Vec<Place>,
    pub screen: Screen,
}

/// A participant, in the room or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub user: UserId,
    pub role: Role,
    /// What entered before this epoch has no claim to the place any more.
    pub fence: i64,
    pub media: Media,
    pub lease: Option<Lease>,
    /// Quality reports taken, on all devices.
    pub reports: u32,
}

/// The one active connection of a participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub connection: ConnectionId,
    pub node: String,
    pub joined: i64,
    /// When its process last vouched for it.
    pub seen: i64,
    /// When its last quality report was taken.
    pub reported: i64,
}

/// What an entry changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrival {
    pub first_of_user: bool,
    pub superseded: Option<ConnectionId>,
    pub gone: Option<Gone>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Renewed {
    Kept,
    Restored(Arrival),
    Superseded,
    Gone,
}

impl State {
    /// What Redis holds; nothing is an empty room. So is what cannot be read: the leases will restore themselves.
    pub fn read(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "a live room cannot be read; it begins anew");
            Self::default()
        })
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a room is plain data")
    }

    /// How long Redis is to keep it.
    pub fn life(&self, now: Instant) -> TimeDelta {
        let left = TimeDelta::milliseconds(self.until.saturating_sub(now.timestamp_millis()));
        (left + AFTERLIFE).max(LEAST_LIFE)
    }

    /// # Errors
    /// `ALREADY_ELSEWHERE` when another device is active and is not to be taken over, `NOT_IN_TIME_WINDOW`.
    pub fn enter(
        &mut self,
        member: &Member,
        node: &str,
        take_over: bool,
        now: Instant,
    ) -> Result<Arrival, Refusal> {
        let at = self.seat(member)?;
        if self.is_over(now) {
            return Err(member.out_of_time(now));
        }
        if let Some(lease) = &self.places[at].lease
            && lease.connection != member.connection
            && self.stands(lease, now)
            && !take_over
        {
            return Err(Refusal::new("ALREADY_ELSEWHERE"));
        }
        let arrival = self.occupy(member.room, at, member.connection, now);
        let joined = self.epoch;
        self.places[at].fence = joined;
        self.places[at].lease = Some(Lease::new(member.connection, node, joined, now));
        Ok(arrival)
    }

    /// Vouches for a connection that entered earlier. One of which nothing is known is let in again, unless a later
    /// device of the same person was there or the person left.
    pub fn renew(&mut self, held: &Held, node: &str, now: Instant) -> Renewed {
        let member = &held.member;
        let Ok(at) = self.seat(member) else { return Renewed::Gone };
        if self.is_over(now) {
            return Renewed::Gone;
        }
        let fence = self.places[at].fence;
        match &mut self.places[at].lease {
            Some(lease) if lease.connection == member.connection => {
                lease.seen = now.timestamp_millis();
                return Renewed::Kept;
            }
            Some(lease) if lease.joined > held.joined => return Renewed::Superseded,
            _ if fence > held.joined => return Renewed::Gone,
            _ => {}
        }
        // The clock alone would do, unless it was set back.
        self.epoch = self.epoch.max(held.joined);
        let arrival = self.occupy(member.room, at, member.connection, now);
        let place = &mut self.places[at];
        place.fence = held.joined;
        place.media = held.media;
        place.lease = Some(Lease::new(member.connection, node, held.joined, now));
        Renewed::Restored(arrival)
    }

    /// Whether the person is not there any more because of this.
    pub fn leave(&mut self, held: &Held, now: Instant) -> bool {
        let Ok(at) = self.seat(&held.member) else { return false };
        let active = self.places[at].lease.as_ref().is_some_and(|l| l.connection == held.member.connection);
        if active {
            self.vacate(at);
            self.next_epoch(now);
            self.places[at].fence = self.epoch;
        } else {
            // A renewal that is still under way must not bring it back.
            let place = &mut self.places[at];
            place.fence = place.fence.max(held.joined + 1);
        }
        active
    }

    /// Removes the connections whose leases ran out. They may come back: their process may only have been slow.
    pub fn expire(&mut self, room: ReservationId, now: Instant) -> Vec<Gone> {
        let mut gone = Vec::new();
        for at in 0..self.places.len() {
            let over = self.places[at].lease.as_ref().is_some_and(|lease| !self.stands(lease, now));
            if over {
                gone.extend(self.vacate(at).map(|lease| self.gone(room, at, lease)));
            }
        }
        if !gone.is_empty() {
            self.next_epoch(now);
        }
        gone
    }

    /// Removes everybody for good.
    pub fn close(&mut self, room: ReservationId, now: Instant) -> Vec<Gone> {
        if self.places.is_empty() {
            return Vec::new();
        }
        let mut gone = Vec::new();
        for at in 0..self.places.len() {
            gone.extend(self.vacate(at).map(|lease| self.gone(room, at, lease)));
        }
        self.screen = Screen::Idle;
        self.next_epoch(now);
        for place in &mut self.places {
            place.fence = self.epoch;
        }
        gone
    }

    /// The place of a member whose connection is the active one.
    ///
    /// # Errors
    /// `SUPERSEDED` when another one is, `NOT_JOINED` when none is.
    pub fn active(&mut self, member: &Member) -> Result<&mut Place, Refusal> {
        let place = self.places.iter_mut().find(|place| place.user == member.user);
        match place {
            Some(place) => match &place.lease {
                Some(lease) if lease.connection == member.connection => Ok(place),
                Some(_) => Err(Refusal::new("SUPERSEDED")),
                None => Err(Refusal::new("NOT_JOINED")),
            },
            None => Err(Refusal::new("NOT_JOINED")),
        }
    }

    /// The active connection of the other participant.
    pub fn peer(&self, user: UserId, now: Instant) -> Option<ConnectionId> {
        let others = self.places.iter().filter(|place| place.user != user);
        let leases = others.filter_map(|place| place.lease.as_ref());
        leases.filter(|lease| self.stands(lease, now)).map(|lease| lease.connection).next()
    }

    pub fn is_present(&self, place: &Place, now: Instant) -> bool {
        place.lease.as_ref().is_some_and(|lease| self.stands(lease, now))
    }

    pub fn is_over(&self, now: Instant) -> bool {
        now.timestamp_millis() >= self.until
    }

    /// UTC: the end of the window, as late as anybody knows it.
    pub fn closes_at(&self) -> Instant {
        DateTime::from_timestamp_millis(self.until).unwrap_or_default()
    }

    /// Signals of before are stale from here on.
    pub fn next_epoch(&mut self, now: Instant) {
        self.epoch = (self.epoch + 1).max(now.timestamp_millis());
        self.next_version(now);
    }

    pub fn next_version(&mut self, now: Instant) {
        self.version = (self.version + 1).max(now.timestamp_millis());
    }

    fn stands(&self, lease: &Lease, now: Instant) -> bool {
        now.timestamp_millis() < self.until.min(lease.seen + LEASE.num_milliseconds())
    }

    /// Where the member's place is; makes the places of both when the room is new.
    fn seat(&mut self, member: &Member) -> Result<usize, Refusal> {
        for (user, role) in [(member.user, member.role), (member.peer, member.role.other())] {
            if self.places.iter().any(|place| place.user == user) {
                continue;
            }
            if self.places.iter().any(|place| place.role == role) {
                return Err(Refusal::new("NOT_PARTICIPANT"));
            }
            self.places.push(Place::new(user, role));
        }
        self.until = self.until.max(member.closes_at.timestamp_millis());
        self.places.sort_by_key(|place| place.role);
        self.places
            .iter()
            .position(|place| place.user == member.user)
            .ok_or_else(|| Refusal::new("NOT_PARTICIPANT"))
    }

    /// Makes the place free for a connection that is about to take it.
    fn occupy(&mut self, room: ReservationId, at: usize, connection: ConnectionId, now: Instant) -> Arrival {
        let old = self.vacate(at);
        self.next_epoch(now);
        match old {
            None => Arrival { first_of_user: true, superseded: None, gone: None },
            Some(old) if old.connection == connection => {
                Arrival { first_of_user: false, superseded: None, gone: None }
            }
            Some(old) if self.stands(&old, now) => {
                Arrival { first_of_user: false, superseded: Some(old.connection), gone: None }
            }
            Some(old) => {
                Arrival { first_of_user: true, superseded: None, gone: Some(self.gone(room, at, old)) }
            }
        }
    }

    /// What a connection said of itself goes with it, and so does its screen.
    fn vacate(&mut self, at: usize) -> Option<Lease> {
        let place = &mut self.places[at];
        place.media = Media::default();
        let lease = place.lease.take();
        if lease.is_some() && self.screen.owner() == Some(place.user) {
            self.screen = Screen::Idle;
        }
        lease
    }

    fn gone(&self, room: ReservationId, at: usize, lease: Lease) -> Gone {
        let Place { user, role, .. } = self.places[at];
        Gone {
            room,
            user,
            role,
            connection: lease.connection,
            node: lease.node,
            seen_at: DateTime::from_timestamp_millis(lease.seen).unwrap_or_default(),
        }
    }
}

impl Place {
    fn new(user: UserId, role: Role) -> Self {
        Self { user, role, fence: 0, media: Media::default(), lease: None, reports: 0 }
    }
}

impl Lease {
    fn new(connection: ConnectionId, node: &str, joined: i64, now: Instant) -> Self {
        Self { connection, node: node.to_owned(), joined, seen: now.timestamp_millis(), reported: 0 }
    }
}

//! A connection's place in a live session.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant as Tick;

use super::bucket::Bucket;
use super::live::{Held, Media, Member, SIGNALS};
use super::lock;
use super::rooms::Ear;
use crate::clock::Instant;
use crate::id::{ConnectionId, PresenceId, ReservationId};

/// From the entry to the leaving, once.
pub struct Attendance {
    pub room: ReservationId,
    /// The evidence of it.
    presence: Mutex<PresenceId>,
    held: Mutex<Held>,
    ends_at: Mutex<Instant>,
    signals: Mutex<Bucket>,
    /// Where signals of this epoch go: a room's active devices change with its epoch alone.
    route: Mutex<Option<(i64, ConnectionId)>>,
    over: AtomicBool,
    _ear: Ear,
}

impl Attendance {
    /// `ends_at`: of the session, extensions included (UTC).
    pub fn new(held: Held, presence: PresenceId, ends_at: Instant, ear: Ear) -> Self {
        Self {
            room: held.member.room,
            presence: Mutex::new(presence),
            held: Mutex::new(held),
            ends_at: Mutex::new(ends_at),
            signals: Mutex::new(Bucket::new(SIGNALS, Tick::now())),
            route: Mutex::default(),
            over: AtomicBool::new(false),
            _ear: ear,
        }
    }

    /// The stay that is written down for it.
    pub fn presence(&self) -> PresenceId {
        *lock(&self.presence)
    }

    pub fn set_presence(&self, presence: PresenceId) {
        *lock(&self.presence) = presence;
    }

    pub fn held(&self) -> Held {
        lock(&self.held).clone()
    }

    pub fn member(&self) -> Member {
        lock(&self.held).member.clone()
    }

    /// What the client last said of its media.
    pub fn set_media(&self, media: Media) {
        lock(&self.held).media = media;
    }

    /// The window as the gate sees it now.
    pub fn set_window(&self, ends_at: Instant, closes_at: Instant) {
        *lock(&self.ends_at) = ends_at;
        lock(&self.held).member.closes_at = closes_at;
    }

    pub fn ends_at(&self) -> Instant {
        *lock(&self.ends_at)
    }

    /// The peer's active device in this epoch, once a signal went there and until another epoch is heard of.
    pub fn route(&self, epoch: i64) -> Option<ConnectionId> {
        lock(&self.route).filter(|(known, _)| *known == epoch).map(|(_, to)| to)
    }

    pub fn know_route(&self, epoch: i64, to: ConnectionId) {
        *lock(&self.route) = Some((epoch, to));
    }

    /// The room's epoch, as it was told.
    pub fn hear_epoch(&self, epoch: i64) {
        let mut route = lock(&self.route);
        if route.is_some_and(|(known, _)| known < epoch) {
            *route = None;
        }
    }

    /// Whether one more signal is within the limit.
    pub fn may_signal(&self) -> bool {
        lock(&self.signals).take(Tick::now())
    }

    /// Ends it. `false`: somebody else has.
    pub fn end(&self) -> bool {
        !self.over.swap(true, Ordering::Relaxed)
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

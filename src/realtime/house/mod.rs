//! The house: what a client can do in rooms, whichever door it came through. No state of a room is kept here: the log is
//! in MongoDB, the session in Redis, what happened in MySQL. A house knows only which of its own connections are where.

mod chat;
mod live;
mod news;
mod upkeep;

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, Weak};

use news::News;

use super::attendance::Attendance;
use super::hub::Hub;
use super::live::{Live, Turn};
use super::lock;
use super::room::Frame;
use super::rooms::{Ear, Told};
use crate::chat::Access;
use crate::clock::Instant;
use crate::core::Core;
use crate::id::ReservationId;

/// What a command changed for its connection.
pub enum Effect {
    None,
    /// What the member may do was looked up.
    Access(Access),
    ChatJoined {
        ear: Ear,
        access: Access,
        head: i64,
        after: Option<i64>,
    },
    ChatLeft(ReservationId),
    LiveJoined(Arc<Attendance>),
    LiveLeft(ReservationId),
}

/// What was read of a room's log.
pub enum ReadDone {
    Head {
        generation: u32,
        head: i64,
    },
    Entries {
        generation: u32,
        entries: Vec<Arc<Told>>,
    },
    /// The log could not be read; about a second has passed.
    Unanswered,
}

/// One per process; cheap to clone, and small: every connection has some.
#[derive(Clone)]
pub struct House(Arc<Inner>);

pub struct Inner {
    hub: Hub,
    core: Core,
    live: Live,
    places: Places,
    news: News,
}

impl Deref for House {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The places that connections of this process have in live sessions.
#[derive(Default)]
struct Places {
    attending: Mutex<Vec<Weak<Attendance>>>,
    /// The last thing that was said here about the end of a room's session.
    announced: Mutex<HashMap<ReservationId, (Instant, &'static str)>>,
}

impl House {
    /// Opens the house over what the hub brings.
    pub fn open(hub: Hub, turn: Turn) -> Self {
        let core = hub.core().clone();
        let live = Live::new(&core, &hub.node().to_string(), turn);
        let inner = Inner { core, live, hub, places: Places::default(), news: News::default() };
        let house = Self(Arc::new(inner));
        tokio::spawn(upkeep::sweep_logs(house.clone()));
        tokio::spawn(upkeep::renew_leases(house.clone()));
        tokio::spawn(upkeep::write_signs(house.clone()));
        tokio::spawn(upkeep::write_news(house.clone()));
        tokio::spawn(upkeep::watch_ends(house.clone()));
        house
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    fn tell_all(&self, frames: Vec<Frame>) {
        for frame in frames {
            self.hub.tell(frame, None);
        }
    }

    fn attend(&self, attendance: &Arc<Attendance>) {
        lock(&self.places.attending).push(Arc::downgrade(attendance));
    }

    /// Everybody who is in a session through this process.
    fn attending(&self) -> Vec<Arc<Attendance>> {
        let mut attending = lock(&self.places.attending);
        let mut here = Vec::with_capacity(attending.len());
        attending.retain(|attendance| match attendance.upgrade().filter(|a| !a.is_over()) {
            Some(attendance) => {
                here.push(attendance);
                true
            }
            None => false,
        });
        let rooms: HashSet<_> = here.iter().map(|attendance| attendance.room).collect();
        lock(&self.places.announced).retain(|room, _| rooms.contains(room));
        here
    }

    /// Whether this was said before; notes it.
    fn is_announced(&self, room: ReservationId, ends_at: Instant, step: &'static str) -> bool {
        lock(&self.places.announced).insert(room, (ends_at, step)) == Some((ends_at, step))
    }
}

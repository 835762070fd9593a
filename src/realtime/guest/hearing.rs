//! What a guest hears, and how its client learns of it.

use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::json;
use tokio::time::Instant;

use super::{Done, Guest, SLOW_AGAIN, Said};
use crate::id::ReservationId;
use crate::realtime::feed::{Feed, Resync};
use crate::realtime::house::ReadDone;
use crate::realtime::room::To;
use crate::realtime::rooms::{Heard, Told};
use crate::session::Cause;

impl Guest {
    pub(super) fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Frame(told) => self.told(told),
            Heard::Missed(room) => {
                if let Some(chat) = self.visits.get_mut(&room).and_then(|visit| visit.chat.as_mut()) {
                    chat.feed.catch_up();
                } else {
                    self.early.insert(room);
                }
            }
            Heard::Overflowed => self.missed_some(),
        }
    }

    fn told(&mut self, told: Arc<Told>) {
        if !told.to.is_for(self.peer.user, self.peer.connection) {
            return;
        }
        let visit = self.visits.entry(told.room).or_default();
        let wanted = match (&mut visit.chat, told.seq) {
            (Some(chat), Some(seq)) => chat.feed.hint(seq),
            (None, Some(_)) => {
                self.early.insert(told.room);
                false
            }
            (chat, None) if told.kind.starts_with("chat.") => chat.is_some(),
            // What is for this connection alone may be the answer to its joining.
            _ => {
                let wanted = visit.live.is_some() || matches!(told.to, To::Connection(_));
                self.unheard |= !wanted && self.live.busy;
                wanted
            }
        };
        if let (Some(attendance), Some(epoch)) = (&visit.live, told.epoch()) {
            attendance.hear_epoch(epoch);
        }
        let (room, ends) = (told.room, told.ends_live());
        if wanted {
            self.say(Said::Told(told));
        }
        if let Some(cause) = ends
            && let Some(visit) = self.visits.get_mut(&room)
            && let Some(attendance) = visit.live.take()
        {
            visit.superseded = cause == Cause::Superseded;
            let house = self.house.clone();
            self.work.push(async move { house.end(&attendance, cause).map(|()| Done::Ended).await }.boxed());
        }
        self.leave(room, |_| {});
    }

    /// Frames were lost: the logs are read, and how the sessions stand is told anew.
    fn missed_some(&mut self) {
        metrics::counter!("konnect_room_overflows_total").increment(1);
        self.unheard |= self.live.busy;
        let mut sessions = Vec::new();
        for (room, visit) in &mut self.visits {
            if let Some(chat) = &mut visit.chat {
                chat.feed.catch_up();
            }
            if visit.live.is_some() {
                sessions.push(*room);
            }
        }
        sessions.into_iter().for_each(|room| self.tell_standing(room));
    }

    /// Tells how a session stands, once that is known.
    pub(super) fn tell_standing(&mut self, room: ReservationId) {
        let house = self.house.clone();
        self.work.push(async move { Done::Snapshot { room, outcome: house.snapshot(room).await } }.boxed());
    }

    /// Reads what the logs of the rooms have for this client.
    pub(super) fn read_on(&mut self) {
        let idle = self.outlet.is_idle();
        for (room, visit) in &mut self.visits {
            let Some(chat) = &mut visit.chat else { continue };
            if let Some(need) = chat.feed.need(idle) {
                let (house, room, access) = (self.house.clone(), *room, chat.access);
                self.work
                    .push(async move { Done::Read { room, done: house.read(&access, need).await } }.boxed());
            }
        }
    }

    pub(super) fn have_read(&mut self, room: ReservationId, done: ReadDone) {
        let resync = match done {
            ReadDone::Unanswered => {
                self.feed_of(room, |feed| feed.unanswered());
                None
            }
            ReadDone::Head { generation, head } => {
                self.feed_of(room, |feed| feed.head(head, generation)).flatten()
            }
            ReadDone::Entries { generation, entries } => {
                let mut sent = 0;
                for entry in entries {
                    let seq = entry.seq.unwrap_or_default();
                    if self.feed_of(room, |feed| feed.row(seq, generation)) == Some(true) {
                        sent += 1;
                        self.say(Said::Told(entry));
                    }
                }
                self.feed_of(room, |feed| feed.batch_end(sent, generation)).flatten()
            }
        };
        if let Some(Resync { reason, head }) = resync {
            metrics::counter!("konnect_socket_resyncs_total").increment(1);
            self.resynced_at = Some(Instant::now());
            let fields = json!({ "room": room, "reason": reason, "head": head });
            self.say(Said::Own { kind: "resync_required", fields });
        }
    }

    fn feed_of<T>(&mut self, room: ReservationId, what: impl FnOnce(&mut Feed) -> T) -> Option<T> {
        self.visits.get_mut(&room)?.chat.as_mut().map(|chat| what(&mut chat.feed))
    }

    pub(super) fn say(&mut self, said: Said) {
        // A stalled client gets nothing: it is told to resync when it reads again.
        if self.stalled_at.is_some() || self.outlet.say(said) {
            return;
        }
        let now = Instant::now();
        if self.resynced_at.is_some_and(|at| now - at < SLOW_AGAIN) {
            self.gives_up = true;
        }
        self.stalled_at = Some(now);
        self.feeds().for_each(Feed::stall);
    }

    /// The client reads again.
    pub(super) fn drained(&mut self) {
        self.stalled_at = None;
        self.resynced_at = Some(Instant::now());
        self.feeds().for_each(Feed::drained);
        self.missed_some();
    }
}

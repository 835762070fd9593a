//! What a house does by itself: keeps its places in rooms, and notices when a session ends.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::House;
use crate::chat;
use crate::id::{PresenceId, ReservationId};
use crate::realtime::attendance::Attendance;
use crate::realtime::live::{RENEW_EVERY, Renewal};
use crate::realtime::room::{Frame, To};
use crate::session::{self, Refused};

/// How late an entry of a room's log may come whose publication was lost.
const SWEEP: Duration = Duration::from_secs(2);
/// How often it is looked whether sessions end.
const LOOK: Duration = Duration::from_secs(1);
/// Looks after which the gate is asked about every room, whether or not something was heard of it.
const LOOKS: u32 = 30;
const ROOMS_PER_QUERY: usize = 500;
/// Stays that are written again at the same time.
const RETURNS: usize = 8;
/// Looks for jobs that are still to be written, after the process was asked to stop.
const DRAIN: u32 = 30;
/// How long before its end a session is told so.
const ENDING: TimeDelta = TimeDelta::minutes(5);

/// Compares the heads of the rooms that are served here with what was told.
pub(super) async fn sweep_logs(house: House) {
    every(&house, SWEEP, async |house, _| {
        for rooms in house.hub.rooms().chunks(ROOMS_PER_QUERY) {
            match chat::heads(&house.core, rooms).await {
                Ok(heads) => heads.into_iter().for_each(|(room, head)| house.hub.compare_room(room, head)),
                Err(error) => {
                    tracing::debug!(%error, "the logs of rooms were not compared; trying again");
                    break;
                }
            }
        }
    })
    .await;
}

/// Vouches for the connections of this process, and finds those for which nobody does. It asks Redis alone: a call goes
/// on while the database is slow or away.
pub(super) async fn renew_leases(house: House) {
    every(&house, RENEW_EVERY, async |house, _| {
        let attending = house.attending();
        renew(house, &attending).await;
    })
    .await;
}

/// Writes down that this process lives, and who is there through it. It may wait for the database as long as it takes:
/// no lease waits with it.
pub(super) async fn write_signs(house: House) {
    every(&house, RENEW_EVERY, async |house, _| {
        let pool = house.core.db.pool();
        let node = house.hub.node().to_string();
        if let Err(error) = session::beat(pool, &node, house.core.clock.now()).await {
            tracing::warn!(%error, "this process could not say that it lives");
        }
        let attending = house.attending();
        let stays: Vec<_> = attending.iter().map(|attendance| attendance.presence()).collect();
        match session::seen(pool, &stays, house.core.clock.now()).await {
            Ok(closed) => note_returns(house, attending, &closed).await,
            Err(error) => tracing::warn!(%error, "signs of life were not written"),
        }
    })
    .await;
}

/// Writes the jobs that tell of messages and that the database did not take at once.
pub(super) async fn write_news(house: House) {
    every(&house, SWEEP, async |house, _| house.write_owed_news().await).await;
    // Guests go on writing while the process drains.
    for _ in 0..DRAIN {
        house.write_owed_news().await;
        sleep(LOOK).await;
    }
}

/// Writes the stays again of those who are there although their stay is closed.
async fn note_returns(house: &House, attending: Vec<Arc<Attendance>>, closed: &[PresenceId]) {
    let mut returns = Vec::new();
    for attendance in attending {
        if closed.contains(&attendance.presence()) && !attendance.is_over() {
            let house = house.clone();
            returns.push(async move { house.note_return(&attendance).await });
        }
    }
    stream::iter(returns).buffer_unordered(RETURNS).collect::<()>().await;
}

async fn renew(house: &House, attending: &[Arc<Attendance>]) {
    let held: Vec<_> = attending.iter().map(|attendance| attendance.held()).collect();
    for (attendance, renewal) in attending.iter().zip(house.live.renew(&held).await) {
        let member = attendance.member();
        let (room, to) = (attendance.room, To::Connection(member.connection));
        match renewal {
            Renewal::Kept | Renewal::Unknown => {}
            // Its connection may have joined again meanwhile: what became of one place must not end the next.
            Renewal::Superseded | Renewal::Gone if attendance.is_over() => {}
            Renewal::Restored { frames, .. } => house.tell_all(frames),
            Renewal::Superseded => {
                house.hub.tell(Frame { kind: "rtc.superseded", room, to, data: json!({}) }, None);
            }
            Renewal::Gone => {
                let data = json!({ "reason": "gone" });
                house.hub.tell(Frame { kind: "session.closed", room, to, data }, None);
            }
        }
    }
    let rooms: HashSet<_> = attending.iter().map(|attendance| attendance.room).collect();
    let rooms: Vec<_> = rooms.into_iter().collect();
    // The evidence of those who are gone is closed by the reconciler, at their last sign of life.
    house.tell_all(house.live.sweep(&rooms).await.frames);
}

/// Asks the gate again about rooms in which something changed, and ends those that are over.
pub(super) async fn watch_ends(house: House) {
    every(&house, LOOK, async |house, looks| {
        let changed = house.hub.take_changed();
        let now = house.core.clock.now();
        let mut rooms: BTreeMap<ReservationId, Vec<Arc<Attendance>>> = BTreeMap::new();
        for attendance in house.attending() {
            rooms.entry(attendance.room).or_default().push(attendance);
        }
        for (room, attending) in rooms {
            let Some(one) = attending.first() else { continue };
            let over = now >= one.member().closes_at;
            if over || looks % LOOKS == 0 || changed.contains(&room) {
                ask_gate(house, room, &attending).await;
            }
            house.announce_end(room, one.ends_at(), now);
        }
    })
    .await;
}

async fn ask_gate(house: &House, room: ReservationId, attending: &[Arc<Attendance>]) {
    let core = &house.core;
    let Some(one) = attending.first() else { return };
    let admitted =
        session::admit(core.db.pool(), room, one.member().user, core.clock.now(), &core.rules).await;
    let reason = match admitted {
        Ok(admission) => {
            for attendance in attending {
                attendance.set_window(admission.ends_at, admission.closes_at);
            }
            return;
        }
        Err(Refused::Database(error)) => {
            tracing::warn!(%error, "the gate could not be asked; asking again");
            return;
        }
        Err(Refused::NotInWindow { .. }) => "window",
        Err(_) => "over",
    };
    // Told here in any case, and elsewhere by whoever serves the room there.
    if let Err(refusal) = house.live.close(room).await {
        tracing::warn!(code = refusal.code, "a room was not closed in Redis; its leases end by themselves");
    }
    let data = json!({ "reason": reason });
    house.hub.tell(Frame { kind: "session.closed", room, to: To::All, data }, None);
}

impl House {
    /// Tells a room once that its session ends in five minutes, and once that it has ended.
    fn announce_end(&self, room: ReservationId, ends_at: crate::clock::Instant, now: crate::clock::Instant) {
        let step = match ends_at - now {
            left if left <= TimeDelta::zero() => "ended",
            left if left <= ENDING => "soon",
            _ => return,
        };
        if self.is_announced(room, ends_at, step) {
            return;
        }
        let data = json!({ "endsAt": ends_at, "serverNow": now, "secondsLeft": (ends_at - now).num_seconds().max(0) });
        self.hub.tell_here(Frame { kind: "session.ending", room, to: To::All, data });
    }
}

/// Does something now and then until the process stops, and at once when the development clock is moved: whoever is in a
/// room is not to look absent because of that.
async fn every(house: &House, period: Duration, work: impl AsyncFn(&House, u32)) {
    let stop = house.hub.stopping();
    let mut timer = interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = 0u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => {}
            () = house.core.clock.moved() => {}
        }
        work(house, times).await;
        times = times.wrapping_add(1);
    }
}

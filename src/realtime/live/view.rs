//! How a room is told to its participants.

use serde::Serialize;
use serde_json::{Value, json};

use super::media::Media;
use super::member::{Gone, Member, Role};
use super::screen::Screen;
use super::state::{Arrival, Place, State};
use crate::clock::Instant;
use crate::id::{ConnectionId, ReservationId, UserId};
use crate::realtime::{Frame, To};

/// A room at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub epoch: i64,
    /// Grows with every change: of two snapshots of a room the one with the greater version is the later.
    pub version: i64,
    /// The mentee and the mentor; nobody before anybody entered.
    pub members: Vec<MemberView>,
    pub screen: Screen,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberView {
    pub user_id: UserId,
    pub role: Role,
    pub present: bool,
    pub polite: bool,
    pub media: Media,
}

/// Why participants are told the state of their room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    Joined,
    TakenOver,
    /// Redis had lost the room, or a process was too slow to renew.
    Restored,
    Left,
    /// A connection was not heard of for the length of its lease.
    Expired,
    Restart,
    Media,
    Screen,
}

pub(super) fn snapshot(state: &State, now: Instant) -> Snapshot {
    let view = |place: &Place| MemberView {
        user_id: place.user,
        role: place.role,
        present: state.is_present(place, now),
        polite: place.role.is_polite(),
        media: place.media,
    };
    Snapshot {
        epoch: state.epoch,
        version: state.version,
        members: state.places.iter().map(view).collect(),
        screen: state.screen,
    }
}

/// The answer to `session.join`.
pub(super) fn joined(state: &State, member: &Member, turn: &Value, now: Instant) -> Value {
    let snapshot = snapshot(state, now);
    let of = |user| snapshot.members.iter().find(|view| view.user_id == user);
    let media = |user| of(user).map(|view| view.media).unwrap_or_default();
    json!({
        "role": member.role,
        "polite": member.role.is_polite(),
        "epoch": snapshot.epoch,
        "version": snapshot.version,
        "peer": {
            "userId": member.peer,
            "present": of(member.peer).is_some_and(|view| view.present),
            "media": media(member.peer),
        },
        "media": media(member.user),
        "screen": snapshot.screen,
        "turn": turn,
        "opensAt": member.opens_at,
        "closesAt": member.closes_at,
        "serverNow": now,
    })
}

/// Frame `rtc.state`.
pub(super) fn state(room: ReservationId, state: &State, reason: Reason, to: To, now: Instant) -> Frame {
    let mut data = json!(snapshot(state, now));
    data["reason"] = json!(reason);
    Frame { kind: "rtc.state", room, to, data }
}

/// What an entry makes the others know.
pub(super) fn arrived(
    state: &State,
    member: &Member,
    arrival: &Arrival,
    reason: Reason,
    to: To,
    now: Instant,
) -> Vec<Frame> {
    let room = member.room;
    let told = arrival.superseded.map(|connection| superseded(room, connection));
    let came = arrival.first_of_user.then(|| presence(room, member.user, member.role, true, to, now));
    told.into_iter().chain(came).chain([self::state(room, state, reason, to, now)]).collect()
}

/// What a sweep makes the others know.
pub(super) fn expired(room: ReservationId, state: &State, gone: &[Gone], now: Instant) -> Vec<Frame> {
    if gone.is_empty() {
        return Vec::new();
    }
    let absent = gone.iter().map(|gone| presence(room, gone.user, gone.role, false, To::All, now));
    absent.chain([self::state(room, state, Reason::Expired, To::All, now)]).collect()
}

/// Frame `session.presence`.
pub(super) fn presence(
    room: ReservationId,
    user: UserId,
    role: Role,
    present: bool,
    to: To,
    now: Instant,
) -> Frame {
    let data = json!({ "userId": user, "role": role, "present": present, "at": now });
    Frame { kind: "session.presence", room, to, data }
}

fn superseded(room: ReservationId, connection: ConnectionId) -> Frame {
    Frame { kind: "rtc.superseded", room, to: To::Connection(connection), data: json!({}) }
}

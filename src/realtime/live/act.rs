//! What a command does to a room, and what the participants learn of it.

use serde_json::{Map, Value, json};

use super::command::{LiveCommand, SignalKind};
use super::media::Media;
use super::member::Member;
use super::quality::{INTERVAL, Measures, PER_PERSON, Report};
use super::screen::{Action, Screen};
use super::state::State;
use super::turn::Turn;
use super::view::{self, Reason};
use crate::clock::Instant;
use crate::id::ConnectionId;
use crate::realtime::{Frame, Refusal, To};

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The answer's `data`.
    pub ack: Value,
    pub frames: Vec<Frame>,
    /// What the participant now says of their media: to be kept in [`Held`](super::Held).
    pub media: Option<Media>,
    /// To be stored by [`Reports::store`](super::Reports::store).
    pub report: Option<Report>,
}

impl Outcome {
    fn new(ack: Value) -> Self {
        Self { ack, frames: Vec::new(), media: None, report: None }
    }

    fn telling(ack: Value, frame: Frame) -> Self {
        Self { frames: vec![frame], ..Self::new(ack) }
    }
}

/// Carries out a command of the member's active connection; nobody else's is.
pub(super) fn obey(
    state: &mut State,
    member: &Member,
    command: &LiveCommand,
    turn: &Turn,
    now: Instant,
) -> Result<Outcome, Refusal> {
    state.active(member)?;
    if state.is_over(now) {
        return Err(member.out_of_time(now));
    }
    match command {
        LiveCommand::Signal { epoch, kind, payload } => signal(state, member, *epoch, *kind, payload, now),
        LiveCommand::Restart {} => {
            state.next_epoch(now);
            let ack = json!({ "epoch": state.epoch });
            Ok(Outcome::telling(ack, tell(state, member, Reason::Restart, now)))
        }
        LiveCommand::Media { mic, camera, ready } => {
            let media = Media { mic: *mic, camera: *camera, ready: *ready };
            set_media(state, member, media, now)
        }
        LiveCommand::Screen { action } => set_screen(state, member, *action, now),
        LiveCommand::Turn {} => {
            let closes_at = state.closes_at();
            let credentials = turn.credentials(member.room, member.user, closes_at, now);
            Ok(Outcome::new(json!({ "turn": credentials })))
        }
        LiveCommand::Quality { report } => quality(state, member, report, now),
    }
}

/// A signal of an earlier epoch belongs to a connection of peers that is no more: it would break the new one.
fn signal(
    state: &State,
    member: &Member,
    epoch: i64,
    kind: SignalKind,
    payload: &Map<String, Value>,
    now: Instant,
) -> Result<Outcome, Refusal> {
    if epoch != state.epoch {
        return Err(Refusal::new("STALE_EPOCH").with("epoch", state.epoch));
    }
    let peer = state.peer(member.user, now).ok_or_else(|| Refusal::new("NO_PEER"))?;
    Ok(Outcome::telling(json!({}), signal_frame(member, peer, epoch, kind, payload.clone())))
}

/// A signal for the peer's active device.
pub fn signal_frame(
    member: &Member,
    to: ConnectionId,
    epoch: i64,
    kind: SignalKind,
    payload: Map<String, Value>,
) -> Frame {
    let mut data = json!({ "from": member.user, "epoch": epoch, "kind": kind });
    // Moved, not copied: it is the larger part by far.
    data["payload"] = Value::Object(payload);
    Frame { kind: "rtc.signal", room: member.room, to: To::Connection(to), data }
}

fn set_media(state: &mut State, member: &Member, media: Media, now: Instant) -> Result<Outcome, Refusal> {
    let place = state.active(member)?;
    let mut outcome = Outcome { media: Some(media), ..Outcome::new(json!({})) };
    if place.media != media {
        place.media = media;
        state.next_version(now);
        outcome.frames.push(tell(state, member, Reason::Media, now));
    }
    Ok(outcome)
}

fn set_screen(state: &mut State, member: &Member, action: Action, now: Instant) -> Result<Outcome, Refusal> {
    let has_peer = state.peer(member.user, now).is_some();
    let screen: Screen = state.screen.after(member.user, action, has_peer)?;
    let mut outcome = Outcome::new(json!({ "screen": screen }));
    if state.screen != screen {
        state.screen = screen;
        state.next_version(now);
        outcome.frames.push(tell(state, member, Reason::Screen, now));
    }
    Ok(outcome)
}

fn quality(
    state: &mut State,
    member: &Member,
    measures: &Measures,
    now: Instant,
) -> Result<Outcome, Refusal> {
    let place = state.active(member)?;
    let lease = place.lease.as_mut().ok_or_else(|| Refusal::new("NOT_JOINED"))?;
    let at = now.timestamp_millis();
    let wait = lease.reported + INTERVAL.num_milliseconds() - at;
    if wait > 0 {
        return Err(Refusal::new("RATE_LIMITED").with("retryAfterMs", wait));
    }
    if place.reports >= PER_PERSON {
        return Err(Refusal::new("RATE_LIMITED"));
    }
    lease.reported = at;
    place.reports += 1;
    let report = Report {
        room: member.room,
        user: member.user,
        role: member.role,
        connection: member.connection,
        at: now,
        measures: measures.clone(),
    };
    Ok(Outcome { report: Some(report), ..Outcome::new(json!({})) })
}

fn tell(state: &State, member: &Member, reason: Reason, now: Instant) -> Frame {
    view::state(member.room, state, reason, To::All, now)
}

//! A session's room as its members see it, and who was there as administrators see it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;

use crate::id::{PresenceId, ReservationId, UserId};
use crate::money::Krw;
use crate::reservation::{Reservation, State};
use crate::session::{Cause, Presence, Role, View};

/// A room. All instants are UTC.
#[derive(Debug, Object)]
#[oai(rename = "Session", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct SessionView {
    /// The room: the reservation that began it. Its extensions take place in it.
    room: ReservationId,
    state: State,
    /// The version of the reservation.
    version: i64,
    /// The caller's side.
    role: Role,
    /// The server's clock, which decides.
    server_now: DateTime<Utc>,
    opens_at: DateTime<Utc>,
    starts_at: DateTime<Utc>,
    /// With its extensions.
    ends_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
    /// Whether the caller may enter now.
    can_enter: bool,
    /// Why not: `SESSION_NOT_LIVE` or `NOT_IN_TIME_WINDOW`.
    reason: Option<String>,
    /// Who is there now.
    present: Vec<PresentView>,
    /// Sides that want to end the session now; it ends when both do.
    ends_requested: Vec<Role>,
    /// The extension that waits for its answer or its payment.
    extension: Option<ExtensionView>,
    /// When both sides ended it before its time.
    ended_at: Option<DateTime<Utc>>,
    /// Whole minutes it lasted then.
    actual_minutes: Option<i64>,
}

/// Somebody who is in the room.
#[derive(Debug, Object)]
#[oai(rename = "SessionPresent", rename_all = "camelCase")]
struct PresentView {
    user_id: UserId,
    role: Role,
    since: DateTime<Utc>,
}

/// More time after the session: a reservation of its own.
#[derive(Debug, Object)]
#[oai(rename = "SessionExtension", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ExtensionView {
    /// Approve, reject or pay it by this id.
    reservation_id: ReservationId,
    state: State,
    minutes: u32,
    /// Won.
    price: Krw,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// Until when it is answered, or paid.
    deadline: Option<DateTime<Utc>>,
}

impl SessionView {
    pub fn new(view: View, now: DateTime<Utc>) -> Self {
        let r = view.reservation;
        let present = view.present.into_iter().map(|stay| PresentView {
            user_id: stay.user_id,
            role: stay.side,
            since: stay.joined_at,
        });
        Self {
            room: r.id,
            state: r.state,
            version: r.version,
            role: view.role,
            server_now: now,
            opens_at: view.opens_at,
            starts_at: r.starts_at,
            ends_at: view.ends_at,
            closes_at: view.closes_at,
            can_enter: view.refused.is_none(),
            reason: view.refused.map(str::to_owned),
            present: present.collect(),
            ends_requested: view.ends_asked,
            extension: view.extension.map(ExtensionView::from),
            ended_at: r.ended_at,
            actual_minutes: r.actual_minutes(),
        }
    }
}

impl From<Reservation> for ExtensionView {
    fn from(r: Reservation) -> Self {
        Self {
            reservation_id: r.id,
            state: r.state,
            minutes: r.duration_min,
            price: r.price_krw,
            starts_at: r.starts_at,
            ends_at: r.ends_at,
            deadline: r.request_deadline.or(r.hold_until),
        }
    }
}

/// A stay in a room, as evidence.
#[derive(Debug, Object)]
#[oai(rename = "PresenceEvidence", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct PresenceView {
    id: PresenceId,
    user_id: UserId,
    role: Role,
    joined_at: DateTime<Utc>,
    /// The last sign of life.
    seen_at: DateTime<Utc>,
    left_at: Option<DateTime<Utc>>,
    cause: Option<Cause>,
    /// The process that served the connection.
    node: String,
}

impl From<Presence> for PresenceView {
    fn from(p: Presence) -> Self {
        Self {
            id: p.id,
            user_id: p.user_id,
            role: p.side,
            joined_at: p.joined_at,
            seen_at: p.seen_at,
            left_at: p.left_at,
            cause: p.cause,
            node: p.node,
        }
    }
}

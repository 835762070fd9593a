//! A reservation as its members see it.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use crate::id::{OfferingId, ReservationId, UserId};
use crate::money::Krw;
use crate::reservation::{self, Action, Allowed, HistoryRow, Reservation, State};

/// All instants are UTC; `timeZone` is the mentor's, for showing wall clocks.
#[derive(Debug, Object)]
#[oai(rename = "Reservation", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct ReservationView {
    id: ReservationId,
    offering_id: OfferingId,
    mentor_id: UserId,
    mentee_id: UserId,
    title: String,
    /// Won, as it was when the slot was taken.
    price: Krw,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// IANA name.
    time_zone: String,
    state: State,
    /// Send it back to change what you saw.
    version: i64,
    /// Until when the mentor answers.
    request_deadline: Option<DateTime<Utc>>,
    /// Until when the slot is held for payment; longer while a payment is being confirmed.
    hold_until: Option<DateTime<Utc>>,
    /// Won given back by a cancellation.
    refund: Option<Krw>,
    /// What the caller may do now.
    actions: Vec<ActionView>,
    created_at: DateTime<Utc>,
    /// The server's clock, for countdowns.
    server_now: DateTime<Utc>,
}

/// One thing the caller may do.
#[derive(Debug, Object)]
#[oai(rename = "ReservationAction", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ActionView {
    action: Action,
    until: Option<DateTime<Utc>>,
    /// For a cancellation: won given back when it happens now.
    refund: Option<Krw>,
    /// Until when that refund holds.
    refund_until: Option<DateTime<Utc>>,
}

impl ReservationView {
    pub fn new(r: &Reservation, viewer: UserId, now: DateTime<Utc>) -> Self {
        Self {
            id: r.id,
            offering_id: r.offering_id,
            mentor_id: r.mentor_id,
            mentee_id: r.mentee_id,
            title: r.title.clone(),
            price: r.price_krw,
            starts_at: r.starts_at,
            ends_at: r.ends_at,
            time_zone: r.time_zone.clone(),
            state: r.state,
            version: r.version,
            request_deadline: r.request_deadline,
            hold_until: r.hold_until,
            refund: r.refund_krw,
            actions: reservation::allowed(r, viewer, now).into_iter().map(ActionView::from).collect(),
            created_at: r.created_at,
            server_now: now,
        }
    }
}

impl From<Allowed> for ActionView {
    fn from(allowed: Allowed) -> Self {
        Self {
            action: allowed.action,
            until: allowed.until,
            refund: allowed.quote.map(|q| q.refund),
            refund_until: allowed.quote.and_then(|q| q.valid_until),
        }
    }
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "ReservationPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Page {
    items: Vec<ReservationView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<ReservationId>,
}

impl Page {
    pub fn new(rows: Vec<Reservation>, limit: u32, viewer: UserId, now: DateTime<Utc>) -> Self {
        let next = (rows.len() == limit as usize).then(|| rows.last().map(|r| r.id)).flatten();
        Self { items: rows.iter().map(|r| ReservationView::new(r, viewer, now)).collect(), next }
    }
}

/// One change.
#[derive(Debug, Object)]
#[oai(rename = "ReservationChange", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct HistoryView {
    version: i64,
    from: Option<State>,
    to: State,
    cause: String,
    reason: Option<String>,
    /// `user`, `admin`, `job`, `operator`.
    actor_kind: String,
    actor_id: Option<Uuid>,
    request_id: String,
    at: DateTime<Utc>,
}

impl From<HistoryRow> for HistoryView {
    fn from(row: HistoryRow) -> Self {
        Self {
            version: row.version,
            from: row.from_state,
            to: row.to_state,
            cause: row.cause,
            reason: row.reason,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            request_id: row.request_id,
            at: row.at,
        }
    }
}

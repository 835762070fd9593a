//! A reservation as its members see it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use super::Shared;
use crate::config::Rules;
use crate::id::{OfferingId, ReservationId, UserId};
use crate::mentor::RefundPolicy;
use crate::money::Krw;
use crate::reservation::{self, Action, Allowed, HistoryRow, Reservation, Side, State, Term};

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
    /// The refund policy of the offering when the slot was taken.
    refund_policy: Option<RefundPolicy>,
    /// What that policy gives a mentee who cancels, the best first.
    refund_tiers: Vec<TierView>,
    /// Of an extension: the session it extends, in whose room it takes place.
    extends: Option<ReservationId>,
    /// When both sides ended the session before its time.
    ended_at: Option<DateTime<Utc>>,
    /// Whole minutes it lasted then.
    actual_minutes: Option<i64>,
    /// The proposal to have it at another time that waits for its answer.
    reschedule: Option<ProposalView>,
    /// How often it can still be moved.
    moves_left: i64,
    /// What the caller may do now.
    actions: Vec<ActionView>,
    created_at: DateTime<Utc>,
    /// The server's clock, for countdowns.
    server_now: DateTime<Utc>,
}

/// What a mentee who cancels gets back, as far as it was not given back before.
#[derive(Debug, Object)]
#[oai(rename = "RefundTier", rename_all = "camelCase")]
struct TierView {
    /// The last instant of this tier, to the microsecond; the one before it has precedence.
    until: DateTime<Utc>,
    /// Won.
    refund: Krw,
    /// Of the price, in basis points: 10,000 is all of it.
    share_bps: u32,
}

impl From<Term> for TierView {
    fn from(term: Term) -> Self {
        Self { until: term.until, refund: term.refund, share_bps: term.share.0 }
    }
}

/// Another time that one side proposed; it is kept for the booking until it is answered.
#[derive(Debug, Object)]
#[oai(rename = "RescheduleProposal", rename_all = "camelCase")]
struct ProposalView {
    /// Who proposed it.
    by: Side,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    /// Until when the other side can agree.
    answer_by: DateTime<Utc>,
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
    /// For another time: until when the other side need not be asked.
    free_until: Option<DateTime<Utc>>,
}

/// Who looks, when, and by which rules.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    user: UserId,
    now: DateTime<Utc>,
    rules: &'a Rules,
}

impl<'a> Viewer<'a> {
    pub fn new(app: &'a Shared, user: UserId) -> Self {
        Self { user, now: app.core.clock.now(), rules: &app.core.rules }
    }
}

impl ReservationView {
    /// `given`: won that were given back, or promised, so far.
    pub fn new(r: &Reservation, viewer: Viewer<'_>, given: Krw) -> Self {
        let Viewer { user, now, rules } = viewer;
        let actions = reservation::allowed(rules, r, user, now, given);
        let lasts = r.ends_at - r.starts_at;
        let (policy, tiers) = match reservation::terms(r) {
            Some(terms) => (Some(terms.policy), terms.tiers),
            None => (None, Vec::new()),
        };
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
            refund_policy: policy,
            refund_tiers: tiers.into_iter().map(TierView::from).collect(),
            extends: r.extends_id,
            ended_at: r.ended_at,
            actual_minutes: r.actual_minutes(),
            reschedule: r.proposal().map(|proposal| ProposalView {
                by: proposal.by,
                starts_at: proposal.starts_at,
                ends_at: proposal.starts_at + lasts,
                answer_by: proposal.until,
            }),
            moves_left: if r.is_extension() { 0 } else { (rules.max_moves - r.moves()).max(0) },
            actions: actions.into_iter().map(ActionView::from).collect(),
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
            free_until: allowed.free_until,
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
    /// `given` as in [`ReservationView::new`], for those of which something was given back.
    pub fn new(
        rows: Vec<Reservation>,
        limit: u32,
        viewer: Viewer<'_>,
        given: &HashMap<ReservationId, Krw>,
    ) -> Self {
        let given = |r: &Reservation| given.get(&r.id).copied().unwrap_or(Krw::ZERO);
        let next = (rows.len() == limit as usize).then(|| rows.last().map(|r| r.id)).flatten();
        Self { items: rows.iter().map(|r| ReservationView::new(r, viewer, given(r))).collect(), next }
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
    /// Of a change about the time: the start that it was about to leave, and the one that was proposed or taken.
    from_starts_at: Option<DateTime<Utc>>,
    to_starts_at: Option<DateTime<Utc>>,
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
            from_starts_at: row.from_starts_at,
            to_starts_at: row.to_starts_at,
            at: row.at,
        }
    }
}

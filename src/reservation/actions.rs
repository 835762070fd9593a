//! The process as data: what may be done next, by whom, until when, and what it does to the money. Pure.

use super::model::{Reservation, Side, State};
use super::policy::{Quote, quote};
use crate::clock::Instant;
use crate::id::UserId;
use crate::money::Krw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum Action {
    Approve,
    Reject,
    Pay,
    /// Pay a reservation that died unpaid, when its slot is still free.
    Retry,
    Cancel,
    Complete,
    /// Give an extension for nothing.
    GiveFree,
    /// End the session before its time, when the other side wants it too.
    End,
    /// Ask for more time after the session.
    Extend,
}

/// One thing the viewer may do now.
#[derive(Clone, Debug)]
pub struct Allowed {
    pub action: Action,
    /// Until when (UTC), where there is a deadline.
    pub until: Option<Instant>,
    /// For a cancellation: what it gives back.
    pub quote: Option<Quote>,
}

/// Whether `side` may cancel at `now`. A session that has begun is cancelled by the platform or its provider alone; a
/// mentee's time ends with the start, whether or not the session was entered.
pub fn may_cancel(r: &Reservation, side: Side, now: Instant) -> bool {
    match r.state {
        State::Requested | State::AwaitingPayment => true,
        State::Confirmed => side != Side::Mentee || now < r.starts_at,
        State::InSession => matches!(side, Side::Admin | Side::Provider),
        _ => false,
    }
}

/// What `viewer` may do with the reservation at `now`; `given` won of its price were given back, or promised, before.
pub fn allowed(r: &Reservation, viewer: UserId, now: Instant, given: Krw) -> Vec<Allowed> {
    let is_mentor = r.mentor_id == viewer;
    let side = if is_mentor { Side::Mentor } else { Side::Mentee };
    let plain = |action, until| Allowed { action, until, quote: None };
    let cancel = || {
        let quote = quote(r, side, now, given);
        Allowed { action: Action::Cancel, until: (!is_mentor).then_some(r.starts_at), quote: Some(quote) }
    };
    match r.state {
        State::Requested if is_mentor => {
            let mut answers =
                vec![plain(Action::Approve, r.request_deadline), plain(Action::Reject, r.request_deadline)];
            if r.is_extension() {
                answers.push(plain(Action::GiveFree, r.request_deadline));
            }
            answers
        }
        State::Requested => vec![cancel()],
        State::AwaitingPayment if is_mentor => vec![cancel()],
        State::AwaitingPayment => vec![plain(Action::Pay, r.hold_until), cancel()],
        State::Confirmed if may_cancel(r, side, now) => vec![cancel()],
        State::Expired | State::PaymentFailed if !is_mentor && !r.is_extension() && now < r.starts_at => {
            vec![plain(Action::Retry, Some(r.starts_at))]
        }
        State::InSession if now < r.ends_at => {
            let mut live = vec![plain(Action::End, Some(r.ends_at))];
            if !is_mentor {
                live.push(plain(Action::Extend, Some(r.ends_at)));
            }
            live
        }
        State::InSession if !is_mentor => vec![plain(Action::Complete, None)],
        _ => Vec::new(),
    }
}

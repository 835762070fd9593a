//! The process as data: what may be done next, by whom, until when, and what it does to the money. Pure.

use super::deadline::ANSWER_BEFORE;
use super::error::Error;
use super::model::{Move, Reservation, Side, State};
use super::policy::{Quote, quote};
use crate::clock::Instant;
use crate::config::Rules;
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
    /// Have the session at another time, or propose that.
    Reschedule,
    /// Agree to the other time that was proposed.
    AcceptReschedule,
    DeclineReschedule,
    /// Take one's own proposal back.
    WithdrawReschedule,
}

/// Proposals to move one booking, in all: each keeps a slot from everybody else until it is answered.
const MOST_PROPOSALS: u32 = 6;

/// One thing the viewer may do now.
#[derive(Clone, Debug)]
pub struct Allowed {
    pub action: Action,
    /// Until when (UTC), where there is a deadline.
    pub until: Option<Instant>,
    /// For a cancellation: what it gives back.
    pub quote: Option<Quote>,
    /// For another time: until when (UTC, this instant still) the other side need not be asked.
    pub free_until: Option<Instant>,
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

/// Whether somebody may propose to move it at `now`: a booking that stands, with an hour left for the answer.
///
/// # Errors
/// `NotAllowed`, `MovePending`, `MoveLimit`, `MoveTooLate`
pub fn may_propose_move(rules: &Rules, r: &Reservation, now: Instant) -> Result<(), Error> {
    if r.state.after(Move::ProposeMove).is_none() || r.is_extension() {
        return Err(Error::NotAllowed);
    }
    if r.move_id.is_some() {
        return Err(Error::MovePending);
    }
    if r.moves() >= rules.max_moves || r.move_proposals >= MOST_PROPOSALS {
        return Err(Error::MoveLimit);
    }
    if now >= r.starts_at - ANSWER_BEFORE {
        return Err(Error::MoveTooLate);
    }
    Ok(())
}

/// What this side may do about the time of a booking that stands.
fn about_time(rules: &Rules, r: &Reservation, side: Side, now: Instant) -> Vec<Allowed> {
    let plain = |action, until| Allowed { action, until: Some(until), quote: None, free_until: None };
    if let Some(proposal) = r.proposal() {
        if proposal.by == side {
            return vec![plain(Action::WithdrawReschedule, proposal.until)];
        }
        let mut answers = vec![plain(Action::DeclineReschedule, proposal.until)];
        if now < proposal.until {
            answers.insert(0, plain(Action::AcceptReschedule, proposal.until));
        }
        return answers;
    }
    if may_propose_move(rules, r, now).is_err() {
        return Vec::new();
    }
    let free_until = r.starts_at - rules.move_free();
    let is_free = side == Side::Mentee && r.moves_freely && now <= free_until;
    let until = r.starts_at - ANSWER_BEFORE;
    vec![Allowed { free_until: is_free.then_some(free_until), ..plain(Action::Reschedule, until) }]
}

/// What `viewer` may do with the reservation at `now`; `given` won of its price were given back, or promised, before.
pub fn allowed(rules: &Rules, r: &Reservation, viewer: UserId, now: Instant, given: Krw) -> Vec<Allowed> {
    let side = r.side_of(viewer);
    let is_mentor = side == Side::Mentor;
    let plain = |action, until| Allowed { action, until, quote: None, free_until: None };
    let cancel = || {
        let quote = quote(r, side, now, given);
        Allowed {
            action: Action::Cancel,
            until: (!is_mentor).then_some(r.starts_at),
            quote: Some(quote),
            free_until: None,
        }
    };
    match r.state {
        State::Requested if is_mentor => {
            let mut answers =
                vec![plain(Action::Approve, r.request_deadline), plain(Action::Reject, r.request_deadline)];
            if r.is_extension() {
                answers.push(plain(Action::GiveFree, r.request_deadline));
                // Past its deadline it waits for the job that ends it.
                let is_over = r.request_deadline.is_some_and(|until| now >= until);
                answers.retain(|answer| !is_over || answer.action == Action::Reject);
            }
            answers.push(cancel());
            answers
        }
        State::Requested => vec![cancel()],
        State::AwaitingPayment if is_mentor => vec![cancel()],
        State::AwaitingPayment => vec![plain(Action::Pay, r.hold_until), cancel()],
        State::Confirmed => {
            let mut all = about_time(rules, r, side, now);
            if may_cancel(r, side, now) {
                all.push(cancel());
            }
            all
        }
        State::Expired | State::PaymentFailed
            if !is_mentor && !r.is_extension() && !r.needs_approval && now < r.starts_at =>
        {
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

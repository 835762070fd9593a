//! A reservation and the one table of the moves it may make. Pure.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{OfferingId, ReservationId, UserId};
use crate::money::Krw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReservationState")]
pub enum State {
    Requested,
    AwaitingPayment,
    Paying,
    Confirmed,
    InSession,
    Completed,
    Rejected,
    Expired,
    PaymentFailed,
    Cancelled,
    NoShow,
}

/// What can happen to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// The mentor takes a request.
    Approve,
    Reject,
    /// The mentor did not answer in time.
    RequestExpired,
    /// The mentee sent a payment to be confirmed.
    ConfirmAsked,
    /// The payment was declined and the hold lives: another try is possible.
    Declined,
    /// The money is taken.
    Captured,
    /// There is nothing to pay: a free session, or an extension that the mentor gives for nothing.
    Free,
    /// Nobody paid in time.
    HoldOver,
    /// The payment failed and the hold is over, or the failure is final.
    PaymentFailed,
    /// The slot was still free after all: the mentee holds it again.
    Reclaim,
    Cancel,
    /// The payer was given a bank account to pay into: the slot waits for the deposit.
    DepositAwaited,
    /// The provider took the capture back: nothing is paid after all.
    CaptureReversed,
    /// The session's time has come.
    Start,
    Complete,
    /// Both sides ended the session before its time.
    EndEarly,
    /// Somebody did not come.
    NoShow,
    /// One side would like another time; its cells are claimed beside those of the booking.
    ProposeMove,
    /// The booking has another time from now on.
    Reschedule,
    /// The other side does not want the other time.
    DeclineMove,
    /// Whoever proposed another time takes that back.
    WithdrawMove,
    /// Nobody answered the proposal in time.
    MoveExpired,
}

crate::words!(State {
    Requested => "requested",
    AwaitingPayment => "awaiting_payment",
    Paying => "paying",
    Confirmed => "confirmed",
    InSession => "in_session",
    Completed => "completed",
    Rejected => "rejected",
    Expired => "expired",
    PaymentFailed => "payment_failed",
    Cancelled => "cancelled",
    NoShow => "no_show",
});

impl State {
    /// The table of allowed moves.
    pub fn after(self, step: Move) -> Option<Self> {
        use State as S;
        Some(match (self, step) {
            (S::Requested, Move::Approve) => S::AwaitingPayment,
            (S::Requested | S::AwaitingPayment, Move::Free) => S::Confirmed,
            (S::Requested, Move::Reject) => S::Rejected,
            (S::Requested, Move::RequestExpired) => S::Expired,
            (S::AwaitingPayment, Move::ConfirmAsked) => S::Paying,
            (S::AwaitingPayment, Move::HoldOver) => S::Expired,
            (S::AwaitingPayment | S::Paying, Move::PaymentFailed) => S::PaymentFailed,
            (S::Paying, Move::Declined) => S::AwaitingPayment,
            (S::Paying, Move::Captured) => S::Confirmed,
            (S::Expired | S::PaymentFailed, Move::Reclaim) => S::AwaitingPayment,
            (S::Paying, Move::DepositAwaited) | (S::Confirmed, Move::CaptureReversed) => S::AwaitingPayment,
            (S::Requested | S::AwaitingPayment | S::Confirmed | S::InSession, Move::Cancel) => S::Cancelled,
            (S::InSession, Move::NoShow) => S::NoShow,
            (S::Confirmed, Move::Start) => S::InSession,
            (S::InSession, Move::Complete | Move::EndEarly) => S::Completed,
            (S::Confirmed, step) if step.is_about_time() => S::Confirmed,
            _ => return None,
        })
    }

    /// Whether the slot is claimed in this state (I4: a terminal reservation owns no claim). A completed
    /// session lies in the past, so nobody misses its cells.
    pub fn holds_slot(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::AwaitingPayment | Self::Paying | Self::Confirmed | Self::InSession
        )
    }
}

impl Move {
    pub const ALL: [Self; 22] = [
        Self::Approve,
        Self::Reject,
        Self::RequestExpired,
        Self::ConfirmAsked,
        Self::Declined,
        Self::Captured,
        Self::Free,
        Self::HoldOver,
        Self::PaymentFailed,
        Self::Reclaim,
        Self::Cancel,
        Self::DepositAwaited,
        Self::CaptureReversed,
        Self::Start,
        Self::Complete,
        Self::EndEarly,
        Self::NoShow,
        Self::ProposeMove,
        Self::Reschedule,
        Self::DeclineMove,
        Self::WithdrawMove,
        Self::MoveExpired,
    ];

    /// Whether it is about the time of a booking that stands, which stays what it is.
    pub fn is_about_time(self) -> bool {
        matches!(
            self,
            Self::ProposeMove | Self::Reschedule | Self::DeclineMove | Self::WithdrawMove | Self::MoveExpired
        )
    }

    /// The word in history rows and the last part of the event's name.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::RequestExpired => "request_expired",
            Self::ConfirmAsked => "paying",
            Self::Declined => "payment_declined",
            Self::Captured | Self::Free => "confirmed",
            Self::HoldOver => "expired",
            Self::PaymentFailed => "payment_failed",
            Self::Reclaim => "reclaimed",
            Self::Cancel => "cancelled",
            Self::DepositAwaited => "deposit_awaited",
            Self::CaptureReversed => "capture_reversed",
            Self::Start => "started",
            Self::Complete => "completed",
            Self::EndEarly => "ended_early",
            Self::NoShow => "no_show",
            Self::ProposeMove => "reschedule_proposed",
            Self::Reschedule => "rescheduled",
            Self::DeclineMove => "reschedule_declined",
            Self::WithdrawMove => "reschedule_withdrawn",
            Self::MoveExpired => "reschedule_expired",
        }
    }
}

/// A row of `reservations`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Reservation {
    pub id: ReservationId,
    pub offering_id: OfferingId,
    pub mentor_id: UserId,
    pub mentee_id: UserId,
    pub title: String,
    pub price_krw: Krw,
    pub duration_min: u32,
    /// IANA zone of the mentor at booking.
    pub time_zone: String,
    pub policy_version: i16,
    pub starts_at: Instant,
    pub ends_at: Instant,
    pub schedule_version: i64,
    pub state: State,
    pub version: i64,
    pub request_deadline: Option<Instant>,
    pub hold_until: Option<Instant>,
    pub payment_failed: bool,
    /// What a cancellation gave back.
    pub refund_krw: Option<Krw>,
    /// Who did not come, after a no-show.
    pub absent: Option<Absent>,
    /// Of an extension: the session it extends, the first of the chain.
    pub extends_id: Option<ReservationId>,
    /// When both sides ended it before its time.
    pub ended_at: Option<Instant>,
    /// Its mentor has not agreed to it, and nobody pays for it before.
    pub needs_approval: bool,
    /// Whether the mentee may move it without asking while the start is far, as its offering was instant when booked.
    pub moves_freely: bool,
    /// Of the proposal to move it, with the three below: what owns the cells that it claims.
    pub move_id: Option<ReservationId>,
    pub move_by: Option<Side>,
    pub move_to: Option<Instant>,
    pub move_until: Option<Instant>,
    /// How often somebody proposed to move it.
    pub move_proposals: u32,
    /// Of the price: the most that its mentee still gets back, after a move of theirs; absent for all of it.
    pub refund_cap_bps: Option<u32>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl Reservation {
    pub fn has_member(&self, user: UserId) -> bool {
        self.mentor_id == user || self.mentee_id == user
    }

    /// Whether it lives and was paid for, or is free.
    pub fn is_paid(&self) -> bool {
        matches!(self.state, State::Confirmed | State::InSession)
    }

    /// The session whose room this one takes place in.
    pub fn room(&self) -> ReservationId {
        self.extends_id.unwrap_or(self.id)
    }

    pub fn is_extension(&self) -> bool {
        self.extends_id.is_some()
    }

    /// The proposal to move it that waits for its answer.
    pub fn proposal(&self) -> Option<Proposal> {
        Some(Proposal {
            id: self.move_id?,
            by: self.move_by?,
            starts_at: self.move_to?,
            until: self.move_until?,
        })
    }

    pub(super) fn set_proposal(&mut self, proposal: Option<Proposal>) {
        self.move_id = proposal.map(|p| p.id);
        self.move_by = proposal.map(|p| p.by);
        self.move_to = proposal.map(|p| p.starts_at);
        self.move_until = proposal.map(|p| p.until);
    }

    /// How often it has been moved.
    pub fn moves(&self) -> i64 {
        self.schedule_version - 1
    }

    /// On which side of it a member is.
    pub fn side_of(&self, member: UserId) -> Side {
        if self.mentor_id == member { Side::Mentor } else { Side::Mentee }
    }

    /// Whole minutes that a session lasted which both sides ended before its time.
    pub fn actual_minutes(&self) -> Option<i64> {
        self.ended_at.map(|at| (at - self.starts_at).num_minutes())
    }

    /// When it was completed: nothing leads out of that state.
    pub fn completed_at(&self) -> Option<Instant> {
        (self.state == State::Completed).then_some(self.updated_at)
    }

    /// Whether what is held for it is its mentor's: it is over, and what was to be given back is on its way.
    pub fn is_earned(&self) -> bool {
        matches!(self.state, State::Completed | State::Cancelled)
            || (self.state == State::NoShow && self.absent == Some(Absent::Mentee))
    }
}

/// A wish of one side to have the session at another time. Instants are UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Owns the cells that it claims beside those of the booking.
    pub id: ReservationId,
    pub by: Side,
    pub starts_at: Instant,
    /// It can be agreed to before this instant.
    pub until: Instant,
}

/// Who did not come to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Absent {
    Mentee,
    Mentor,
    Both,
}

crate::words!(Absent { Mentee => "mentee", Mentor => "mentor", Both => "both" });

/// Who cancels, which decides what is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReservationSide")]
pub enum Side {
    Mentee,
    Mentor,
    Admin,
    Provider,
}

crate::words!(Side { Mentee => "mentee", Mentor => "mentor", Admin => "admin", Provider => "provider" });

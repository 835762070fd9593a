use chrono::TimeDelta;

use crate::availability;
use crate::clock::Instant;
use crate::id::ReservationId;
use crate::mentor;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such reservation, or not the caller's")]
    NotFound,
    #[error("the state does not allow this")]
    NotAllowed,
    #[error("the reservation changed meanwhile")]
    Stale,
    #[error("the slot is taken")]
    SlotTaken { alternatives: Vec<Instant> },
    #[error("an administrator who is a side of it")]
    OwnCase,
    #[error("a mentor cannot book their own offering")]
    OwnOffering,
    /// `until`: when the first of them ends by itself (UTC).
    #[error("too many unpaid reservations")]
    HoldLimit { until: Option<Instant>, held: Vec<ReservationId> },
    #[error("too many holds ran out unpaid")]
    CoolDown { until: Instant, wait: TimeDelta },
    #[error("the mentee's account is suspended or closes")]
    AccountClosed,
    #[error("these two have had their free session")]
    FreeUsed,
    #[error("the price the caller saw is not the price")]
    PriceChanged,
    #[error("a proposal to move it waits for its answer")]
    MovePending,
    #[error("it was moved, or proposed to be moved, as often as it may be")]
    MoveLimit,
    #[error("too late to move it")]
    MoveTooLate,
    #[error("it is at this time already")]
    MoveSame,
    #[error("no proposal waits for this answer")]
    MoveOver,
    #[error("the time to answer the extension has passed")]
    ExtensionOver,
    #[error("only slots of instant offerings are waited for")]
    WaitNotPossible,
    #[error("not a stretch of at most 14 days within the 180 days ahead")]
    WaitRange,
    #[error("waits for as much as one person may")]
    WaitLimit,
    #[error("waits for this offering already")]
    WaitsAlready,
    #[error("no such entry, or not the caller's, or it waits no more")]
    WaitNotFound,
    #[error("availability")]
    Availability(#[from] availability::Error),
    #[error("mentor")]
    Mentor(#[from] mentor::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "reservation.not_found",
            Self::NotAllowed => "reservation.not_allowed",
            Self::Stale => "reservation.stale",
            Self::SlotTaken { .. } => "slot.taken",
            Self::OwnCase => "dispute.own_case",
            Self::OwnOffering => "reservation.own_offering",
            Self::HoldLimit { .. } => "reservation.hold_limit",
            Self::CoolDown { .. } => "reservation.cool_down",
            Self::MovePending => "reservation.reschedule_pending",
            Self::MoveLimit => "reservation.reschedule_limit",
            Self::MoveTooLate => "reservation.reschedule_too_late",
            Self::MoveSame => "reservation.reschedule_same",
            Self::MoveOver => "reservation.reschedule_over",
            Self::ExtensionOver => "session.extension_over",
            Self::AccountClosed => "reservation.account_closed",
            Self::FreeUsed => "reservation.free_used",
            Self::PriceChanged => "reservation.price_changed",
            Self::WaitNotPossible => "waitlist.not_possible",
            Self::WaitRange => "waitlist.invalid_range",
            Self::WaitLimit => "waitlist.limit",
            Self::WaitsAlready => "waitlist.joined",
            Self::WaitNotFound => "waitlist.not_found",
            Self::Availability(error) => error.code(),
            Self::Mentor(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}

use crate::{ledger, payment, reservation, settlement};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such dispute, or not the caller's")]
    NotFound,
    #[error("no such reservation, or not the caller's")]
    ReservationNotFound,
    #[error("nothing can be disputed about the reservation as it is")]
    NotPossible,
    #[error("the time to report a problem is over")]
    WindowOver,
    #[error("a dispute about the reservation is open")]
    AlreadyOpen,
    #[error("a dispute about the reservation was decided or settled")]
    AlreadyDecided,
    #[error("the side has withdrawn a dispute about the reservation")]
    AlreadyWithdrawn,
    #[error("more is claimed or agreed than the price or the claim")]
    ClaimExceeds,
    #[error("the state or the side does not allow this")]
    NotAllowed,
    #[error("the dispute changed meanwhile")]
    Stale,
    #[error("no evidence is taken any more")]
    EvidenceClosed,
    #[error("the side has shown as much as it may")]
    EvidenceLimit,
    #[error("the link is no https address")]
    LinkInvalid,
    #[error("the decision contradicts itself: {0}")]
    DecisionInvalid(&'static str),
    #[error("more would be given back than is left")]
    RefundExceeds,
    #[error("the second administrator is the first one")]
    SamePerson,
    #[error("the administrator is a side of it")]
    OwnCase,
    #[error("the session has not begun long enough ago")]
    NoShowTooEarly,
    #[error("reservation")]
    Reservation(#[from] reservation::Error),
    #[error("payment")]
    Payment(#[from] payment::Error),
    #[error("settlement")]
    Settlement(#[from] settlement::Error),
    #[error("ledger")]
    Ledger(#[from] ledger::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "dispute.not_found",
            Self::ReservationNotFound => "reservation.not_found",
            Self::NotPossible => "dispute.not_possible",
            Self::WindowOver => "dispute.window_over",
            Self::AlreadyOpen => "dispute.already_open",
            Self::AlreadyDecided => "dispute.already_decided",
            Self::AlreadyWithdrawn => "dispute.already_withdrawn",
            Self::ClaimExceeds => "dispute.claim_exceeds",
            Self::NotAllowed => "dispute.not_allowed",
            Self::Stale => "dispute.stale",
            Self::EvidenceClosed => "dispute.evidence_closed",
            Self::EvidenceLimit => "dispute.evidence_limit",
            Self::LinkInvalid => "dispute.link_invalid",
            Self::DecisionInvalid(_) => "dispute.decision_invalid",
            Self::RefundExceeds => "refund.exceeds",
            Self::SamePerson => "dispute.same_person",
            Self::OwnCase => "dispute.own_case",
            Self::NoShowTooEarly => "no_show.too_early",
            Self::Reservation(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Settlement(error) => error.code(),
            Self::Ledger(_) | Self::Database(_) => "internal",
        }
    }
}

use super::content::Invalid;
use crate::{payment, reservation};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such review, or nothing of it is shown to the caller")]
    NotFound,
    #[error("no such reservation, or not the caller's")]
    ReservationNotFound,
    #[error("the session was not completed, or everything was given back")]
    NotPossible,
    #[error("the time to review the session is over")]
    WindowOver,
    #[error("the caller has reviewed the session already")]
    Exists,
    #[error("the review changed meanwhile")]
    Stale,
    #[error("{0}")]
    Invalid(Invalid),
    #[error("the state of the review does not allow this")]
    NotAllowed,
    #[error("it was written anew as often as it may be")]
    EditLimit,
    #[error("the time to edit the reply is over")]
    ReplyClosed,
    #[error("nobody reports what they wrote themselves")]
    Own,
    #[error("the person has reported as much as they may for now")]
    ReportLimit,
    #[error("the administrator is a side of it")]
    OwnCase,
    #[error("reservation")]
    Reservation(#[from] reservation::Error),
    #[error("payment")]
    Payment(#[from] payment::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "review.not_found",
            Self::ReservationNotFound => "reservation.not_found",
            Self::NotPossible => "review.not_possible",
            Self::WindowOver => "review.window_over",
            Self::Exists => "review.exists",
            Self::Stale => "review.stale",
            Self::Invalid(_) => "review.invalid",
            Self::NotAllowed => "review.not_allowed",
            Self::EditLimit => "review.edit_limit",
            Self::ReplyClosed => "review.reply_closed",
            Self::Own => "review.own",
            Self::ReportLimit => "review.report_limit",
            Self::OwnCase => "review.own_case",
            Self::Reservation(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Database(_) => "internal",
        }
    }
}

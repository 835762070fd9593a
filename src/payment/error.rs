use crate::availability;
use crate::ledger;
use crate::reservation;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such payment, or not the caller's")]
    NotFound,
    #[error("the amount is not that of the order")]
    AmountMismatch,
    #[error("the payment key is malformed")]
    KeyInvalid,
    #[error("the order was confirmed with another key, or is paid")]
    AlreadyConfirmed,
    #[error("another attempt is being confirmed")]
    InProgress,
    #[error("the attempt has ended")]
    AttemptOver,
    #[error("the attempt's outcome is known")]
    AttemptSettled,
    #[error("the provider's payment is not the one of this attempt")]
    ProviderMismatch,
    #[error("the refunds would exceed what was captured")]
    RefundExceedsCapture,
    #[error("availability")]
    Availability(#[from] availability::Error),
    #[error("reservation")]
    Reservation(#[from] reservation::Error),
    #[error("ledger")]
    Ledger(#[from] ledger::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "payment.not_found",
            Self::AmountMismatch => "payment.amount_mismatch",
            Self::KeyInvalid => "payment.key_invalid",
            Self::AlreadyConfirmed => "payment.already_confirmed",
            Self::InProgress => "payment.in_progress",
            Self::AttemptOver => "payment.attempt_over",
            Self::AttemptSettled => "payment.attempt_settled",
            Self::Availability(error) => error.code(),
            Self::Reservation(error) => error.code(),
            Self::ProviderMismatch | Self::RefundExceedsCapture | Self::Ledger(_) | Self::Database(_) => {
                "internal"
            }
        }
    }
}

use crate::availability;
use crate::ledger;
use crate::reservation;
use crate::seal::SealError;

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
    #[error("the payment was tried too often")]
    TooManyAttempts,
    #[error("the attempt's outcome is known")]
    AttemptSettled,
    #[error("the provider's payment is not the one of this attempt")]
    ProviderMismatch,
    #[error("the refunds would exceed what was captured")]
    RefundExceedsCapture,
    #[error("no such refund")]
    RefundNotFound,
    #[error("the amount of a refund is positive")]
    RefundAmount,
    #[error("nothing was captured that could be given back")]
    NothingCaptured,
    #[error("a live reservation is given back whole by a cancellation")]
    UseCancel,
    #[error("the refund's state does not allow this")]
    RefundNotAllowed,
    #[error("the administrator who asked cannot agree")]
    SamePerson,
    #[error("the money bought nothing: it is the payer's")]
    RefundOwed,
    #[error("no refund waits for a bank account")]
    NoAccountNeeded,
    #[error("the bank account breaks a rule")]
    AccountInvalid(&'static str),
    #[error("no such quote of this reservation and person")]
    QuoteNotFound,
    #[error("the quote has run out")]
    QuoteExpired,
    #[error("the quote was used")]
    QuoteUsed,
    #[error("a sealed bank account")]
    Seal(#[from] SealError),
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
            Self::TooManyAttempts => "payment.too_many_attempts",
            Self::RefundExceedsCapture => "refund.exceeds",
            Self::RefundNotFound => "refund.not_found",
            Self::RefundAmount => "refund.amount_invalid",
            Self::NothingCaptured => "refund.nothing_captured",
            Self::UseCancel => "refund.use_cancel",
            Self::RefundNotAllowed => "refund.not_allowed",
            Self::SamePerson => "refund.same_person",
            Self::RefundOwed => "refund.owed",
            Self::NoAccountNeeded => "refund.no_account_needed",
            Self::AccountInvalid(_) => "refund.account_invalid",
            Self::QuoteNotFound => "quote.not_found",
            Self::QuoteExpired => "quote.expired",
            Self::QuoteUsed => "quote.used",
            Self::AttemptSettled => "payment.attempt_settled",
            Self::Availability(error) => error.code(),
            Self::Reservation(error) => error.code(),
            Self::ProviderMismatch | Self::Seal(_) | Self::Ledger(_) | Self::Database(_) => "internal",
        }
    }
}

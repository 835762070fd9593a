use crate::seal::SealError;
use crate::{ledger, mentor};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no such payout")]
    NotFound,
    #[error("no such payout account")]
    AccountNotFound,
    /// `field` as the API names it.
    #[error("{field} must be {rule}")]
    AccountInvalid { field: &'static str, rule: &'static str },
    #[error("the account was changed meanwhile")]
    AccountStale,
    #[error("payouts are not paused")]
    NotPaused,
    #[error("the payout is over")]
    Over,
    #[error("nobody has to decide this payout")]
    NotInReview,
    #[error("the one who asked cannot confirm")]
    SecondPersonNeeded,
    #[error("an administrator decides no payout of their own")]
    OwnCase,
    #[error("a payout or a line changed meanwhile")]
    Stale,
    #[error("the account number cannot be opened")]
    Sealed(#[from] SealError),
    #[error("mentor")]
    Mentor(#[from] mentor::Error),
    #[error("ledger")]
    Ledger(#[from] ledger::Error),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "payout.not_found",
            Self::AccountNotFound => "payout.account_not_found",
            Self::AccountInvalid { .. } => "payout.account_invalid",
            Self::AccountStale => "payout.account_stale",
            Self::NotPaused => "payout.not_paused",
            Self::Over => "payout.over",
            Self::NotInReview => "payout.not_in_review",
            Self::SecondPersonNeeded => "payout.second_person_needed",
            Self::OwnCase => "dispute.own_case",
            Self::Mentor(error) => error.code(),
            Self::Stale | Self::Sealed(_) | Self::Ledger(_) | Self::Database(_) => "internal",
        }
    }
}

//! Why somebody is not let in.

use crate::clock::Instant;
use crate::db::DbError;

/// Deliberately says no more than the caller may know.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown e-mail or wrong password: the two must look alike.
    #[error("the e-mail or the password is wrong")]
    InvalidCredentials,
    #[error("the access token is not valid")]
    TokenInvalid,
    #[error("the access token has expired")]
    TokenExpired,
    /// The session was ended: by its owner, by an administrator, or because a refresh token was reused.
    #[error("the session has been ended")]
    SessionRevoked,
    #[error("the refresh token is unknown or has expired")]
    RefreshInvalid,
    /// A refresh token came a second time: somebody has a copy, so the whole family is dead.
    #[error("the refresh token was used before; the session has been ended")]
    RefreshReused,
    /// Wrong, too old, used up, or for another address: they must look alike.
    #[error("the code that was mailed is wrong or no longer good")]
    EmailCodeInvalid,
    #[error("the mailbox must be proven by a code")]
    EmailCodeRequired,
    /// Of somebody who is logged in.
    #[error("the present password is wrong")]
    PasswordWrong,
    #[error("the second factor is wrong, or was used")]
    FactorWrong,
    #[error("the account has no second factor")]
    FactorMissing,
    #[error("the account has a second factor already")]
    FactorExists,
    /// Of an administrator.
    #[error("the login has not shown a second factor")]
    FactorRequired,
    /// It must be shown again first.
    #[error("the second factor was shown too long ago for this")]
    FactorNotFresh,
    #[error("the login does not wait for a second factor, or no longer")]
    ChallengeInvalid,
    #[error("a sealed secret")]
    Sealed(#[source] crate::seal::SealError),
    /// Holds when it is erased, unless its owner comes back.
    #[error("the account is being deleted")]
    Leaving(Option<Instant>),
    /// The password must be given again first.
    #[error("the login is too old for this")]
    NotFresh,
    #[error("the account is suspended")]
    Suspended,
    #[error("signing failed")]
    Signing(#[source] jsonwebtoken::errors::Error),
    #[error("password hashing failed: {0}")]
    Hashing(String),
    #[error("database")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "auth.invalid_credentials",
            Self::TokenInvalid => "auth.token_invalid",
            Self::TokenExpired => "auth.token_expired",
            Self::SessionRevoked => "auth.session_revoked",
            Self::RefreshInvalid => "auth.refresh_invalid",
            Self::RefreshReused => "auth.refresh_reused",
            Self::EmailCodeInvalid => "auth.email_code_invalid",
            Self::EmailCodeRequired => "auth.email_code_required",
            Self::PasswordWrong => "auth.password_wrong",
            Self::FactorWrong => "auth.second_factor_wrong",
            Self::FactorMissing => "auth.second_factor_missing",
            Self::FactorExists => "auth.second_factor_exists",
            Self::FactorRequired => "auth.second_factor_needed",
            Self::FactorNotFresh => "auth.fresh_factor_required",
            Self::ChallengeInvalid => "auth.challenge_invalid",
            Self::Leaving(_) => "auth.account_leaving",
            Self::NotFresh => "auth.fresh_login_required",
            Self::Suspended => "auth.suspended",
            Self::Signing(_) | Self::Hashing(_) | Self::Sealed(_) | Self::Database(_) => "internal",
        }
    }
}

impl DbError for Error {
    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

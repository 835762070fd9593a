//! A login that waits for the second factor.

use chrono::TimeDelta;
use secrecy::SecretString;

use crate::clock::Instant;
use crate::id::UserId;

pub(super) const LIFE: TimeDelta = TimeDelta::minutes(5);
pub(super) const MOST_GUESSES: i8 = 5;

/// The only moment at which the token is known.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub token: SecretString,
    /// UTC.
    pub expires_at: Instant,
}

#[derive(sqlx::FromRow)]
pub(super) struct Pending {
    pub user_id: UserId,
    pub restores: bool,
    pub attempts: i8,
    pub expires_at: Instant,
}

/// What came of an answer. A wrong one is no error: it must be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Right {
        user: UserId,
        /// Whether an account that is being deleted shall stay.
        restores: bool,
    },
    Wrong,
}

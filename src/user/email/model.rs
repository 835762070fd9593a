//! Addresses that come and go, as rows. Pure.

use chrono::TimeDelta;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::clock::Instant;
use crate::id::{FormerEmailId, UserId};
use crate::user::model::User;

/// How long whoever reads the old mailbox can take the account back.
pub const REGRET: TimeDelta = TimeDelta::hours(72);

/// The address that an account had before. Instants are UTC.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Former {
    pub id: FormerEmailId,
    pub user_id: UserId,
    pub email: String,
    pub sealed: Option<Vec<u8>>,
    /// When the account got another one.
    pub created_at: Instant,
    pub expires_at: Instant,
}

/// Somebody who has another address.
#[derive(Debug)]
pub struct Moved {
    pub user: User,
    /// The address that is theirs no more.
    pub left: String,
}

/// Whom the old mailbox is told about, and by what they take their account back.
#[derive(Debug)]
pub struct FormerToMail {
    pub user: User,
    /// The old address.
    pub email: String,
    pub token: SecretString,
    /// When the account got another one (UTC).
    pub changed_at: Instant,
    /// Until when the token is good (UTC).
    pub until: Instant,
}

/// The SHA-256 under which a token is stored. It has 256 random bits, so it needs no salt.
pub(super) fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

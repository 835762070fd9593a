//! Roles, principals, sessions: what the rest of the house sees of authentication.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use crate::clock::Instant;
use crate::id::{SessionId, UserId};

/// What a person may do. Everybody is a mentee.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, poem_openapi::Enum,
)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Role {
    Mentee,
    Mentor,
    Admin,
}

/// Who stands behind a verified access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub user_id: UserId,
    pub session_id: SessionId,
    /// As of the issue of the token: at most one token life old.
    pub roles: Vec<Role>,
    /// When the token ends (UTC, whole seconds), without leeway.
    pub expires_at: Instant,
}

impl Principal {
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    pub fn is_admin(&self) -> bool {
        self.has(Role::Admin)
    }
}

/// A signed access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub token: SecretString,
    /// UTC, whole seconds.
    pub expires_at: Instant,
}

/// One login on one device, as its owner sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub user_agent: String,
    pub created_at: Instant,
    /// When it was opened or last refreshed.
    pub last_seen_at: Instant,
    pub revoked_at: Option<Instant>,
}

/// A session with a fresh refresh token: the only moment at which the token itself is known.
#[derive(Clone, Debug)]
pub struct Grant {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub refresh_token: SecretString,
    pub refresh_expires_at: Instant,
}

/// What came of presenting a refresh token.
#[derive(Debug)]
pub enum Rotation {
    Rotated(Grant),
    /// The token had been used: the session is revoked. Not an `Err`, because the revocation must be committed.
    Reused {
        session_id: SessionId,
        user_id: UserId,
    },
}

impl Rotation {
    /// For after the commit.
    pub fn granted(self) -> Result<Grant, Error> {
        match self {
            Self::Rotated(grant) => Ok(grant),
            Self::Reused { .. } => Err(Error::RefreshReused),
        }
    }
}

/// Why a session was ended; stands in its row and in the event that closes its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Logout,
    Reuse,
    Suspended,
    /// The password was changed or reset.
    Password,
    /// The address was changed, or taken back.
    Email,
    /// The account is being deleted.
    Leaving,
    /// Its owner has too many logins, and this one was not used for the longest time.
    TooMany,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Suspended => "suspended",
            Self::Password => "password",
            Self::Email => "email",
            Self::Leaving => "leaving",
            Self::TooMany => "too_many",
        }
    }
}

/// What is known of somebody's logins when they come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct KnownLogins {
    /// Whether it is not their first login.
    pub has_come: bool,
    /// Whether they have come on this device.
    pub on_it: bool,
}

/// What a live session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionStanding {
    /// When the second factor was last shown in it (UTC).
    pub factor_at: Option<Instant>,
}

/// How fresh a live session is.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Freshness {
    pub created_at: Instant,
    pub factor_at: Option<Instant>,
    /// Whether its owner has a second factor in force.
    pub has_factor: bool,
}

/// A refresh token as the database knows it.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Presented {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub expires_at: Instant,
    pub used_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Rotate,
    Revoke,
    Refuse(Refusal),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Revoked,
    Expired,
}

impl Presented {
    /// A dead session stays dead; a used token is theft however old it is; then the clock counts.
    pub fn judge(&self, now: Instant) -> Verdict {
        if self.revoked_at.is_some() {
            Verdict::Refuse(Refusal::Revoked)
        } else if self.used_at.is_some() {
            Verdict::Revoke
        } else if self.expires_at <= now {
            Verdict::Refuse(Refusal::Expired)
        } else {
            Verdict::Rotate
        }
    }
}

/// The SHA-256 under which a refresh token is stored. The token has 256 random bits, so it needs no salt.
pub(super) fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// At most `255` characters of a `User-Agent`.
pub(super) fn clip_user_agent(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(255).collect()
}

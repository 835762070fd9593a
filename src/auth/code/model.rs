//! A code, and how it is kept.

use chrono::TimeDelta;

use crate::clock::Instant;
use crate::id::EmailCodeId;

/// How long a code is good.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// After so many wrong guesses not even the right one helps.
pub(super) const MOST_GUESSES: i8 = 5;

/// What a code is asked for; one for another purpose does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To join.
    Register,
    /// To set a new password.
    Reset,
    /// To prove the address of an account that exists.
    Verify,
    /// To give an account another address; nobody asks for it by name.
    Change,
}

crate::words!(Purpose { Register => "register", Reset => "reset", Verify => "verify", Change => "change" });

/// A row to write.
pub(super) struct NewCode<'a> {
    pub id: EmailCodeId,
    pub email: &'a str,
    pub purpose: Purpose,
    pub mac: String,
    pub sealed: Vec<u8>,
    pub locale: &'a str,
}

/// What a guess is compared with.
#[derive(sqlx::FromRow)]
pub(super) struct Known {
    pub id: EmailCodeId,
    pub code_mac: String,
    pub attempts: i8,
    /// UTC.
    pub expires_at: Instant,
}

/// A code on its way into a mailbox.
#[derive(Debug, sqlx::FromRow)]
pub struct CodeToMail {
    pub email: String,
    pub purpose: Purpose,
    /// `ko` or `en`.
    pub locale: String,
    pub(super) sealed: Vec<u8>,
}

/// What the MAC is made over: no other signature of ours fits.
pub(super) fn signed(id: EmailCodeId, code: &str) -> String {
    format!("email-code.v1 {id} {code}")
}

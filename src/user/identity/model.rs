//! Who somebody is to a provider. Pure.

use crate::clock::Instant;
use crate::user::values::Email;

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, poem_openapi::Enum)]
#[oai(rename = "IdentityProvider", rename_all = "snake_case")]
pub enum Provider {
    Google,
    Kakao,
    Naver,
}

crate::words!(Provider { Google => "google", Kakao => "kakao", Naver => "naver" });

/// What a provider said of somebody, checked by the caller.
#[derive(Clone, Debug)]
pub struct Vouched {
    pub provider: Provider,
    /// Names the person for ever at this provider.
    pub subject: String,
    /// Absent also where the provider's word is no address.
    pub email: Option<Email>,
    /// Whether it is known that the person reads that mailbox: the provider vouches for it, or a code of ours proved it.
    pub email_verified: bool,
    pub name: Option<String>,
}

/// A way in of somebody, for themselves.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Identity {
    pub provider: Provider,
    /// As the provider told it at the last login.
    pub email: Option<String>,
    pub created_at: Instant,
    pub used_at: Instant,
}

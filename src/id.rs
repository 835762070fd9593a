//! Identities and secrets: the one source of randomness.
//!
//! Row ids are UUIDv7 (they keep InnoDB inserts in order and tell their creation time, so they are no secrets);
//! secrets are 256 random bits.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
            poem_openapi::NewType,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, later than every id this process made before.
            pub fn generate() -> Self {
                Self(row_id())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.parse()?))
            }
        }
    )*};
}

ids! {
    /// A person: mentee, mentor and admin are roles of one.
    UserId
    /// A refresh-token family: one login on one device.
    SessionId
    /// A code on its way into a mailbox.
    EmailCodeId
    /// An address that an account had before.
    FormerEmailId
    OfferingId
    ReservationId
    /// Somebody's wish for a slot that is not free yet.
    WaitlistId
    PaymentId
    /// One try to pay; its text is the provider's `orderId`.
    AttemptId
    RefundId
    LedgerEntryId
    SettlementLineId
    /// A promise of what a cancellation gives back.
    QuoteId
    /// Where a mentor's money goes: one version of a bank account.
    PayoutAccountId
    /// One run of paying out.
    PayoutBatchId
    /// One transfer to one mentor; its text is the provider's `refPayoutId`.
    PayoutId
    DisputeId
    EvidenceId
    /// One person's word that somebody did not come.
    NoShowReportId
    /// What one side of a session says of the other.
    ReviewId
    ReviewReportId
    /// One open socket of somebody.
    ConnectionId
    /// One stay of somebody in a session's room.
    PresenceId
    /// Something the audit found.
    FindingId
    NoticeId
    /// What waits to be told together, of one person and window.
    DigestId
    /// Somebody outside who listens.
    WebhookEndpointId
    /// One event on its way to one of them.
    WebhookDeliveryId
    /// A picture of somebody.
    PictureId
    /// A file that somebody sent into a chat.
    FileId
    EventId
    /// Something that an operator did.
    ActId
    /// One run of an api process.
    NodeId
    /// A row of the outbox.
    JobId
    /// One delivery of a job: the fence. A worker that holds an older one is refused.
    DeliveryId
}

#[expect(clippy::disallowed_methods, reason = "this is the room where ids are made")]
fn row_id() -> Uuid {
    Uuid::now_v7()
}

/// 256 random bits as base64url text without padding (43 characters).
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// Six decimal digits, every one of a million as likely.
pub fn six_digits() -> String {
    format!("{:06}", rand::rng().random_range(0..1_000_000_u32))
}

/// Random bytes, fit for keys and for what must never come twice under a key.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    rand::rng().random()
}

/// A number in `0..bound`, for jitter. Not for secrets.
pub fn jitter(bound: u64) -> u64 {
    if bound == 0 { 0 } else { rand::rng().random_range(0..bound) }
}

//! Payments, attempts, refunds. Pure.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{AttemptId, PaymentId, ReservationId, UserId};
use crate::money::Krw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum PaymentState {
    /// Payable.
    Ready,
    /// The provider is being asked.
    Confirming,
    /// The provider did not answer; it is asked until it does. Never a failure.
    Unknown,
    Done,
    PartialCanceled,
    Canceled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum AttemptState {
    /// Ordered; the payer is at the checkout.
    Ready,
    Confirming,
    Unknown,
    /// The payer was given an account and the provider waits for the deposit. The reservation stays payable.
    WaitingForDeposit,
    Done,
    Failed,
    /// Captured for nothing, because another attempt had paid already or the slot was gone: given back in full.
    Surplus,
}

impl PaymentState {
    /// Whether an attempt waits for the provider's answer.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Confirming | Self::Unknown)
    }

    /// Whether an attempt paid, whatever was given back since.
    pub fn is_captured(self) -> bool {
        matches!(self, Self::Done | Self::PartialCanceled | Self::Canceled)
    }
}

impl AttemptState {
    /// Whether the provider may still take money, or has done so without our knowing.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Confirming | Self::Unknown)
    }

    pub fn is_captured(self) -> bool {
        matches!(self, Self::Done | Self::Surplus)
    }
}

crate::words!(PaymentState {
    Ready => "ready",
    Confirming => "confirming",
    Unknown => "unknown",
    Done => "done",
    PartialCanceled => "partial_canceled",
    Canceled => "canceled",
});

crate::words!(AttemptState {
    Ready => "ready",
    Confirming => "confirming",
    Unknown => "unknown",
    WaitingForDeposit => "waiting_for_deposit",
    Done => "done",
    Failed => "failed",
    Surplus => "surplus",
});

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Payment {
    pub id: PaymentId,
    pub reservation_id: ReservationId,
    pub mentee_id: UserId,
    /// The snapshot of the price: the only amount that counts.
    pub amount_krw: Krw,
    pub state: PaymentState,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Attempt {
    pub id: AttemptId,
    pub payment_id: PaymentId,
    pub payment_key: Option<String>,
    pub state: AttemptState,
    pub idempotency_key: String,
    pub sent_at: Option<Instant>,
    pub error_code: Option<String>,
    pub error_class: Option<String>,
    pub method: Option<String>,
    /// What the provider took, when it took something. Differs from the payment's amount where the provider's
    /// payment did not fit ours.
    pub captured_krw: Option<Krw>,
    pub account_number: Option<String>,
    /// The provider's code of the bank.
    pub account_bank: Option<String>,
    pub account_holder: Option<String>,
    /// Until then (UTC) the provider accepts a deposit.
    pub account_due_at: Option<Instant>,
    /// Comes back in the webhook of a deposit. Bound to the attempt's id.
    pub secret_sealed: Option<Vec<u8>>,
    /// How often the bank took a deposit back.
    pub reversals: u32,
    /// The operator who ended it by hand, and why.
    pub closed_by: Option<UserId>,
    pub closed_reason: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The capture that pays for a reservation, and what of it the provider has given back.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct CaptureRow {
    pub attempt_id: AttemptId,
    pub payment_key: String,
    pub amount_krw: Krw,
    pub refunded_krw: Krw,
}

/// What the provider says of a capture, as far as we must know it. Comes from its answer, never from a client.
#[derive(Clone, Debug)]
pub struct Capture {
    pub payment_key: String,
    /// The provider's `orderId`.
    pub order_id: String,
    pub amount: Krw,
    pub currency: String,
    pub method: Option<String>,
    pub transaction_key: Option<String>,
    /// Something of it was given back already, by somebody at the provider.
    pub has_cancels: bool,
    pub evidence: String,
}

/// An account the provider gave the payer, as far as we must know it. Comes from its answer, never from a client.
#[derive(Clone, Debug)]
pub struct Deposit {
    pub payment_key: String,
    /// The provider's `orderId`.
    pub order_id: String,
    pub amount: Krw,
    pub currency: String,
    pub method: Option<String>,
    pub account_number: String,
    /// The provider's code.
    pub bank: Option<String>,
    pub holder: Option<String>,
    /// Until then (UTC) the bank takes a deposit.
    pub due_at: Option<Instant>,
    /// What the webhook of the deposit will carry.
    pub secret: Option<SecretString>,
    pub evidence: String,
}

/// A final "no".
#[derive(Clone, Debug, Default)]
pub struct Decline {
    pub code: String,
    /// What the payer can do: `other_method`, `later`, `new_payment`, `contact`, `stop`.
    pub class: &'static str,
    /// An operator says so, and why.
    pub closed: Option<(UserId, String)>,
}

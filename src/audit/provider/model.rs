//! The provider's transactions and what stands against them. Pure.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::AttemptId;
use crate::money::Krw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ProviderTransactionKind")]
pub enum TransactionKind {
    /// Money was taken from a payer.
    Approval,
    /// Money went back to a payer.
    Cancel,
    /// A deposit was taken back by the bank.
    Reversal,
    /// Moves nothing.
    Other,
}

crate::words!(TransactionKind {
    Approval => "approval",
    Cancel => "cancel",
    Reversal => "reversal",
    Other => "other",
});

/// How a row of the provider's list and our books stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ProviderMatch")]
pub enum MatchState {
    Matched,
    /// The provider has it and we do not.
    MissingHere,
    /// We have it and the provider does not.
    MissingThere,
    /// Another amount.
    Differs,
}

crate::words!(MatchState {
    Matched => "matched",
    MissingHere => "missing_here",
    MissingThere => "missing_there",
    Differs => "differs",
});

/// One row of the provider's list. The amount is what was moved, whatever the direction.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ProviderRow {
    pub transaction_key: String,
    pub payment_key: String,
    pub order_id: String,
    pub kind: TransactionKind,
    pub status: String,
    pub amount: Krw,
    /// The provider's own time (UTC).
    pub at: Instant,
}

/// The same with what was found beside it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredRow {
    pub transaction_key: String,
    pub payment_key: String,
    pub order_id: String,
    pub kind: TransactionKind,
    pub status: String,
    pub amount_krw: Krw,
    pub at: Instant,
    pub match_state: MatchState,
    /// What we posted for it.
    pub ledger_krw: Option<Krw>,
    /// The attempt that the order names, where the order could be one of ours.
    pub attempt_id: Option<AttemptId>,
    /// When a job was first asked to close the gap.
    pub asked_at: Option<Instant>,
}

/// The sums of one day in Korea, there and here.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DayReport {
    pub day: NaiveDate,
    pub checked_at: Instant,
    /// Rows of the provider's list.
    pub transactions: i64,
    pub matched: i64,
    /// Rows that one side lacks, or that differ.
    pub unexplained: i64,
    /// Approvals less reversals, as the provider says.
    pub captured_krw: Krw,
    pub cancelled_krw: Krw,
    /// The same as we posted them.
    pub ledger_captured_krw: Krw,
    pub ledger_refunded_krw: Krw,
}

//! Payouts and batches, and the moves they may make. Pure.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{PayoutAccountId, PayoutBatchId, PayoutId, UserId};
use crate::money::Krw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum PayoutState {
    /// The provider was not asked yet.
    Queued,
    /// The provider is being asked.
    Sent,
    /// Asked, and what became of it is not known. Never a failure.
    Unknown,
    /// The provider has taken it.
    InProgress,
    /// The money has arrived, on evidence.
    Paid,
    /// It did not arrive; the lines go into the next batch.
    Failed,
    /// Taken back before the provider was asked; the lines go into the next batch.
    Cancelled,
    /// Nobody asks any more: a person looks, and two decide.
    ManualReview,
}

crate::words!(PayoutState {
    Queued => "queued",
    Sent => "sent",
    Unknown => "unknown",
    InProgress => "in_progress",
    Paid => "paid",
    Failed => "failed",
    Cancelled => "cancelled",
    ManualReview => "manual_review",
});

impl PayoutState {
    /// The table of allowed moves. Nothing leads out of the three ends.
    pub fn may_become(self, next: Self) -> bool {
        use PayoutState as S;
        matches!(
            (self, next),
            (S::Queued, S::Sent | S::Cancelled)
                | (S::Sent | S::Unknown, S::Unknown | S::InProgress | S::Paid | S::Failed | S::ManualReview)
                | (S::InProgress, S::InProgress | S::Paid | S::Failed | S::ManualReview)
                | (S::ManualReview, S::InProgress | S::Paid | S::Failed)
        )
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Paid | Self::Failed | Self::Cancelled)
    }
}

/// One transfer to one mentor.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Payout {
    /// Its text is the provider's `refPayoutId`.
    pub id: PayoutId,
    pub batch_id: PayoutBatchId,
    pub mentor_id: UserId,
    pub account_id: PayoutAccountId,
    /// The provider's id of the payee.
    pub destination: String,
    pub amount_krw: Krw,
    /// Ready as well, and left for a later batch by the provider's weekly limit.
    pub carried_krw: Krw,
    pub state: PayoutState,
    pub idempotency_key: String,
    pub provider_payout_id: Option<String>,
    pub sent_at: Option<Instant>,
    pub concluded_at: Option<Instant>,
    /// The provider's code, or one of [`codes`].
    pub error_code: Option<String>,
    /// How the provider contradicted itself after the end.
    pub alert: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// Our own words in `error_code` and `alert`, beside the provider's.
pub mod codes {
    /// The mentor changed the account after the batch.
    pub const ACCOUNT_CHANGED: &str = "account_changed";
    /// A line was frozen after the batch.
    pub const FROZEN: &str = "frozen";
    /// The idempotency key is too old to ask again.
    pub const TOO_OLD: &str = "too_old";
    /// The provider has a payout with our reference and another amount or payee.
    pub const MISMATCH: &str = "provider_mismatch";
    /// The provider has more than one payout with our reference.
    pub const DOUBLED: &str = "provider_doubled";
    /// The provider knows nothing any more of a payout that it had taken.
    pub const NOT_THERE: &str = "provider_lost";
    /// Two administrators said so.
    pub const BY_HAND: &str = "decided_by_hand";
    pub const FAILED_AFTER_PAID: &str = "failed_after_paid";
    pub const PAID_AFTER_FAILED: &str = "paid_after_failed";
}

/// What the provider says of a payout, from its own answer.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub provider_payout_id: String,
    /// Our id, as the provider has it.
    pub reference: String,
    pub destination: String,
    pub amount: Krw,
    pub status: Finding,
    /// The answer itself.
    pub raw: String,
}

/// What a status of the provider means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Under way, or a word that we do not know: nothing is concluded.
    Open,
    Completed,
    /// With the provider's code.
    Failed(String),
}

/// Why a batch was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutBatchCause")]
pub enum Cause {
    Weekly,
    /// An administrator asked for it.
    Manual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutBatchState")]
pub enum BatchState {
    /// Not every mentor was looked at.
    Open,
    Done,
}

/// Why a batch stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutBatchBlock")]
pub enum Block {
    /// See the payout control.
    Paused,
    /// The workers have no security key of the provider.
    NotConfigured,
}

crate::words!(Cause { Weekly => "weekly", Manual => "manual" });
crate::words!(BatchState { Open => "open", Done => "done" });
crate::words!(Block { Paused => "paused", NotConfigured => "not_configured" });

/// One run of paying out.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Batch {
    pub id: PayoutBatchId,
    pub due_at: Instant,
    pub cause: Cause,
    pub state: BatchState,
    pub blocked: Option<Block>,
    /// The last mentor that was looked at.
    pub reached: Option<UserId>,
    pub created_at: Instant,
    pub finished_at: Option<Instant>,
}

/// Why a mentor with something ready is not paid; what is ready stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutSkipReason")]
pub enum Skip {
    /// More was taken back than is ready: netted by what comes.
    Owes,
    BelowMinimum,
    NoAccount,
    /// The provider has not been told of the account yet.
    AccountRegistering,
    AccountRejected,
    /// The account was changed a short while ago.
    AccountFrozen,
    /// The provider has not checked who the mentor is.
    ApprovalRequired,
    /// The provider wants to check the mentor again.
    KycRequired,
    /// No line fits into what the provider still pays this week.
    WeeklyLimit,
}

crate::words!(Skip {
    Owes => "owes",
    BelowMinimum => "below_minimum",
    NoAccount => "no_account",
    AccountRegistering => "account_registering",
    AccountRejected => "account_rejected",
    AccountFrozen => "account_frozen",
    ApprovalRequired => "approval_required",
    KycRequired => "kyc_required",
    WeeklyLimit => "weekly_limit",
});

impl Skip {
    /// Whether the mentor can do something about it, and so is told.
    pub fn is_for_the_mentor(self) -> bool {
        matches!(self, Self::NoAccount | Self::AccountRejected | Self::ApprovalRequired | Self::KycRequired)
    }
}

/// A mentor that a batch did not pay.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SkipRow {
    pub mentor_id: UserId,
    pub reason: Skip,
    pub amount_krw: Krw,
}

/// A batch in figures: how many payouts are in a state, or how many mentors were skipped for a reason.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Tally {
    pub batch_id: PayoutBatchId,
    pub word: String,
    pub count: i64,
    pub amount_krw: Krw,
}

/// A mentor whose ready lines sum to less than nothing.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Debt {
    pub mentor_id: UserId,
    /// Below zero.
    pub amount_krw: Krw,
    /// When the oldest of these lines was written.
    pub since: Instant,
}

/// Whether money may leave.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Control {
    pub paused: bool,
    /// Of the last pause or release; empty before the first.
    pub reason: String,
    pub since: Instant,
    pub actor_kind: String,
    pub actor_id: Option<uuid::Uuid>,
}

/// How two administrators decide a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "PayoutOutcome")]
pub enum Outcome {
    Paid,
    Failed,
}

crate::words!(Outcome { Paid => "paid", Failed => "failed" });

/// A decision, and who stands for it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Resolution {
    pub outcome: Outcome,
    pub evidence: String,
    pub asked_by: UserId,
    pub asked_at: Instant,
    pub confirmed_by: Option<UserId>,
    pub confirmed_at: Option<Instant>,
}

impl Resolution {
    /// Whether it is confirmed, or was asked for since the payout entered its review: nothing touches a payout there.
    /// Half a decision of an earlier review counts no more.
    pub fn stands(&self, payout: &Payout) -> bool {
        self.confirmed_by.is_some() || self.asked_at >= payout.updated_at
    }
}

/// Which payouts an administrator lists; an absent part does not filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<PayoutState>,
    pub batch: Option<PayoutBatchId>,
    pub mentor: Option<UserId>,
    /// Payouts older than this one: the key of the next page.
    pub before: Option<PayoutId>,
}

#[cfg(test)]
mod tests {
    use super::PayoutState as S;

    #[test]
    fn what_is_over_stays_so_and_nothing_is_sent_twice() {
        for next in S::ALL {
            for over in [S::Paid, S::Failed, S::Cancelled] {
                assert!(!over.may_become(*next), "{over:?} to {next:?}");
            }
            assert!(!next.may_become(S::Queued), "nothing is queued again: {next:?}");
            assert_eq!(next.may_become(S::Sent), *next == S::Queued, "sent once: {next:?}");
            assert_eq!(next.may_become(S::Cancelled), *next == S::Queued, "taken back unsent: {next:?}");
        }
        assert!(!S::Queued.may_become(S::Failed), "the ledger has nothing to return");
    }
}

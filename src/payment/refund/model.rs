//! Refunds and the one table of the moves they may make. Pure.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{AttemptId, PaymentId, RefundId, ReservationId, UserId};
use crate::money::Krw;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum RefundState {
    /// A second administrator must agree; nothing is promised yet.
    AwaitingApproval,
    /// The second administrator did not agree.
    Rejected,
    Queued,
    /// The payer must name a bank account to send the money to.
    NeedsAccount,
    Sent,
    /// The provider gave no answer, or none that says how it ended.
    Unknown,
    Done,
    /// The provider refuses for good, or was asked for too long: a person decides.
    ManualReview,
    /// Given back outside the provider, on an operator's evidence.
    ByHand,
    /// Nothing is given back by this one after all: an operator decided so, or the money was gone already.
    Abandoned,
}

crate::words!(RefundState {
    AwaitingApproval => "awaiting_approval",
    Rejected => "rejected",
    Queued => "queued",
    NeedsAccount => "needs_account",
    Sent => "sent",
    Unknown => "unknown",
    Done => "done",
    ManualReview => "manual_review",
    ByHand => "by_hand",
    Abandoned => "abandoned",
});

impl RefundState {
    /// Whether the money is promised and may not have gone yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::NeedsAccount | Self::Sent | Self::Unknown | Self::ManualReview)
    }

    /// Whether the money has gone.
    pub fn is_paid(self) -> bool {
        matches!(self, Self::Done | Self::ByHand)
    }

    /// Whether it counts against what was captured (I7).
    pub fn is_live(self) -> bool {
        self.is_open() || self.is_paid()
    }

    /// The table of allowed moves. Nothing leaves a refund that is over.
    pub fn may_become(self, next: Self) -> bool {
        use RefundState as S;
        match (self, next) {
            (S::AwaitingApproval, S::Queued | S::NeedsAccount | S::Rejected) => true,
            // What is open can change without leaving its state, turn out to be done or to have no money left, and end
            // before a person.
            (open, S::Done | S::Abandoned | S::ManualReview) if open.is_open() => true,
            (open, same) if open == same => open.is_open(),
            (S::Queued, S::Sent) | (S::Sent, S::Unknown) => true,
            (S::Sent | S::Unknown, S::NeedsAccount) => true,
            (S::NeedsAccount, S::Queued | S::Unknown) | (S::ManualReview, S::Unknown) => true,
            (S::NeedsAccount | S::ManualReview, S::ByHand) => true,
            _ => false,
        }
    }
}

/// Who pays for what is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Bearer {
    /// Mentor and platform, each by their share of the price.
    Shared,
    /// The platform alone: the mentor's earnings stay as they are.
    Platform,
}

crate::words!(Bearer { Shared => "shared", Platform => "platform" });

/// How an operator ends a refund that the provider does not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "RefundEnding")]
pub enum Ending {
    /// The money was given back outside the provider.
    ByHand,
    /// Nothing is given back after all.
    Abandoned,
}

crate::words!(Ending { ByHand => "by_hand", Abandoned => "abandoned" });

/// A row of `refunds`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Refund {
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub attempt_id: AttemptId,
    pub reservation_id: ReservationId,
    pub amount_krw: Krw,
    /// `cancelled`, `goodwill`, `dispute`, `surplus` and so on.
    pub cause: String,
    /// The row or happening this is about; with the cause it names the refund of an attempt.
    pub cause_ref: String,
    pub state: RefundState,
    pub idempotency_key: String,
    /// When the provider was first asked, since the last time an operator had it asked again.
    pub sent_at: Option<Instant>,
    /// The provider's key of the cancel.
    pub transaction_key: Option<String>,
    /// Why it stands where it stands: the provider's code, or ours.
    pub error_code: Option<String>,
    pub bearer: Option<Bearer>,
    pub reason: Option<String>,
    pub requested_by: Option<UserId>,
    pub decided_by: Option<UserId>,
    /// The payer's bank account; bound to the refund's id.
    pub account_sealed: Option<Vec<u8>>,
    /// How an operator ends it; until a job has compared that with the provider, nobody else decides.
    pub ending: Option<Ending>,
    /// What the operator says about that.
    pub evidence: Option<String>,
    /// Lines of the history.
    pub changes: u32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// One line of a refund's history.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RefundChange {
    pub number: u32,
    pub from_state: Option<RefundState>,
    pub to_state: RefundState,
    /// What somebody wrote, or a code.
    pub reason: Option<String>,
    pub actor_kind: String,
    pub actor_id: Option<uuid::Uuid>,
    pub request_id: String,
    /// UTC.
    pub at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_a_refund_that_is_over() {
        for over in RefundState::ALL.iter().filter(|state| !state.is_open()) {
            let leaves = RefundState::ALL.iter().any(|next| over.may_become(*next));
            assert_eq!(leaves, *over == RefundState::AwaitingApproval, "{}", over.name());
        }
    }

    #[test]
    fn the_provider_is_asked_only_for_what_is_on_its_way() {
        let leads_to = |next: RefundState| -> Vec<_> {
            RefundState::ALL.iter().filter(|was| was.may_become(next)).map(|was| was.name()).collect()
        };
        assert_eq!(leads_to(RefundState::Sent), ["queued", "sent"]);
        assert_eq!(leads_to(RefundState::ByHand), ["needs_account", "manual_review"], "an operator decides");
        assert_eq!(leads_to(RefundState::Rejected), ["awaiting_approval"]);
    }

    #[test]
    fn money_that_a_second_person_did_not_agree_to_is_not_promised() {
        for state in [RefundState::AwaitingApproval, RefundState::Rejected, RefundState::Abandoned] {
            assert!(!state.is_live());
        }
    }
}

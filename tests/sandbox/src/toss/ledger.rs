//! The sums of the provider's own book: what a merchant's ledger must agree with to the won.

use super::payment::Status;
use super::v2::PayoutStatus;
use crate::state::State;

/// Sums over everything since the start, in won.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerTotals {
    /// Taken from buyers: approvals and deposits.
    pub captured: i64,
    /// Given back to buyers by cancels.
    pub cancelled: i64,
    /// Deposits that a bank has taken back.
    pub reversed: i64,
    /// Payouts that have arrived (COMPLETED).
    pub paid_out: i64,
    /// Payouts on their way (REQUESTED, IN_PROGRESS).
    pub in_transit: i64,
}

impl LedgerTotals {
    /// What is left with the provider, payouts on their way not taken off.
    pub fn held(&self) -> i64 {
        self.captured - self.cancelled - self.reversed - self.paid_out
    }
}

pub(crate) fn totals(state: &State) -> LedgerTotals {
    let mut totals = LedgerTotals::default();
    for row in state.payments.transactions() {
        match row.status {
            Status::Done => totals.captured += row.amount,
            Status::WaitingForDeposit => totals.reversed += row.amount,
            _ => totals.cancelled += row.amount,
        }
    }
    for payout in state.payouts.list() {
        match payout.status {
            PayoutStatus::Completed => totals.paid_out += payout.amount,
            PayoutStatus::Requested | PayoutStatus::InProgress => totals.in_transit += payout.amount,
            PayoutStatus::Failed | PayoutStatus::Canceled => {}
        }
    }
    totals
}

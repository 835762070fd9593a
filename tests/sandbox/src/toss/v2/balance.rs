//! `GET /v2/balances`: what can be paid out, and what is not settled yet.

use serde::Serialize;

use super::envelope::{Money, Written};
use super::payout::PayoutStatus;
use crate::calendar::today;
use crate::clock::Instant;
use crate::state::State;
use crate::toss::settlements::paid_out_date;

/// In won. The provider's fees are left out: how the real balance takes them off is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// What a request may ask for. Below zero when a sale was cancelled after its money was paid out; what the
    /// real one does then is not known.
    pub available: i64,
    /// Sales less cancels whose settlement is still to come.
    pub pending: i64,
    /// Set aside for payouts that are not finished.
    pub reserved: i64,
}

impl Balance {
    /// One amount with a decimal point and one without: both must be understood.
    pub(super) fn wire(self) -> impl Serialize {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            pending_amount: Money,
            available_amount: Money,
        }
        Wire {
            pending_amount: Money::won(self.pending, Written::Plain),
            available_amount: Money::won(self.available, Written::Decimal),
        }
    }
}

pub(crate) fn balance(state: &State, now: Instant) -> Balance {
    let (mut settled, mut pending) = (state.payouts.adjustment, 0);
    for row in state.payments.transactions() {
        let waits = state.settlement_cycle.is_some_and(|cycle| paid_out_date(state, row, cycle) > today(now));
        *if waits { &mut pending } else { &mut settled } += row.moved();
    }
    let (mut completed, mut reserved) = (0, 0);
    for payout in state.payouts.list() {
        if payout.is_open() {
            reserved += payout.amount;
        } else if payout.status == PayoutStatus::Completed {
            completed += payout.amount;
        }
    }
    Balance { available: settled - completed - reserved, pending, reserved }
}

/// Makes the available balance `won` now; what happens later moves it on.
pub(crate) fn set_available(state: &mut State, won: i64, now: Instant) {
    state.payouts.adjustment += won - balance(state, now).available;
}

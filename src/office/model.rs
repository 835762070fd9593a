//! Figures of the back office. Pure.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::clock::Instant;
use crate::money::Krw;

/// What happened in a stretch of time. Amounts are whole won.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub new_users: i64,
    /// How many bookings came into each state; one that came twice counts twice.
    pub moves: BTreeMap<String, i64>,
    /// Taken from payers, less what banks took back.
    pub captured: Krw,
    /// Given back to payers, whoever pays for it.
    pub refunded: Krw,
    /// The platform's share of what was split, without VAT.
    pub fees: Krw,
    /// Arrived at mentors.
    pub paid_out: Krw,
}

/// The names of figures in rows; moves are `moved:<state>`.
pub(super) const NEW_USERS: &str = "new_users";
pub(super) const CAPTURED: &str = "captured";
pub(super) const REFUNDED: &str = "refunded";
pub(super) const FEES: &str = "fees";
pub(super) const PAID_OUT: &str = "paid_out";
pub(super) const MOVED: &str = "moved:";

impl Figures {
    /// As rows of a day.
    pub(super) fn rows(&self) -> Vec<(String, i64)> {
        let mut rows: Vec<_> =
            self.moves.iter().map(|(state, count)| (format!("{MOVED}{state}"), *count)).collect();
        for (name, amount) in [
            (NEW_USERS, self.new_users),
            (CAPTURED, self.captured.0),
            (REFUNDED, self.refunded.0),
            (FEES, self.fees.0),
            (PAID_OUT, self.paid_out.0),
        ] {
            rows.push((name.to_owned(), amount));
        }
        rows
    }

    /// Adds one row of a day; a name that this build does not know is left out.
    pub(super) fn add(&mut self, name: &str, amount: i64) {
        match name {
            NEW_USERS => self.new_users += amount,
            CAPTURED => self.captured = self.captured.plus(Krw(amount)),
            REFUNDED => self.refunded = self.refunded.plus(Krw(amount)),
            FEES => self.fees = self.fees.plus(Krw(amount)),
            PAID_OUT => self.paid_out = self.paid_out.plus(Krw(amount)),
            other => {
                if let Some(state) = other.strip_prefix(MOVED) {
                    *self.moves.entry(state.to_owned()).or_default() += amount;
                }
            }
        }
    }
}

/// How the work of one queue stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    pub queue: &'static str,
    /// Seconds that the oldest due job has waited.
    pub lag: f64,
}

/// What waits now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Ready for the next payout, less what mentors owe.
    pub payouts_due: Krw,
    /// Payouts whose outcome is not known.
    pub payouts_open: i64,
    pub disputes_open: i64,
    pub applications: i64,
    /// Refunds that an administrator must look at.
    pub refunds_waiting: i64,
    /// Attempts to pay of which the provider has not said what became.
    pub payments_unknown: i64,
    pub jobs_dead: i64,
    /// Findings of the audit that nobody explained.
    pub findings_open: i64,
    pub reports_open: i64,
}

/// Money that has no end yet.
#[derive(Clone, Debug)]
pub struct OpenMoney {
    /// Attempts to pay of which the provider has not said what became.
    pub payments_unknown: i64,
    /// When the oldest of them was sent (UTC).
    pub unknown_since: Option<Instant>,
    /// How many refunds are in each state that lasts, also where there are none.
    pub refunds: Vec<(&'static str, i64)>,
    /// The same of payouts.
    pub payouts: Vec<(&'static str, i64)>,
}

/// Everything of one screen.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// When it was counted (UTC).
    pub at: Instant,
    /// The present day in Korea.
    pub today: NaiveDate,
    pub day: Figures,
    /// With today.
    pub week: Figures,
    /// With today.
    pub month: Figures,
    pub waiting: Waiting,
    pub queues: Vec<Load>,
    /// Days of the month that are not counted yet: the figures lack them.
    pub missing: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_from_their_rows() {
        let mut day = Figures { new_users: 3, captured: Krw(5), fees: Krw(-1), ..Figures::default() };
        day.moves.insert("confirmed".to_owned(), 2);
        let mut both = Figures::default();
        for _ in 0..2 {
            for (name, amount) in day.rows() {
                both.add(&name, amount);
            }
        }
        both.add("of_tomorrow", 7);
        assert_eq!((both.new_users, both.captured, both.fees), (6, Krw(10), Krw(-2)));
        assert_eq!(both.moves["confirmed"], 4);
    }
}

//! Sellers, payouts and the balance: what the provider and the banks decide, and how strict they are.

use chrono::NaiveDate;

use super::Handle;
use crate::clock::Instant;
use crate::state::State;
use crate::toss::v2::{self, Balance, Payout, Seller, SellerStatus};
use crate::toss::webhook::{self, Event};

/// Sellers.
impl Handle {
    /// In the order of registration; without deleted ones.
    pub fn sellers(&self) -> Vec<Seller> {
        self.shared.lock().sellers.list().cloned().collect()
    }

    /// By the provider's id or the merchant's reference.
    pub fn seller(&self, id_or_ref: &str) -> Option<Seller> {
        self.sellers().into_iter().find(|one| one.id == id_or_ref || one.ref_seller_id == id_or_ref)
    }

    /// The provider's decision about a seller; told by a signed webhook, APPROVAL_REQUIRED excepted.
    ///
    /// # Errors
    /// When there is no such seller.
    pub fn set_seller_status(&self, id_or_ref: &str, status: SellerStatus) -> anyhow::Result<Seller> {
        self.decide(|state, _| v2::set_status(state, id_or_ref, status))
    }

    /// From now on no bank confirms this account: the registration answers `code`, ACCOUNT_OWNER_CHECK_FAILED
    /// or NOT_MATCH_PAYEE_NAME.
    pub fn refuse_account(&self, account_number: &str, code: &str) {
        self.shared.lock().sellers.refused_accounts.insert(account_number.to_owned(), code.to_owned());
    }

    /// Forgets every [`Self::refuse_account`].
    pub fn accept_accounts(&self) {
        self.shared.lock().sellers.refused_accounts.clear();
    }

    /// Whether a refSellerId must have 7 to 20 letters, digits, `-` or `_`; on, unless changed.
    pub fn check_seller_references(&self, on: bool) {
        self.shared.lock().sellers.check_references = on;
    }
}

/// Payouts.
impl Handle {
    /// In the order of their requests.
    pub fn payouts(&self) -> Vec<Payout> {
        webhook::tick(&self.shared);
        self.shared.lock().payouts.list().to_vec()
    }

    /// Those with this reference: more than one is a doubled payout.
    pub fn payouts_of(&self, ref_payout_id: &str) -> Vec<Payout> {
        self.payouts().into_iter().filter(|payout| payout.ref_payout_id == ref_payout_id).collect()
    }

    /// The money arrives (COMPLETED); told by a signed webhook.
    ///
    /// # Errors
    /// When no payout with this id or reference is IN_PROGRESS.
    pub fn complete_payout(&self, id_or_ref: &str) -> anyhow::Result<Payout> {
        self.decide(|state, _| v2::complete(state, id_or_ref))
    }

    /// The bank refuses it (FAILED); told by a signed webhook. The money is available again.
    ///
    /// # Errors
    /// As [`Self::complete_payout`].
    pub fn fail_payout(&self, id_or_ref: &str, code: &str) -> anyhow::Result<Payout> {
        self.decide(|state, _| v2::fail(state, id_or_ref, code))
    }

    /// Payouts under way arrive by themselves, right after the answer to their request; off, unless changed.
    pub fn auto_complete_payouts(&self, on: bool) {
        self.shared.lock().payouts.auto_complete = on;
        webhook::tick(&self.shared);
    }

    /// Whether a second payout with the same refPayoutId is refused. Off, unless changed: nobody knows that the
    /// real service does, so a merchant who relies on it pays twice here.
    pub fn dedupe_ref_payout_id(&self, on: bool) {
        self.shared.lock().payouts.dedupe_references = on;
    }

    /// Whether EXPRESS payouts are refused outside 08:00 to 15:00 of a business day in Korea; off, unless changed.
    pub fn enforce_payout_hours(&self, on: bool) {
        self.shared.lock().payouts.enforce_hours = on;
    }

    /// Days that are no business days beside Saturdays and Sundays.
    pub fn set_holidays(&self, holidays: impl IntoIterator<Item = NaiveDate>) {
        self.shared.lock().calendar.holidays = holidays.into_iter().collect();
    }
}

/// The balance.
impl Handle {
    pub fn balance(&self) -> Balance {
        webhook::tick(&self.shared);
        v2::balance(&self.shared.lock(), self.now())
    }

    /// Makes the available balance this many won; what happens later moves it on. The sums of
    /// [`Self::ledger_total`] do not change.
    pub fn set_available_balance(&self, won: i64) {
        v2::set_available(&mut self.shared.lock(), won, self.now());
    }

    /// Business days until a sale can be paid out, and its `paidOutDate`. `None`, as at the start: sales are
    /// available at once, and settlements are dated two business days later.
    pub fn set_settlement_cycle(&self, business_days: Option<u32>) {
        self.shared.lock().settlement_cycle = business_days;
    }

    fn decide<T>(
        &self,
        decide: impl FnOnce(&mut State, Instant) -> anyhow::Result<(T, Vec<Event>)>,
    ) -> anyhow::Result<T> {
        webhook::tick(&self.shared);
        let (changed, events) = decide(&mut self.shared.lock(), self.now())?;
        webhook::announce_now(&self.shared, events);
        Ok(changed)
    }
}

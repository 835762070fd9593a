//! Payments: what the user, the bank and the merchant's staff do, and what the provider knows.

use super::Handle;
use crate::clock::Instant;
use crate::state::State;
use crate::toss::errors::{Language, TossError};
use crate::toss::webhook::{self, Event};
use crate::toss::{Checkout, LedgerTotals, NewCheckout, Payment, Transaction, account, cancel, ledger};

/// Payments.
impl Handle {
    /// The user types the card: an authenticated payment (IN_PROGRESS), as the success redirect announces it.
    ///
    /// # Errors
    /// The provider's code and text when it refuses the order id or the amount.
    pub fn checkout(&self, order_id: &str, amount: i64) -> anyhow::Result<Checkout> {
        self.checkout_with(NewCheckout::new(order_id, amount))
    }

    /// As [`Self::checkout`], with every choice.
    ///
    /// # Errors
    /// As there.
    pub fn checkout_with(&self, checkout: NewCheckout) -> anyhow::Result<Checkout> {
        crate::toss::authenticate(&self.shared, &checkout).map_err(refused)
    }

    pub fn payment(&self, payment_key: &str) -> Option<Payment> {
        webhook::tick(&self.shared);
        self.shared.lock().payments.get(payment_key).cloned()
    }

    /// The confirmed payment of the order, else its newest one.
    pub fn payment_of_order(&self, order_id: &str) -> Option<Payment> {
        webhook::tick(&self.shared);
        self.shared.lock().payments.of_order(order_id).cloned()
    }

    /// Oldest first.
    pub fn payments(&self) -> Vec<Payment> {
        webhook::tick(&self.shared);
        self.shared.lock().payments.list().cloned().collect()
    }

    /// Approvals, cancels and reversed deposits, oldest first.
    pub fn transactions(&self) -> Vec<Transaction> {
        self.shared.lock().payments.transactions().to_vec()
    }

    /// A window is opened (READY); the user has not typed anything. It expires after 30 minutes.
    ///
    /// # Errors
    /// As [`Self::checkout`].
    pub fn open_window(&self, order_id: &str, amount: i64) -> anyhow::Result<Checkout> {
        crate::toss::open_window(&self.shared, &NewCheckout::new(order_id, amount)).map_err(refused)
    }

    /// The user of an open window is authenticated (IN_PROGRESS): ten minutes remain to confirm.
    ///
    /// # Errors
    /// When no READY payment has this key.
    pub fn authenticate_window(&self, payment_key: &str) -> anyhow::Result<Checkout> {
        webhook::tick(&self.shared);
        let now = self.now();
        let mut state = self.shared.lock();
        let payment = state.payments.authenticate(payment_key, now)?;
        Ok(Checkout {
            payment_key: payment_key.to_owned(),
            order_id: payment.order_id.clone(),
            amount: payment.total_amount,
        })
    }

    /// Somebody pays the whole amount into a virtual account: WAITING_FOR_DEPOSIT becomes DONE, and webhooks go
    /// out.
    ///
    /// # Errors
    /// When no unpaid virtual account has this key, or its due date has passed.
    pub fn deposit(&self, payment_key: &str) -> anyhow::Result<Payment> {
        self.change(|state, now| account::deposit(state, payment_key, now))
    }

    /// The bank takes the deposit back: DONE becomes WAITING_FOR_DEPOSIT, and webhooks go out.
    ///
    /// # Errors
    /// When no paid virtual account without cancels has this key.
    pub fn reverse_deposit(&self, payment_key: &str) -> anyhow::Result<Payment> {
        self.change(|state, now| account::reverse(state, payment_key, now))
    }

    /// The merchant's staff cancel in the provider's console: no API call, no idempotency key, but a webhook.
    /// `None` cancels everything left.
    ///
    /// # Errors
    /// The provider's code and text when it refuses.
    pub fn cancel_in_console(
        &self,
        payment_key: &str,
        amount: Option<i64>,
        reason: &str,
    ) -> anyhow::Result<Payment> {
        self.change(|state, now| cancel::in_console(state, payment_key, amount, reason, now).map_err(refused))
    }

    /// Sums of the provider's own book, in won.
    pub fn ledger_total(&self) -> LedgerTotals {
        ledger::totals(&self.shared.lock())
    }

    fn change(
        &self,
        change: impl FnOnce(&mut State, Instant) -> anyhow::Result<Payment>,
    ) -> anyhow::Result<Payment> {
        webhook::tick(&self.shared);
        let payment = change(&mut self.shared.lock(), self.now())?;
        webhook::announce_now(&self.shared, vec![Event::Payment(Box::new(payment.clone()))]);
        Ok(payment)
    }
}

fn refused(error: TossError) -> anyhow::Error {
    anyhow::anyhow!("{}: {}", error.code, error.message(Language::English))
}

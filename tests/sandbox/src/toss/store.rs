//! The provider's payments, by key and by order, and its transactions in the order they happened.

use std::collections::{BTreeSet, HashMap};

use super::account;
use super::errors::{Language, TossError};
use super::payment::{Failure, Method, Payment, Record, Status, Transaction};
use crate::clock::{Instant, kst};

#[derive(Debug, Default)]
pub(crate) struct Payments {
    records: HashMap<String, Record>,
    /// Keys in the order of authentication.
    order: Vec<String>,
    by_order: HashMap<String, Vec<String>>,
    /// What may still expire.
    open: BTreeSet<(Instant, String)>,
    /// Virtual accounts that the clock may still change.
    accounts: BTreeSet<String>,
    transactions: Vec<Transaction>,
}

impl Payments {
    pub(crate) fn insert(&mut self, record: Record) {
        let key = record.payment.payment_key.clone();
        if record.method == Method::VirtualAccount {
            self.accounts.insert(key.clone());
        }
        self.open.insert((record.expires_at(), key.clone()));
        self.by_order.entry(record.payment.order_id.clone()).or_default().push(key.clone());
        self.order.push(key.clone());
        self.records.insert(key, record);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Payment> {
        self.records.get(key).map(|record| &record.payment)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Record> {
        self.records.get_mut(key)
    }

    /// The confirmed payment of an order, else its newest one.
    pub(crate) fn of_order(&self, order_id: &str) -> Option<&Payment> {
        let payments = || self.by_order.get(order_id).into_iter().flatten().filter_map(|key| self.get(key));
        payments().find(|p| p.status.is_confirmed()).or_else(|| payments().next_back())
    }

    /// The order has been paid, or has a virtual account.
    pub(crate) fn is_confirmed(&self, order_id: &str) -> bool {
        self.of_order(order_id).is_some_and(|p| p.status.is_confirmed())
    }

    /// The user of an open window is authenticated: from now on there are ten minutes to confirm.
    ///
    /// # Errors
    /// When no READY payment has this key.
    pub(crate) fn authenticate(&mut self, key: &str, now: Instant) -> anyhow::Result<&Payment> {
        let record = self.records.get_mut(key).filter(|record| record.payment.status == Status::Ready);
        let record = record.ok_or_else(|| anyhow::anyhow!("no open window {key}"))?;
        self.open.remove(&(record.expires_at(), key.to_owned()));
        record.payment.status = Status::InProgress;
        record.begun_at = now;
        self.open.insert((record.expires_at(), key.to_owned()));
        Ok(&record.payment)
    }

    /// Oldest first.
    pub(crate) fn list(&self) -> impl DoubleEndedIterator<Item = &Payment> {
        self.order.iter().filter_map(|key| self.get(key))
    }

    pub(crate) fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// Enters the approval, cancel or reversal that `last_transaction_key` names.
    pub(super) fn note_transaction(&mut self, key: &str, amount: i64, now: Instant) {
        let Some(record) = self.records.get(key) else { return };
        let payment = &record.payment;
        self.transactions.push(Transaction {
            m_id: payment.m_id,
            transaction_key: payment.last_transaction_key.clone().unwrap_or_default(),
            payment_key: key.to_owned(),
            order_id: payment.order_id.clone(),
            method: payment.method,
            customer_key: record.customer_key.clone(),
            use_escrow: false,
            receipt_url: payment.receipt.as_ref().map(|r| r.url.clone()).unwrap_or_default(),
            status: payment.status,
            transaction_at: kst(now),
            currency: payment.currency,
            amount,
        });
    }

    /// Expires what was not confirmed in time. A confirm that is being worked on was in time.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Payment> {
        for key in &self.accounts {
            if let Some(record) = self.records.get_mut(key) {
                account::pass(record, now);
            }
        }
        let mut expired = Vec::new();
        while self.open.first().is_some_and(|(at, _)| *at < now) {
            let Some((at, key)) = self.open.pop_first() else { break };
            let Some(record) = self.records.get_mut(&key) else { continue };
            if !matches!(record.payment.status, Status::Ready | Status::InProgress) {
                continue;
            }
            if record.busy {
                // Asked again one second later: a refusal may leave it IN_PROGRESS.
                self.open.insert((at.max(now) + chrono::TimeDelta::seconds(1), key));
                continue;
            }
            let code = "EXPIRED_PAYMENT";
            record.payment.status = Status::Expired;
            let message = TossError::of(code).message(Language::Korean).to_owned();
            record.payment.failure = Some(Failure { code: code.to_owned(), message });
            expired.push(record.payment.clone());
        }
        expired
    }
}

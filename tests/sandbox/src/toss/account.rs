//! Virtual accounts: issued at the confirm, paid by a bank transfer later, and now and then taken back by the bank.

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::TossError;
use super::payment::{Method, Payment, Record, Status};
use crate::calendar::{Calendar, today};
use crate::clock::{Instant, kst};
use crate::id;
use crate::state::State;

/// How long the buyer may pay when the window names no time.
pub(crate) const DEFAULT_HOURS: u32 = 168;
/// The longest the window takes.
pub(crate) const MOST_HOURS: u32 = 2_160;
/// A refund reaches the buyer after as many business days.
const REFUND_DAYS: u32 = 2;

/// Banks by their two digits, as `bankCode` has them.
const BANKS: &[&str] = &[
    "02", "03", "06", "07", "11", "12", "20", "23", "27", "31", "32", "34", "35", "37", "39", "45", "48",
    "50", "54", "64", "71", "81", "88", "89", "90", "92",
];

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualAccount {
    pub account_type: &'static str,
    /// Begins with an X, as those of the test environment do.
    pub account_number: String,
    pub bank_code: &'static str,
    pub customer_name: String,
    /// Null until somebody has paid.
    pub depositor_name: Option<String>,
    pub due_date: DateTime<FixedOffset>,
    /// The due date passed before the deposit. The payment keeps its status, and no webhook tells of it.
    pub expired: bool,
    pub settlement_status: &'static str,
    /// NONE, PENDING (the refund is on its way) or COMPLETED.
    pub refund_status: &'static str,
    pub refund_receive_account: Option<RefundAccount>,
}

/// Where the refund of a deposit goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundAccount {
    pub bank_code: String,
    pub account_number: String,
    pub holder_name: String,
}

impl RefundAccount {
    /// The account the merchant's staff type into the console.
    pub(super) fn of_the_console() -> Self {
        Self {
            bank_code: "88".into(), account_number: "110123456789".into(), holder_name: "김토스".into()
        }
    }

    /// As a cancel names it: `bank`, not `bankCode`.
    pub(super) fn parse(given: Option<&Value>) -> Result<Self, TossError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Given {
            bank: String,
            account_number: String,
            holder_name: String,
        }
        let info = || TossError::of("INVALID_REFUND_ACCOUNT_INFO");
        let given = given.and_then(|value| Given::deserialize(value).ok()).ok_or_else(info)?;
        if !(1..=60).contains(&given.holder_name.trim().chars().count()) {
            return Err(info());
        }
        if !is_account_number(&given.account_number) {
            return Err(TossError::of("INVALID_REFUND_ACCOUNT_NUMBER"));
        }
        if !is_bank(&given.bank) {
            return Err(TossError::of("INVALID_BANK"));
        }
        let Given { bank, account_number, holder_name } = given;
        Ok(Self { bank_code: bank, account_number, holder_name })
    }
}

/// Two digits of a known bank, or three with a leading zero as the payout service also writes them.
pub(super) fn is_bank(code: &str) -> bool {
    let two = if code.len() == 3 { code.strip_prefix('0') } else { Some(code) };
    two.is_some_and(|code| BANKS.contains(&code))
}

pub(super) fn is_account_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The account of a payment whose confirm has just succeeded; no money has moved.
pub(super) fn issue(record: &mut Record, now: Instant) {
    let due = now + TimeDelta::hours(i64::from(record.due_hours));
    record.due_at = Some(due);
    record.payment.secret = Some(id::payment_secret());
    record.payment.virtual_account = Some(VirtualAccount {
        account_type: "일반",
        account_number: id::account_number(),
        bank_code: "20",
        customer_name: record.customer_name.clone(),
        depositor_name: None,
        due_date: kst(due),
        expired: false,
        settlement_status: "INCOMPLETED",
        refund_status: "NONE",
        refund_receive_account: None,
    });
}

/// Somebody has paid the whole amount into the account.
///
/// # Errors
/// When no unpaid virtual account has this key, or its due date has passed: the bank takes nothing then.
pub(crate) fn deposit(state: &mut State, key: &str, now: Instant) -> anyhow::Result<Payment> {
    let record = waiting(state, key, Status::WaitingForDeposit)?;
    anyhow::ensure!(record.due_at.is_some_and(|due| now <= due), "the account of {key} has expired");
    let name = record.customer_name.clone();
    let payment = &mut record.payment;
    payment.status = Status::Done;
    payment.approved_at = Some(kst(now));
    if let Some(account) = &mut payment.virtual_account {
        account.depositor_name = Some(name);
    }
    Ok(note(state, key, now))
}

/// The bank takes a deposit back: an error of a deposit sends the payment from DONE to WAITING_FOR_DEPOSIT.
///
/// That `approvedAt` is null again, and that a transaction row tells of it, is our guess.
///
/// # Errors
/// When no paid virtual account without cancels has this key.
pub(crate) fn reverse(state: &mut State, key: &str, now: Instant) -> anyhow::Result<Payment> {
    let record = waiting(state, key, Status::Done)?;
    let expired = record.due_at.is_some_and(|due| due < now);
    let payment = &mut record.payment;
    payment.status = Status::WaitingForDeposit;
    payment.approved_at = None;
    if let Some(account) = &mut payment.virtual_account {
        account.depositor_name = None;
        account.expired = expired;
    }
    Ok(note(state, key, now))
}

/// The account's part of a cancel that took `amount` back from a paid account.
pub(super) fn refund(record: &mut Record, account: RefundAccount, calendar: &Calendar, now: Instant) {
    let wait = calendar.after(today(now), REFUND_DAYS) - today(now);
    record.refund_at = Some(now + wait);
    if let Some(virtual_account) = &mut record.payment.virtual_account {
        virtual_account.refund_status = "PENDING";
        virtual_account.refund_receive_account = Some(account);
    }
}

/// What the clock alone changes. Nobody is told of it.
pub(super) fn pass(record: &mut Record, now: Instant) {
    let unpaid = record.payment.status == Status::WaitingForDeposit;
    let Some(account) = &mut record.payment.virtual_account else { return };
    if unpaid && record.due_at.is_some_and(|due| due < now) {
        account.expired = true;
    }
    if record.refund_at.is_some_and(|at| at <= now) {
        account.refund_status = "COMPLETED";
    }
}

fn waiting<'a>(state: &'a mut State, key: &str, status: Status) -> anyhow::Result<&'a mut Record> {
    let record = state.payments.get_mut(key).ok_or_else(|| anyhow::anyhow!("no payment {key}"))?;
    let is = record.payment.status;
    anyhow::ensure!(record.method == Method::VirtualAccount, "{key} is no virtual account");
    anyhow::ensure!(is == status, "{key} is {is:?}, not {status:?}");
    Ok(record)
}

fn note(state: &mut State, key: &str, now: Instant) -> Payment {
    let record = state.payments.get_mut(key).expect("looked up by the caller");
    record.payment.last_transaction_key = Some(id::transaction_key());
    let payment = record.payment.clone();
    state.payments.note_transaction(key, payment.total_amount, now);
    payment
}

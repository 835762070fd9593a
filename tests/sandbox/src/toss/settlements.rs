//! `GET /v1/settlements`: what the provider pays out to the merchant for each transaction, and its fee.
//!
//! The real test environment answers with nothing; the stand-in answers as a live one.

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

use super::account::VirtualAccount;
use super::errors::TossError;
use super::payment::{Cancel, Card, EasyPay, Method, Payment, Transaction, Transfer};
use crate::state::State;

/// Business days from the sale to the payout to the merchant, unless a test says otherwise.
pub(crate) const DEFAULT_CYCLE: u32 = 2;
/// The fee without VAT, in basis points of the amount.
const FEE_BASIS_POINTS: i64 = 300;
/// The fee of a deposit to a virtual account without VAT, in won; it is not given back by a cancel.
const ACCOUNT_FEE: i64 = 400;

/// The query, as it came.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    start_date: NaiveDate,
    end_date: NaiveDate,
    date_type: DateType,
    page: Option<usize>,
    size: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DateType {
    SoldDate,
    PaidOutDate,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settlement<'a> {
    m_id: &'a str,
    payment_key: &'a str,
    transaction_key: &'a str,
    order_id: &'a str,
    currency: &'a str,
    method: Option<Method>,
    /// Negative for a cancel or a reversed deposit. The sign of the real one is not documented: a guess.
    amount: i64,
    interest_fee: i64,
    fees: [Fee; 1],
    fee: i64,
    /// The sources name this field in two ways; both are sent.
    supply_amount: i64,
    supplied_amount: i64,
    vat: i64,
    pay_out_amount: i64,
    approved_at: DateTime<FixedOffset>,
    sold_date: NaiveDate,
    paid_out_date: NaiveDate,
    card: Option<&'a Card>,
    easy_pay: Option<&'a EasyPay>,
    transfer: Option<&'a Transfer>,
    virtual_account: Option<&'a VirtualAccount>,
    /// Of a cancel row: the cancel.
    cancel: Option<&'a Cancel>,
}

#[derive(Debug, Serialize)]
struct Fee {
    #[serde(rename = "type")]
    kind: &'static str,
    fee: i64,
}

/// Rows whose date of the asked kind lies from `startDate` to `endDate`, `size` (100; up to 5000) a page.
pub(super) fn list<'a>(state: &'a State, query: &Query) -> Result<Vec<Settlement<'a>>, TossError> {
    let (page, size) = (query.page.unwrap_or(1), query.size.unwrap_or(100));
    if page == 0 || !(1..=5_000).contains(&size) || query.end_date < query.start_date {
        return Err(TossError::of("INVALID_REQUEST"));
    }
    let rows = state.payments.transactions().iter().filter_map(|transaction| row(state, transaction));
    let within = rows.filter(|row| {
        let date = match query.date_type {
            DateType::SoldDate => row.sold_date,
            DateType::PaidOutDate => row.paid_out_date,
        };
        (query.start_date..=query.end_date).contains(&date)
    });
    Ok(within.skip((page - 1).saturating_mul(size)).take(size).collect())
}

/// The day the money of a transaction reaches the merchant's balance.
pub(crate) fn paid_out_date(state: &State, transaction: &Transaction, cycle: u32) -> NaiveDate {
    state.calendar.after(transaction.transaction_at.date_naive(), cycle)
}

fn row<'a>(state: &'a State, transaction: &'a Transaction) -> Option<Settlement<'a>> {
    let payment: &Payment = state.payments.get(&transaction.payment_key)?;
    let amount = transaction.moved();
    let supply = supply_of_fee(transaction);
    let vat = supply / 10;
    let fee = supply + vat;
    Some(Settlement {
        m_id: transaction.m_id,
        payment_key: &transaction.payment_key,
        transaction_key: &transaction.transaction_key,
        order_id: &transaction.order_id,
        currency: transaction.currency,
        method: transaction.method,
        amount,
        interest_fee: 0,
        fees: [Fee { kind: "BASE", fee }],
        fee,
        supply_amount: supply,
        supplied_amount: supply,
        vat,
        pay_out_amount: amount - fee,
        approved_at: payment.approved_at.unwrap_or(transaction.transaction_at),
        sold_date: transaction.transaction_at.date_naive(),
        paid_out_date: paid_out_date(state, transaction, state.settlement_cycle.unwrap_or(DEFAULT_CYCLE)),
        card: payment.card.as_ref(),
        easy_pay: payment.easy_pay.as_ref(),
        transfer: payment.transfer.as_ref(),
        virtual_account: payment.virtual_account.as_ref(),
        cancel: payment.cancels.iter().find(|cancel| cancel.transaction_key == transaction.transaction_key),
    })
}

/// Without VAT, in won; negative where a cancel gives the fee back.
fn supply_of_fee(transaction: &Transaction) -> i64 {
    if transaction.method == Some(Method::VirtualAccount) {
        return if transaction.moved() > 0 { ACCOUNT_FEE } else { 0 };
    }
    transaction.moved() * FEE_BASIS_POINTS / 10_000
}

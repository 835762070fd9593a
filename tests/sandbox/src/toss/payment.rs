//! The Payment object of API version 2022-11-16, and how the stand-in keeps one.

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Serialize, Serializer};

use super::account::{DEFAULT_HOURS, VirtualAccount};
use crate::clock::{Instant, kst};

pub(crate) const VERSION: &str = "2022-11-16";
pub(crate) const MERCHANT: &str = "konnectdev";
/// From authentication to confirm; later the payment is EXPIRED.
pub(crate) const CONFIRM_WINDOW: TimeDelta = TimeDelta::minutes(10);
/// From the opening of the window to authentication; later the payment is EXPIRED.
pub(crate) const READY_WINDOW: TimeDelta = TimeDelta::minutes(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The window is open, the user has not been authenticated.
    Ready,
    InProgress,
    /// A virtual account was issued, and is not paid (any more).
    WaitingForDeposit,
    Done,
    Canceled,
    /// At least one partial cancel; stays so even when the whole rest is cancelled after it.
    PartialCanceled,
    Aborted,
    Expired,
}

impl Status {
    /// A confirm has succeeded, whatever happened since.
    pub(crate) fn is_confirmed(self) -> bool {
        !matches!(self, Self::Ready | Self::InProgress | Self::Aborted | Self::Expired)
    }
}

/// What the user pays with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum Method {
    #[default]
    #[serde(rename = "카드", alias = "CARD")]
    Card,
    #[serde(rename = "간편결제", alias = "EASY_PAY")]
    EasyPay,
    #[serde(rename = "계좌이체", alias = "TRANSFER")]
    Transfer,
    #[serde(rename = "가상계좌", alias = "VIRTUAL_ACCOUNT")]
    VirtualAccount,
}

/// All amounts are won, with VAT. `*_at` are Korean time in whole seconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    pub m_id: &'static str,
    pub version: &'static str,
    pub payment_key: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub order_id: String,
    pub order_name: String,
    pub currency: &'static str,
    pub country: &'static str,
    /// Null until approved, like the four fields that depend on it.
    pub method: Option<Method>,
    pub status: Status,
    pub requested_at: DateTime<FixedOffset>,
    pub approved_at: Option<DateTime<FixedOffset>>,
    /// Never changes.
    pub total_amount: i64,
    /// What can still be cancelled.
    pub balance_amount: i64,
    pub supplied_amount: i64,
    pub vat: i64,
    pub tax_free_amount: i64,
    pub tax_exemption_amount: i64,
    pub use_escrow: Option<bool>,
    pub culture_expense: bool,
    pub is_partial_cancelable: bool,
    /// Of the approval, later of the newest cancel.
    pub last_transaction_key: Option<String>,
    /// Of a virtual account alone: its deposit callbacks are recognised by it.
    pub secret: Option<String>,
    pub card: Option<Card>,
    pub easy_pay: Option<EasyPay>,
    pub transfer: Option<Transfer>,
    pub virtual_account: Option<VirtualAccount>,
    pub mobile_phone: Option<()>,
    pub gift_certificate: Option<()>,
    pub cash_receipt: Option<()>,
    pub cash_receipts: Option<()>,
    pub discount: Option<()>,
    /// Null on the wire when there is none.
    #[serde(serialize_with = "null_when_empty")]
    pub cancels: Vec<Cancel>,
    pub failure: Option<Failure>,
    pub receipt: Option<Link>,
    pub checkout: Link,
    pub metadata: Option<()>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    pub amount: i64,
    pub issuer_code: &'static str,
    pub acquirer_code: Option<&'static str>,
    pub number: &'static str,
    pub installment_plan_months: u32,
    pub approve_no: String,
    pub use_card_point: bool,
    pub card_type: &'static str,
    pub owner_type: &'static str,
    pub acquire_status: &'static str,
    pub is_interest_free: bool,
    pub interest_payer: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EasyPay {
    pub provider: &'static str,
    pub amount: i64,
    pub discount_amount: i64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    pub bank_code: &'static str,
    pub settlement_status: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    pub cancel_amount: i64,
    pub cancel_reason: String,
    pub tax_free_amount: i64,
    pub tax_exemption_amount: i64,
    /// Left after this cancel.
    pub refundable_amount: i64,
    pub card_discount_amount: i64,
    pub transfer_discount_amount: i64,
    pub easy_pay_discount_amount: i64,
    pub canceled_at: DateTime<FixedOffset>,
    pub transaction_key: String,
    pub receipt_key: Option<String>,
    pub cancel_status: &'static str,
    pub cancel_request_id: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Link {
    pub url: String,
}

/// One row of the transaction query: an approval or a cancel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    pub m_id: &'static str,
    pub transaction_key: String,
    pub payment_key: String,
    pub order_id: String,
    pub method: Option<Method>,
    pub customer_key: Option<String>,
    pub use_escrow: bool,
    pub receipt_url: String,
    /// The payment's status right after this transaction.
    pub status: Status,
    pub transaction_at: DateTime<FixedOffset>,
    pub currency: &'static str,
    /// Won; positive for cancels too (the sign of the real one is not documented).
    pub amount: i64,
}

impl Transaction {
    /// What this row adds to the merchant's money, in won: negative for cancels and reversed deposits.
    pub fn moved(&self) -> i64 {
        if self.status == Status::Done { self.amount } else { -self.amount }
    }
}

/// A payment with what the provider knows beside its public face.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) payment: Payment,
    pub(crate) customer_key: Option<String>,
    /// What the user chose; shown in `payment.method` once approved.
    pub(crate) method: Method,
    /// The user is authenticated, or (READY) the window was opened.
    pub(crate) begun_at: Instant,
    /// Virtual accounts: who pays, how many hours there are to pay, until when, and when a refund arrives.
    pub(crate) customer_name: String,
    pub(crate) due_hours: u32,
    pub(crate) due_at: Option<Instant>,
    pub(crate) refund_at: Option<Instant>,
    /// A confirm or cancel is being worked on.
    pub(crate) busy: bool,
}

impl Record {
    pub(crate) fn expires_at(&self) -> Instant {
        let window = if self.payment.status == Status::Ready { READY_WINDOW } else { CONFIRM_WINDOW };
        self.begun_at + window
    }

    /// A payment that is READY or IN_PROGRESS: no money has moved.
    pub(crate) fn begun(
        status: Status,
        key: String,
        checkout: &super::NewCheckout,
        base_url: &str,
        now: Instant,
    ) -> Self {
        let vat = vat_of(checkout.amount);
        let payment = Payment {
            m_id: MERCHANT,
            version: VERSION,
            kind: "NORMAL",
            order_id: checkout.order_id.clone(),
            order_name: checkout.order_name.clone().unwrap_or_else(|| "멘토링 예약".to_owned()),
            currency: "KRW",
            country: "KR",
            method: None,
            status,
            requested_at: kst(now),
            approved_at: None,
            total_amount: checkout.amount,
            balance_amount: checkout.amount,
            supplied_amount: checkout.amount - vat,
            vat,
            tax_free_amount: 0,
            tax_exemption_amount: 0,
            use_escrow: None,
            culture_expense: false,
            is_partial_cancelable: true,
            last_transaction_key: None,
            secret: None,
            card: None,
            easy_pay: None,
            transfer: None,
            virtual_account: None,
            mobile_phone: None,
            gift_certificate: None,
            cash_receipt: None,
            cash_receipts: None,
            discount: None,
            cancels: Vec::new(),
            failure: None,
            receipt: None,
            checkout: Link { url: format!("{base_url}/v1/payments/{key}/checkout") },
            metadata: None,
            payment_key: key,
        };
        Self {
            payment,
            customer_key: checkout.customer_key.clone(),
            method: checkout.method,
            begun_at: now,
            customer_name: checkout.customer_name.clone().unwrap_or_else(|| "김토스".to_owned()),
            due_hours: checkout.due_hours.unwrap_or(DEFAULT_HOURS),
            due_at: None,
            refund_at: None,
            busy: false,
        }
    }
}

/// The VAT inside an amount: a tenth of the supply, rounded half up to a won.
pub(crate) fn vat_of(amount: i64) -> i64 {
    (amount * 2 + 11) / 22
}

fn null_when_empty<S: Serializer>(cancels: &[Cancel], serializer: S) -> Result<S::Ok, S::Error> {
    if cancels.is_empty() { serializer.serialize_none() } else { cancels.serialize(serializer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vat_is_rounded_half_up() {
        assert_eq!(vat_of(1_000), 91);
        assert_eq!(vat_of(11_000), 1_000);
        assert_eq!(vat_of(50_000), 4_545);
        assert_eq!(vat_of(0), 0);
    }
}

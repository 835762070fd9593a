//! What is sent about a payment, and what of it is refused before it leaves.

use std::fmt;

use serde::Serialize;

use crate::money::Krw;

/// What the payer's redirect named, with the amount of **our** order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmRequest {
    pub payment_key: String,
    pub order_id: String,
    pub amount: Krw,
}

/// How much to give back.
#[derive(Clone, Debug, Serialize)]
pub struct CancelRequest {
    /// Shown to the payer; 1 to 200 characters.
    #[serde(rename = "cancelReason")]
    pub reason: String,
    /// `None` gives back everything that is left.
    #[serde(rename = "cancelAmount", skip_serializing_if = "Option::is_none")]
    pub amount: Option<Krw>,
    /// What we believe is left before this cancel. The provider refuses when it is not so
    /// (`NOT_MATCHES_REFUNDABLE_AMOUNT`), and cancels nothing.
    #[serde(rename = "refundableAmount", skip_serializing_if = "Option::is_none")]
    pub refundable_amount: Option<Krw>,
    /// Where the money goes: for a virtual account that was paid into, and for nothing else.
    #[serde(rename = "refundReceiveAccount", skip_serializing_if = "Option::is_none")]
    pub refund_receive_account: Option<ReceiveAccount>,
}

/// The payer's account. Its `Debug` shows the bank alone.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiveAccount {
    /// The provider's code of the bank.
    pub bank: String,
    /// 1 to 20 digits.
    pub account_number: String,
    /// 1 to 60 characters.
    pub holder_name: String,
}

impl fmt::Debug for ReceiveAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveAccount").field("bank", &self.bank).finish_non_exhaustive()
    }
}

impl ConfirmRequest {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if !is_payment_key(&self.payment_key) || !is_order_id(&self.order_id) {
            return Err("the payment key or order id is malformed");
        }
        if !self.amount.is_positive() {
            return Err("the amount is not positive");
        }
        Ok(())
    }
}

impl CancelRequest {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.amount.is_some_and(|amount| !amount.is_positive()) {
            return Err("the amount is not positive");
        }
        if !(1..=200).contains(&self.reason.chars().count()) {
            return Err("the reason has 1 to 200 characters");
        }
        if self.refund_receive_account.as_ref().is_some_and(|account| !account.is_whole()) {
            return Err("the refund account needs a bank, up to 20 digits and a holder's name");
        }
        Ok(())
    }
}

impl ReceiveAccount {
    /// Whether the provider could take it; not whether it exists.
    pub fn is_whole(&self) -> bool {
        let bank = (1..=20).contains(&self.bank.len()) && !self.bank.contains(char::is_control);
        bank && is_account_number(&self.account_number) && is_name(&self.holder_name, 60)
    }
}

pub(super) fn is_account_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is somebody's name: not blank, at most `most` characters, on one line.
pub(super) fn is_name(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
}

/// Whether a text can be the provider's payment key: 1 to 200 printable ASCII characters. It comes through the
/// payer's browser.
pub fn is_payment_key(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !matches!(text, "." | "..")
}

/// Whether a text can be an order id: 6 to 64 of `A-Z a-z 0-9 _ -`, which every document of the provider allows.
pub fn is_order_id(text: &str) -> bool {
    (6..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

pub(super) fn is_idempotency_key(text: &str) -> bool {
    (1..=300).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

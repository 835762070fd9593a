//! The provider's payment, read leniently: unknown fields and words are kept out of the way, since new ones
//! come without a new version. Amounts are the exception: they must be whole won.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::parse::{instant, lenient, lenient_won, won};
use crate::clock::Instant;
use crate::money::Krw;

/// A payment at the provider (API version 2022-11-16).
#[derive(Clone)]
pub struct Payment {
    pub payment_key: String,
    pub order_id: String,
    /// The merchant the money went to.
    pub m_id: Option<String>,
    pub status: Status,
    /// What was charged; never changes.
    pub total_amount: Krw,
    /// What can still be given back.
    pub balance_amount: Krw,
    /// `KRW`; empty when the provider sent none.
    pub currency: String,
    /// In the provider's language, such as `카드`; `None` before approval.
    pub method: Option<String>,
    pub approved_at: Option<Instant>,
    /// The latest approval or cancel; joins a payment to the provider's settlements.
    pub last_transaction_key: Option<String>,
    /// Authenticates deposit webhooks of this payment.
    pub secret: Option<SecretString>,
    pub receipt_url: Option<String>,
    pub is_partial_cancelable: Option<bool>,
    pub failure: Option<Failure>,
    pub card: Option<Card>,
    /// Such as `토스페이`, for easy pay.
    pub easy_pay_provider: Option<String>,
    /// Where the payer transfers to, for payments by virtual account.
    pub virtual_account: Option<VirtualAccount>,
    /// In the provider's order.
    pub cancels: Vec<Cancel>,
    /// The body as it came, without `secret` and the account that a refund goes to: evidence.
    pub raw: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Made; the payer has not authenticated.
    Ready,
    /// Authenticated; can be confirmed for 10 minutes.
    InProgress,
    WaitingForDeposit,
    /// The money is taken.
    Done,
    Canceled,
    /// Also the state of a payment given back completely in parts.
    PartialCanceled,
    /// The confirmation was refused for good.
    Aborted,
    /// Not confirmed in time; nothing was taken.
    Expired,
    /// A word that this version does not know: the outcome is unknown.
    Other(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    #[serde(deserialize_with = "won")]
    pub cancel_amount: Krw,
    #[serde(default, deserialize_with = "lenient")]
    pub cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    pub canceled_at: Option<Instant>,
    /// Unique per cancel.
    pub transaction_key: String,
    /// What could still be given back after this cancel.
    #[serde(default, deserialize_with = "lenient_won")]
    pub refundable_amount: Option<Krw>,
    /// Domestic methods are done at once.
    #[serde(default)]
    pub cancel_status: CancelStatus,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CancelStatus {
    #[default]
    Done,
    InProgress,
    Aborted,
    Other(String),
}

/// Why a payment was not approved: a code as in an error answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    pub code: String,
    #[serde(default)]
    pub message: String,
}

/// For receipts; the number is masked by the provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    pub issuer_code: Option<String>,
    pub acquirer_code: Option<String>,
    pub number: Option<String>,
    pub installment_plan_months: Option<u32>,
    pub approve_no: Option<String>,
}

/// An account issued for one payment. Its deadline passes without a webhook and without a new status: `expired`
/// turns true, and the payment keeps waiting until it is cancelled.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualAccount {
    pub account_number: String,
    #[serde(default, deserialize_with = "lenient")]
    pub bank_code: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub customer_name: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    pub due_date: Option<Instant>,
    #[serde(default, deserialize_with = "flag")]
    pub expired: bool,
    /// `NONE`, `PENDING`, `FAILED`, `PARTIAL_FAILED`, `COMPLETED`: the way of a refund to the payer's account.
    #[serde(default, deserialize_with = "lenient")]
    pub refund_status: Option<String>,
}

/// Why a body is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ModelError(pub(super) String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    payment_key: String,
    order_id: String,
    status: Status,
    #[serde(deserialize_with = "won")]
    total_amount: Krw,
    #[serde(deserialize_with = "won")]
    balance_amount: Krw,
    #[serde(default, deserialize_with = "lenient")]
    m_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    currency: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    method: Option<String>,
    #[serde(default, deserialize_with = "instant")]
    approved_at: Option<Instant>,
    #[serde(default, deserialize_with = "lenient")]
    last_transaction_key: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    receipt: Option<Receipt>,
    #[serde(default, deserialize_with = "lenient")]
    is_partial_cancelable: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    failure: Option<Failure>,
    #[serde(default, deserialize_with = "lenient")]
    card: Option<Card>,
    #[serde(default, deserialize_with = "lenient")]
    easy_pay: Option<EasyPay>,
    #[serde(default, deserialize_with = "lenient")]
    virtual_account: Option<VirtualAccount>,
    #[serde(default)]
    cancels: Option<Vec<Cancel>>,
}

#[derive(Deserialize)]
struct Receipt {
    url: String,
}

#[derive(Deserialize)]
struct EasyPay {
    provider: String,
}

impl Payment {
    /// # Errors
    /// When the key, the order, the status or an amount is missing, or an amount is not whole won.
    pub fn from_json(mut json: Value) -> Result<Self, ModelError> {
        let secret = match json.as_object_mut().and_then(|object| object.remove("secret")) {
            Some(Value::String(text)) => Some(SecretString::from(text)),
            _ => None,
        };
        if let Some(account) = json.get_mut("virtualAccount").and_then(Value::as_object_mut) {
            account.remove("refundReceiveAccount");
        }
        let body = Body::deserialize(&json).map_err(|error| ModelError(error.to_string()))?;
        Ok(Self {
            payment_key: body.payment_key,
            order_id: body.order_id,
            m_id: body.m_id,
            status: body.status,
            total_amount: body.total_amount,
            balance_amount: body.balance_amount,
            currency: body.currency.unwrap_or_default(),
            method: body.method,
            approved_at: body.approved_at,
            last_transaction_key: body.last_transaction_key,
            secret,
            receipt_url: body.receipt.map(|receipt| receipt.url),
            is_partial_cancelable: body.is_partial_cancelable,
            failure: body.failure,
            card: body.card,
            easy_pay_provider: body.easy_pay.map(|easy_pay| easy_pay.provider),
            virtual_account: body.virtual_account,
            cancels: body.cancels.unwrap_or_default(),
            raw: json,
        })
    }

    /// The first field in which this payment is not the one we ordered. Money taken for a payment with a
    /// mismatch must be given back, and somebody must be told.
    ///
    /// `merchant`: who must have been paid, where that is configured.
    pub fn mismatch(
        &self,
        payment_key: &str,
        order_id: &str,
        amount: Krw,
        merchant: Option<&str>,
    ) -> Option<&'static str> {
        if self.payment_key != payment_key {
            Some("paymentKey")
        } else if self.order_id != order_id {
            Some("orderId")
        } else if self.total_amount != amount {
            Some("totalAmount")
        } else if self.currency != "KRW" {
            Some("currency")
        } else if merchant.is_some() && self.m_id.as_deref() != merchant {
            Some("mId")
        } else {
            None
        }
    }

    /// The transaction that took the money, which is the key of its row in the provider's lists. Known as long as
    /// nothing was given back: a cancel takes the place of the last transaction.
    pub fn approval_transaction_key(&self) -> Option<&str> {
        let untouched = self.approved_at.is_some() && self.cancels.is_empty();
        self.last_transaction_key.as_deref().filter(|_| untouched)
    }

    /// Everything was given back. The status does not tell: after a refund in parts it stays at
    /// `PARTIAL_CANCELED`.
    pub fn is_fully_refunded(&self) -> bool {
        self.balance_amount == Krw::ZERO && !self.cancels.is_empty()
    }
}

/// Shows what logs may hold: no secret, nothing about the payer.
impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment")
            .field("payment_key", &self.payment_key)
            .field("order_id", &self.order_id)
            .field("status", &self.status)
            .field("total_amount", &self.total_amount)
            .field("balance_amount", &self.balance_amount)
            .field("cancels", &self.cancels.len())
            .finish_non_exhaustive()
    }
}

/// Hides what names an account or its holder.
impl fmt::Debug for VirtualAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualAccount")
            .field("bank_code", &self.bank_code)
            .field("due_date", &self.due_date)
            .field("expired", &self.expired)
            .field("refund_status", &self.refund_status)
            .finish_non_exhaustive()
    }
}

impl Status {
    /// The provider's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ready => "READY",
            Self::InProgress => "IN_PROGRESS",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Done => "DONE",
            Self::Canceled => "CANCELED",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Aborted => "ABORTED",
            Self::Expired => "EXPIRED",
            Self::Other(word) => word,
        }
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = String::deserialize(from)?;
        Ok(match word.as_str() {
            "READY" => Self::Ready,
            "IN_PROGRESS" => Self::InProgress,
            "WAITING_FOR_DEPOSIT" => Self::WaitingForDeposit,
            "DONE" => Self::Done,
            "CANCELED" => Self::Canceled,
            "PARTIAL_CANCELED" => Self::PartialCanceled,
            "ABORTED" => Self::Aborted,
            "EXPIRED" => Self::Expired,
            _ => Self::Other(word),
        })
    }
}

impl<'de> Deserialize<'de> for CancelStatus {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Option::<String>::deserialize(from)? {
            None => Self::Done,
            Some(word) => match word.as_str() {
                "DONE" => Self::Done,
                "IN_PROGRESS" => Self::InProgress,
                "ABORTED" => Self::Aborted,
                _ => Self::Other(word),
            },
        })
    }
}

fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(lenient(from)?.unwrap_or(false))
}

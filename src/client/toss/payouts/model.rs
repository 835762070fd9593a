//! Sellers and payouts as the provider has them. Unknown fields and words are borne; ids and amounts must be there.

use std::fmt;

use chrono::NaiveDate;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

use super::super::model::{Failure, ModelError};
use super::super::parse::{instant, lenient, whole};
use crate::clock::Instant;
use crate::money::Krw;

/// An enum of the provider's words that keeps those it does not know.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$item])* $variant,)*
            /// A word that this version does not know. Nothing may be concluded from it.
            Other(String),
        }

        impl $name {
            /// The provider's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = String::deserialize(from)?;
                Ok(match word.as_str() {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word),
                })
            }
        }
    };
}

words! {
    /// How far the provider has checked a payee.
    SellerStatus {
        /// Individuals and sole traders begin here: they must prove their identity; not paid out before.
        ApprovalRequired = "APPROVAL_REQUIRED",
        /// Paid out, up to 10,000,000 won a week.
        PartiallyApproved = "PARTIALLY_APPROVED",
        /// More was asked for, or the check has grown old: not paid out until it is made again.
        KycRequired = "KYC_REQUIRED",
        /// Paid out without a limit.
        Approved = "APPROVED",
    }
}

words! {
    PayoutStatus {
        /// Of a later day; can still be cancelled.
        Requested = "REQUESTED",
        /// The transfer has begun.
        InProgress = "IN_PROGRESS",
        /// The money has arrived.
        Completed = "COMPLETED",
        /// It did not arrive, and is ours again.
        Failed = "FAILED",
        Canceled = "CANCELED",
    }
}

impl SellerStatus {
    /// Whether the provider pays out to a seller in this state.
    pub fn can_be_paid(&self) -> bool {
        matches!(self, Self::PartiallyApproved | Self::Approved)
    }
}

/// Where a seller is paid. Its `Debug` shows the bank alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub bank_code: String,
    /// Up to 20 digits; masked where the provider writes it into a webhook.
    pub account_number: String,
    pub holder_name: String,
}

/// A payee as the provider has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// The provider's id: the `destination` of payouts.
    pub id: String,
    /// Ours.
    pub ref_seller_id: String,
    pub status: SellerStatus,
    /// `INDIVIDUAL`, `INDIVIDUAL_BUSINESS`, `CORPORATE`.
    #[serde(default, deserialize_with = "lenient")]
    pub business_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub account: Option<Account>,
}

/// A payout as the provider has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payout {
    /// The provider's id.
    pub id: String,
    /// Ours.
    pub ref_payout_id: String,
    /// The seller's id.
    pub destination: String,
    #[serde(deserialize_with = "positive")]
    pub amount: Krw,
    pub status: PayoutStatus,
    /// `EXPRESS` or `SCHEDULED`.
    #[serde(default, deserialize_with = "lenient")]
    pub schedule_type: Option<String>,
    /// In Korea.
    #[serde(default, deserialize_with = "lenient")]
    pub payout_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "instant")]
    pub requested_at: Option<Instant>,
    /// Why it failed.
    #[serde(default, deserialize_with = "lenient")]
    pub error: Option<Failure>,
    /// The body as it came: evidence.
    #[serde(skip)]
    pub raw: Value,
}

/// What the provider holds for us, in won. Below zero when more was given back to payers than came in: the provider's
/// documents do not rule it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Of sales that are not settled yet; `None` when the provider does not say, as in its test environment.
    pub pending: Option<Krw>,
    /// Can be paid out.
    pub available: Krw,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_next: bool,
    /// Where the next page begins; always there when there is one.
    pub last_cursor: Option<String>,
}

impl Seller {
    /// From the entity of an answer or of a `seller.changed` webhook.
    ///
    /// # Errors
    /// When an id or the status is missing.
    pub fn from_json(json: Value) -> Result<Self, ModelError> {
        serde_json::from_value(json).map_err(broken)
    }
}

impl Payout {
    /// From the entity of an answer or of a `payout.changed` webhook.
    ///
    /// # Errors
    /// When an id, the destination, the amount or the status is missing, or the amount is not whole won.
    pub fn from_json(json: Value) -> Result<Self, ModelError> {
        let payout = Self::deserialize(&json).map_err(broken)?;
        Ok(Self { raw: json, ..payout })
    }
}

impl Balance {
    pub(super) fn from_json(json: Value) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            #[serde(default)]
            pending_amount: Option<Amount>,
            available_amount: Amount,
        }
        let body: Body = serde_json::from_value(json).map_err(broken)?;
        Ok(Self {
            pending: body.pending_amount.map(|amount| amount.won()).transpose().map_err(ModelError)?,
            available: body.available_amount.won().map_err(ModelError)?,
        })
    }
}

impl<T> Page<T> {
    /// One item that cannot be read spoils its page: a list with holes would hide a payout that was made.
    pub(super) fn from_json(
        json: Value,
        read: impl Fn(Value) -> Result<T, ModelError>,
    ) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            has_next: bool,
            #[serde(default)]
            last_cursor: Option<String>,
            items: Vec<Value>,
        }
        let body: Body = serde_json::from_value(json).map_err(broken)?;
        if body.has_next && body.last_cursor.is_none() {
            return Err(ModelError("there is a next page, but no cursor".to_owned()));
        }
        let items = body.items.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { items, has_next: body.has_next, last_cursor: body.last_cursor })
    }
}

/// The items of an answer that is no page: `{items: […]}`, or the bare array.
pub(super) fn items<T>(
    mut json: Value,
    read: impl Fn(Value) -> Result<T, ModelError>,
) -> Result<Vec<T>, ModelError> {
    let list = json.get_mut("items").map(Value::take).unwrap_or(json);
    let Value::Array(list) = list else {
        return Err(ModelError("there are no items".to_owned()));
    };
    list.into_iter().map(read).collect()
}

#[derive(Deserialize)]
struct Amount {
    currency: String,
    value: Number,
}

impl Amount {
    /// Of either sign. The provider writes `5000.0` for 5,000 won; a fraction is no amount.
    fn won(&self) -> Result<Krw, String> {
        if self.currency != "KRW" {
            return Err(format!("{} is not our currency", self.currency));
        }
        whole(&self.value).map(Krw).ok_or_else(|| format!("{} is not an amount in whole won", self.value))
    }
}

fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<Krw, D::Error> {
    let amount = Amount::deserialize(from)?.won().map_err(D::Error::custom)?;
    if amount.is_positive() { Ok(amount) } else { Err(D::Error::custom("a payout has an amount")) }
}

fn broken(error: serde_json::Error) -> ModelError {
    ModelError(error.to_string())
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("bank_code", &self.bank_code).finish_non_exhaustive()
    }
}

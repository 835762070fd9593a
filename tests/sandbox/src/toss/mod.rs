//! The stand-in for Toss Payments: confirm, cancel and query as the real API answers them.
//!
//! Facts come from the official documents and from measurements against the live API; where neither says
//! anything, the comment of the line says that it is a guess.

mod cancel;
mod confirm;
pub(crate) mod errors;
pub(crate) mod http;
pub(crate) mod payment;
mod store;
pub(crate) mod transactions;
pub(crate) mod webhook;
mod work;

use serde::{Deserialize, Serialize};

pub use self::payment::{
    Cancel, Card, EasyPay, Failure, Link, Method, Payment, Status, Transaction, Transfer,
};
pub use self::webhook::{Delivery, WebhookMode};

use self::errors::TossError;
use self::payment::Record;
pub(crate) use self::store::Payments;
use crate::id;
use crate::state::Shared;

/// What the payment window is opened with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCheckout {
    /// 6 to 64 letters, digits, `-` or `_`.
    pub order_id: String,
    /// Won; at least 100 (card) or 200 (account).
    pub amount: i64,
    #[serde(default)]
    pub order_name: Option<String>,
    #[serde(default)]
    pub method: Method,
    #[serde(default)]
    pub customer_key: Option<String>,
}

impl NewCheckout {
    pub fn new(order_id: &str, amount: i64) -> Self {
        Self {
            order_id: order_id.to_owned(),
            amount,
            order_name: None,
            method: Method::Card,
            customer_key: None,
        }
    }
}

/// What the success redirect carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkout {
    pub payment_key: String,
    pub order_id: String,
    pub amount: i64,
}

/// A payment whose new status is told by webhook.
pub(crate) struct Changed(pub(crate) Payment);

/// How a confirm or cancel ended.
pub(crate) struct Outcome {
    pub(crate) answer: Result<Box<Payment>, TossError>,
    pub(crate) changed: Option<Changed>,
}

impl Outcome {
    fn refused(error: TossError) -> Self {
        Self { answer: Err(error), changed: None }
    }

    fn changed(payment: Payment) -> Self {
        Self { answer: Ok(Box::new(payment.clone())), changed: Some(Changed(payment)) }
    }
}

/// The user opens the window and types the card: the payment is authenticated, no money has moved yet.
///
/// # Errors
/// INVALID_ORDER_ID, BELOW_MINIMUM_AMOUNT, INVALID_REQUEST (name or customer key too long), DUPLICATED_ORDER_ID
/// (the order has an approved payment).
pub(crate) fn authenticate(shared: &Shared, checkout: &NewCheckout) -> Result<Checkout, TossError> {
    let id_is_valid = (6..=64).contains(&checkout.order_id.len())
        && checkout.order_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !id_is_valid {
        return Err(TossError::of("INVALID_ORDER_ID"));
    }
    let minimum = if checkout.method == Method::Transfer { 200 } else { 100 };
    if checkout.amount < minimum {
        return Err(TossError::of("BELOW_MINIMUM_AMOUNT"));
    }
    let too_long =
        |text: &Option<String>, most: usize| text.as_ref().is_some_and(|t| t.chars().count() > most);
    // The amount is bounded far above any payment, so that sums never overflow.
    if too_long(&checkout.order_name, 100)
        || too_long(&checkout.customer_key, 300)
        || checkout.amount > 1_000_000_000_000
    {
        return Err(TossError::of("INVALID_REQUEST"));
    }
    let now = shared.clock.now();
    let mut state = shared.lock();
    if state.payments.has_approval(&checkout.order_id) {
        return Err(TossError::of("DUPLICATED_ORDER_ID"));
    }
    let record = Record::authenticated(id::payment_key(now), checkout, &shared.url, now);
    let answer = Checkout {
        payment_key: record.payment.payment_key.clone(),
        order_id: checkout.order_id.clone(),
        amount: checkout.amount,
    };
    state.payments.insert(record);
    Ok(answer)
}

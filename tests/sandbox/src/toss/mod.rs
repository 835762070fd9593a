//! The stand-in for Toss Payments: confirm, cancel, query and payout as the real API answers them.
//!
//! Facts come from the official documents and from measurements against the live API; where neither says
//! anything, the comment of the line says that it is a guess.

pub(crate) mod account;
pub(crate) mod cancel;
mod confirm;
pub(crate) mod errors;
mod events;
pub(crate) mod http;
pub(crate) mod jwe;
pub(crate) mod ledger;
pub(crate) mod payment;
pub(crate) mod security;
pub(crate) mod settlements;
mod store;
pub(crate) mod transactions;
pub(crate) mod v2;
pub(crate) mod webhook;
mod work;

use serde::{Deserialize, Serialize};

pub use self::account::{RefundAccount, VirtualAccount};
pub use self::events::WebhookKinds;
pub use self::ledger::LedgerTotals;
pub use self::payment::{
    Cancel, Card, EasyPay, Failure, Link, Method, Payment, Status, Transaction, Transfer,
};
pub use self::security::{Signature, SignatureKey, TEST_SECURITY_KEY};
pub use self::v2::{
    Account, Balance, BusinessType, Company, Individual, Payout, PayoutStatus, ScheduleType, Seller,
    SellerStatus,
};
pub use self::webhook::{Delivery, WebhookMode};

use self::account::MOST_HOURS;
use self::errors::TossError;
use self::payment::Record;
pub(crate) use self::store::Payments;
use self::webhook::Event;
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
    /// Virtual accounts: the name of the buyer.
    #[serde(default)]
    pub customer_name: Option<String>,
    /// Virtual accounts: hours to pay, 168 when absent, at most 2160.
    #[serde(default)]
    pub due_hours: Option<u32>,
}

impl NewCheckout {
    pub fn new(order_id: &str, amount: i64) -> Self {
        Self {
            order_id: order_id.to_owned(),
            amount,
            order_name: None,
            method: Method::Card,
            customer_key: None,
            customer_name: None,
            due_hours: None,
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

/// How a confirm or cancel ended.
pub(crate) struct Outcome {
    pub(crate) answer: Result<Box<Payment>, TossError>,
    pub(crate) events: Vec<Event>,
}

impl Outcome {
    fn refused(error: TossError) -> Self {
        Self { answer: Err(error), events: Vec::new() }
    }

    fn changed(payment: Payment) -> Self {
        let payment = Box::new(payment);
        Self { answer: Ok(payment.clone()), events: vec![Event::Payment(payment)] }
    }
}

/// The user opens the window and types the card: the payment is authenticated, no money has moved yet.
///
/// # Errors
/// INVALID_ORDER_ID, BELOW_MINIMUM_AMOUNT, INVALID_REQUEST (a name or customer key that is too long, too many
/// hours), DUPLICATED_ORDER_ID (the order has a confirmed payment).
pub(crate) fn authenticate(shared: &Shared, checkout: &NewCheckout) -> Result<Checkout, TossError> {
    begin(shared, checkout, Status::InProgress)
}

/// The user opens the window and has not typed anything yet.
///
/// # Errors
/// As [`authenticate`].
pub(crate) fn open_window(shared: &Shared, checkout: &NewCheckout) -> Result<Checkout, TossError> {
    begin(shared, checkout, Status::Ready)
}

fn begin(shared: &Shared, checkout: &NewCheckout, status: Status) -> Result<Checkout, TossError> {
    check(checkout)?;
    let now = shared.clock.now();
    let mut state = shared.lock();
    if state.payments.is_confirmed(&checkout.order_id) {
        return Err(TossError::of("DUPLICATED_ORDER_ID"));
    }
    let record = Record::begun(status, id::payment_key(now), checkout, &shared.url, now);
    let answer = Checkout {
        payment_key: record.payment.payment_key.clone(),
        order_id: checkout.order_id.clone(),
        amount: checkout.amount,
    };
    state.payments.insert(record);
    Ok(answer)
}

fn check(checkout: &NewCheckout) -> Result<(), TossError> {
    let id_is_valid = (6..=64).contains(&checkout.order_id.len())
        && checkout.order_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !id_is_valid {
        return Err(TossError::of("INVALID_ORDER_ID"));
    }
    let of_an_account = matches!(checkout.method, Method::Transfer | Method::VirtualAccount);
    if checkout.amount < if of_an_account { 200 } else { 100 } {
        return Err(TossError::of("BELOW_MINIMUM_AMOUNT"));
    }
    let too_long =
        |text: &Option<String>, most: usize| text.as_ref().is_some_and(|t| t.chars().count() > most);
    // The amount is bounded far above any payment, so that sums never overflow.
    if too_long(&checkout.order_name, 100)
        || too_long(&checkout.customer_name, 100)
        || too_long(&checkout.customer_key, 300)
        || checkout.due_hours.is_some_and(|hours| !(1..=MOST_HOURS).contains(&hours))
        || checkout.amount > 1_000_000_000_000
    {
        return Err(TossError::of("INVALID_REQUEST"));
    }
    Ok(())
}

//! What webhooks say: PAYMENT_STATUS_CHANGED and DEPOSIT_CALLBACK of payments, payout.changed and seller.changed.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::payment::{Payment, Status, VERSION};
use super::v2::{Payout, Seller, Written};
use super::webhook::Webhooks;
use crate::clock::{Instant, kst};
use crate::id;

/// What somebody is told of.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Payment(Box<Payment>),
    Seller(Box<Seller>),
    Payout(Box<Payout>),
}

/// Which webhooks about payments are registered. With both, a change of a virtual account is told twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookKinds {
    /// PAYMENT_STATUS_CHANGED, of all methods.
    pub payment_status_changed: bool,
    /// DEPOSIT_CALLBACK, of virtual accounts alone.
    pub deposit_callback: bool,
}

impl Default for WebhookKinds {
    fn default() -> Self {
        Self { payment_status_changed: true, deposit_callback: true }
    }
}

pub(super) struct Message {
    pub(super) body: Vec<u8>,
    pub(super) signed: bool,
}

/// The messages an event makes, in the order they are sent.
pub(super) fn messages(event: &Event, hooks: &mut Webhooks, now: Instant) -> Vec<Message> {
    match event {
        Event::Payment(payment) => of_payment(payment, hooks, now),
        Event::Seller(seller) => vec![signed("seller", "seller.changed", seller.wire(Written::Masked), now)],
        Event::Payout(payout) => vec![signed("payout", "payout.changed", payout.wire(Written::Decimal), now)],
    }
}

fn of_payment(payment: &Payment, hooks: &mut Webhooks, now: Instant) -> Vec<Message> {
    // Microseconds without an offset: Korean time, as these events have it.
    let created = kst(now).format("%Y-%m-%dT%H:%M:%S.000000").to_string();
    let mut bodies = Vec::new();
    // Nothing is sent when an account expires unpaid, and EXPIRED or ABORTED payments have no account.
    if hooks.kinds.deposit_callback && payment.virtual_account.is_some() {
        hooks.callbacks += 1;
        // Both forms of the time have been seen in this event.
        let odd = hooks.callbacks % 2 == 1;
        bodies.push(json!({
            "createdAt": if odd { created.clone() } else { kst(now).to_rfc3339() },
            "secret": payment.secret,
            "status": payment.status,
            "transactionKey": payment.last_transaction_key,
            "orderId": payment.order_id,
        }));
    }
    // None for a payment that is still in the window.
    if hooks.kinds.payment_status_changed && !matches!(payment.status, Status::Ready | Status::InProgress) {
        bodies.push(json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": created, "data": payment }));
    }
    bodies.into_iter().map(|body| Message { body: body.to_string().into_bytes(), signed: false }).collect()
}

fn signed(entity_type: &str, event_type: &str, entity: impl Serialize, now: Instant) -> Message {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope<'a, E> {
        event_type: &'a str,
        created_at: String,
        version: &'a str,
        event_id: String,
        entity_type: &'a str,
        entity_body: E,
    }
    let envelope = Envelope {
        event_type,
        created_at: kst(now).to_rfc3339(),
        version: VERSION,
        event_id: id::event_id(),
        entity_type,
        entity_body: entity,
    };
    Message { body: serde_json::to_vec(&envelope).expect("plain data is valid JSON"), signed: true }
}

//! Payments: order, confirm, outcome, refund. The provider is asked by jobs, never inside a transaction: one
//! transaction writes the intent, the call follows, another writes what came of it.

mod error;
mod inbox;
mod model;
mod order;
mod outcome;
mod owed;
mod query;
mod refund;

pub use error::Error;
pub use inbox::{close_webhook, store_webhook, webhook_body};
pub use model::{
    Attempt, AttemptState, Capture, CaptureRow, Decline, Payment, PaymentState, Refund, RefundState,
};
pub use order::{Confirmation, Order, open_order, request_confirm};
pub use outcome::{
    Intent, MISMATCH, apply_capture, apply_decline, mark_unknown, open_attempts, prepare, requery, view,
};
pub use owed::{refund, refundable};
pub use query::{
    attempt as find_attempt, attempts_of, capture_of, payment_for_payer, payment_of_reservation, refunds_of,
};
pub use refund::{
    RefundIntent, apply_refund, cancel_reservation, has_open_refund, orphans, park_refund, prepare_refund,
    promised, refund_orphan, refund_unknown, retry_refund, stuck_refunds,
};

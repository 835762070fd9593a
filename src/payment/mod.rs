//! Payments: order, confirm, outcome, refund. The provider is asked by jobs, never inside a transaction: one
//! transaction writes the intent, the call follows, another writes what came of it.

mod error;
mod inbox;
mod model;
mod order;
mod outcome;
mod query;
mod refund;

pub use error::Error;
pub use inbox::{close_webhook, store_webhook, webhook_body};
pub use model::{Attempt, AttemptState, Capture, CaptureRow, Decline, Payment, PaymentState};
pub use order::{Confirmation, Order, open_order, request_confirm};
pub use outcome::{
    Intent, MISMATCH, apply_capture, apply_decline, mark_unknown, open_attempts, prepare, requery, view,
};
pub use query::{
    attempt as find_attempt, attempts_of, capture_of, payment_for_payer, payment_of_reservation,
};
pub use refund::{
    Bearer, CancellationQuote, Captured, Choice, Ending, EndingIntent, PayerAccount, Refund, RefundAsk,
    RefundChange, RefundIntent, RefundState, RefundWish, apply_refund, approve_wish, ask_refund_again,
    cancel_reservation, cancel_with, check_wish, conclude_ending, end_refund, find_quote, find_refund,
    given_of, has_open_refund, list_refunds, lock_capture, lock_wish, open_account, orphans, park_refund,
    prepare_ending, prepare_refund, promised, quote_cancellation, redeem_quote, refund, refund_history,
    refund_needs_account, refund_orphan, refund_unknown, refunds_of, reject_refund, reopen_refund,
    retry_refund, set_refund_account, stuck_refunds, write_wish,
};

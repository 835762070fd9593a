//! Payments: order, confirm, deposit, outcome, refund. The provider is asked by jobs, never inside a transaction: one
//! transaction writes the intent, the call follows, another writes what came of it.

// First, because the others share its macros.
#[macro_use]
mod query;

mod deposit;
mod error;
mod inbox;
mod model;
mod order;
mod outcome;
mod refund;
mod sync;
mod watch;

pub use deposit::{Closing, Reversal, apply_reversal, await_deposit, plan_reversal, prepare_close};
pub use error::Error;
pub use inbox::{
    Arrival, Look, Webhook, begin_look, close_webhook, end_look, forgotten_webhooks, note_webhook,
    store_webhooks, webhook,
};
pub use model::{Attempt, AttemptState, Capture, CaptureRow, Decline, Deposit, Payment, PaymentState};
pub use order::{Confirmation, Order, open_order, request_confirm};
pub use outcome::{Applied, Asked, Intent, MISMATCH, apply_capture, apply_decline, mark_unknown, prepare};
pub use query::{
    attempt as find_attempt, attempts_of, capture_of, mark_attempt_read, payment_for_payer,
    payment_of_reservation,
};
pub use refund::{
    Bearer, CancellationQuote, Captured, Choice, Ending, EndingIntent, PayerAccount, Refund, RefundAsk,
    RefundChange, RefundIntent, RefundState, RefundWish, apply_refund, approve_wish, ask_refund_again,
    cancel_ahead, cancel_for_suspended, cancel_reservation, cancel_with, check_wish, conclude_ending,
    end_refund, find_quote, find_refund, given_alone, given_of, has_open_refund, list_refunds, lock_capture,
    lock_wish, open_account, owes_refund, park_refund, prepare_ending, prepare_refund, promised,
    quote_cancellation, redeem_quote, refund, refund_history, refund_needs_account, refund_unknown,
    refund_waits, refunds_of, refunds_of_attempt, reject_refund, reopen_refund, retry_refund,
    set_refund_account, stuck_refunds, take_goodwill_back, write_wish,
};
pub use sync::{Adoption, FoundCancel, adopt_cancel, conclude_adoption, plan_adoption, prepare_sync};
pub use watch::{
    attempts_page, close_attempt, open_attempts, orphans, refund_orphan, requery, requery_now,
    reservation_of, unread_captures, unwanted_deposits, view, waiting_attempts,
};

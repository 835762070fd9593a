//! What notices say: a pure function of kind, facts, language and time zone. Every kind has a Korean and an
//! English text; a kind that this build does not know gets a neutral one.

mod asks;
mod deposits;
mod digest;
mod dispute;
mod en;
mod facts;
mod ko;
mod payout;
mod refunds;
mod review;
mod security;
mod session;

use serde_json::Value;

use crate::user::{Locale, TimeZone};
use facts::Facts;

/// Every kind about a reservation with a text of its own.
pub const KINDS: &[&str] = &[
    "reservation.reserved",
    "reservation.approved",
    "reservation.rejected",
    "reservation.request_expired",
    "reservation.payment_declined",
    "reservation.confirmed",
    "reservation.expired",
    "reservation.payment_failed",
    "reservation.cancelled",
    "reservation.completed",
    "reservation.ended_early",
    "session.waiting",
    "reservation.reminder",
    "reservation.hold_ending",
    "review.requested",
    "chat.messages",
    "reservation.capture_reversed",
    "payment.deposit_awaited",
    "payment.reversed",
    "reservation.no_show",
    "reservation.no_show_reported",
    "payment.refunded",
    "payment.refund_account_needed",
    "settlement.accrued",
    "dispute.opened",
    "dispute.answered",
    "dispute.in_review",
    "dispute.accepted",
    "dispute.decided",
    "dispute.withdrawn",
    "review.received",
    "review.published",
    "review.replied",
    "review.hidden",
    "review.restored",
];

/// Plain text without markup. `title` is one line; `body` is a few lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub title: String,
    pub body: String,
}

/// The text of a notice. Times are wall clocks of `zone`, with its abbreviation.
pub fn render(kind: &str, data: &Value, locale: Locale, zone: TimeZone) -> Text {
    let facts = Facts { data, locale, zone: zone.0 };
    match locale {
        Locale::Ko => ko::text(kind, &facts).unwrap_or_else(|| ko::neutral(&facts)),
        Locale::En => en::text(kind, &facts).unwrap_or_else(|| en::neutral(&facts)),
    }
}

#[cfg(test)]
mod tests;

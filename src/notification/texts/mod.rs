//! What notices say: a pure function of kind, facts, language and time zone. Every kind has a Korean and an
//! English text; a kind that this build does not know gets a neutral one.

mod asks;
mod deposits;
mod digest;
mod dispute;
mod en;
mod facts;
mod ko;
mod mail;
mod payout;
mod refunds;
mod reschedule;
mod review;
mod security;
mod session;
mod waitlist;
mod webhook;

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
    "reservation.reschedule_proposed",
    "reservation.rescheduled",
    "reservation.reschedule_declined",
    "reservation.reschedule_withdrawn",
    "reservation.reschedule_expired",
    "reservation.slot_offered",
    "session.waiting",
    "reservation.reminder",
    "reservation.hold_ending",
    "reservation.clock_changed",
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

/// Every kind with a text of its own.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    let others = ["digest.daily", "mail.undeliverable"];
    let security = security::KINDS.iter().copied();
    KINDS.iter().copied().chain(payout::KINDS).chain(security).chain(webhook::KINDS).chain(others)
}

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

/// What a text says of its session, taken apart. Each is absent where the facts have none.
pub(super) struct Session {
    pub title: Option<String>,
    /// A wall clock of the reader's zone.
    pub starts_at: Option<String>,
    /// The line in which a text says both.
    pub line: Option<String>,
}

pub(super) fn session(data: &Value, locale: Locale, zone: TimeZone) -> Session {
    let facts = Facts { data, locale, zone: zone.0 };
    Session { title: facts.text("title"), starts_at: facts.time("startsAt"), line: facts.session() }
}

/// What people wrote, on one line, of a bounded length, and without marks that turn the direction of other text.
pub(super) fn clean(text: &str) -> String {
    facts::one_line(text)
}

#[cfg(test)]
mod tests;

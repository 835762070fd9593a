//! English texts.

use super::facts::{Facts, line, says};
use super::{
    Text, asks, deposits, digest, dispute, mail, payout, refunds, reschedule, review, security,
    session as live, waitlist, webhook,
};

pub(super) fn text(kind: &str, f: &Facts) -> Option<Text> {
    if let Some(text) = live::en(kind, f) {
        return Some(text);
    }
    let session = f.session();
    Some(match kind {
        "reservation.reserved" => reserved(f),
        "reservation.approved" => approved(f),
        "reservation.rejected" => says(
            if f.is_mentor() { "You declined a request" } else { "Your request was declined" },
            [
                session,
                reason(f),
                if f.is_mentor() {
                    None
                } else {
                    line("Nothing was charged. Try another time or another mentor.")
                },
            ],
        ),
        "reservation.request_expired" => says(
            "The request has expired",
            [session, line("The mentor did not answer in time. Nothing was charged.")],
        ),
        "reservation.payment_declined" => payment_declined(f),
        "reservation.confirmed" => says(
            "Your session is confirmed",
            [session, line("You can enter from 10 minutes before the start.")],
        ),
        "reservation.expired" => says(
            "The time to pay is over",
            [session, line("It was not paid in time, so the slot is open again. Nothing was charged.")],
        ),
        "reservation.payment_failed" => payment_failed(f),
        "reservation.cancelled" => cancelled(f),
        "reservation.completed" => says(
            "The session is completed",
            [
                session,
                line(if f.is_mentor() {
                    "Well done. You will soon hear what you have earned."
                } else {
                    "Thank you for using Konnect."
                }),
            ],
        ),
        "reservation.reminder" => {
            says(reminder_title(f.lead()), [session, line("You can enter from 10 minutes before the start.")])
        }
        "payment.refunded" => says(
            "Your refund is done",
            [
                session,
                f.won("amount").map(|won| format!("Refunded: {won}")),
                line("Your card company may take some days to show it."),
            ],
        ),
        "settlement.accrued" => says(
            "Your earnings are recorded",
            [
                session,
                f.won("gross").map(|won| format!("Paid: {won}")),
                f.won("fee").map(|won| format!("Fee: {won}")),
                f.won("net").map(|won| format!("Your share: {won}")),
            ],
        ),
        _ => {
            return refunds::en(kind, f)
                .or_else(|| reschedule::en(kind, f))
                .or_else(|| waitlist::en(kind, f))
                .or_else(|| deposits::en(kind, f))
                .or_else(|| payout::en(kind, f))
                .or_else(|| dispute::en(kind, f))
                .or_else(|| review::en(kind, f))
                .or_else(|| asks::en(kind, f))
                .or_else(|| security::en(kind, f))
                .or_else(|| webhook::en(kind, f))
                .or_else(|| digest::en(kind, f))
                .or_else(|| mail::en(kind));
        }
    })
}

pub(super) fn neutral(f: &Facts) -> Text {
    says("You have news", [f.session(), line("Open Konnect to see what has changed.")])
}

fn reserved(f: &Facts) -> Text {
    match (f.state() == "requested", f.is_mentor()) {
        (true, true) => {
            says("You have a new request", [f.session(), line("Please approve or decline it in time.")])
        }
        (true, false) => says(
            "Your request was sent",
            [f.session(), line("You will hear when the mentor has decided. Nothing is charged before.")],
        ),
        (false, true) => says("A new booking waits for its payment", [f.session()]),
        (false, false) => says("The slot is held for you", [f.session(), pay_by(f)]),
    }
}

fn approved(f: &Facts) -> Text {
    if f.is_mentor() {
        return says(
            "You approved a request",
            [f.session(), line("It is confirmed as soon as the mentee has paid.")],
        );
    }
    says("Your request was approved: please pay", [f.session(), pay_by(f)])
}

fn payment_declined(f: &Facts) -> Text {
    if f.is_mentor() {
        return says(
            "The mentee's payment is not complete yet",
            [f.session(), line("You will hear when it is.")],
        );
    }
    says(
        "Your payment was declined",
        [f.session(), line("Try another card or method. Nothing was charged."), pay_by(f)],
    )
}

fn payment_failed(f: &Facts) -> Text {
    if f.is_mentor() {
        return says("A booking ended without payment", [f.session(), line("Its slot is open again.")]);
    }
    says(
        "The payment failed and the booking has ended",
        [f.session(), line("Nothing was charged. If the time is still free, you can book and pay again.")],
    )
}

fn cancelled(f: &Facts) -> Text {
    let refund =
        if f.is_mentor() { None } else { f.some_won("refund").map(|won| format!("To be refunded: {won}")) };
    says("The booking was cancelled", [f.session(), reason(f), refund])
}

fn reminder_title(lead: &str) -> &'static str {
    match lead {
        "24h" => "Your session starts in 24 hours",
        "1h" => "Your session starts in 1 hour",
        "10m" => "Your session starts in 10 minutes",
        "ahead" => "Your session is coming up",
        _ => "Your session starts soon",
    }
}

fn reason(f: &Facts) -> Option<String> {
    f.reason().map(|reason| match reason.as_str() {
        // A word of ours: no person wrote it.
        "mentor_unavailable" => "Reason: the mentor can no longer hold it.".to_owned(),
        _ => format!("Reason: {reason}"),
    })
}

fn pay_by(f: &Facts) -> Option<String> {
    f.hold_until().map(|at| format!("Pay by {at} to confirm it."))
}

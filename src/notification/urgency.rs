//! What does not wait for the end of somebody's quiet hours. Pure.

use super::model::Notice;
use super::timely::moment;
use crate::clock::Instant;

/// The facts that say until when a notice is of use: the session begins, the slot is given up, the request expires,
/// the deposit is too late.
const MOMENTS: [&str; 4] = ["startsAt", "holdUntil", "answerBy", "payBy"];

/// Kinds of which every minute counts.
fn is_urgent(notice: &Notice) -> bool {
    match notice.kind.as_str() {
        // The hold runs: another card can still save the booking.
        "reservation.payment_declined" | "reservation.hold_ending" | "session.waiting" => true,
        "reservation.reminder" => notice.data["lead"] == "10m",
        // Somebody else may have the account in hand.
        "payout.account_changed" => true,
        kind => kind.starts_with("security."),
    }
}

/// Whether a notice can be told as well at `until`, when the quiet hours end that it is now.
pub(super) fn may_wait(notice: &Notice, now: Instant, until: Instant) -> bool {
    let passes = |at: Instant| now < at && at <= until;
    !is_urgent(notice)
        && !notice.expires_at.is_some_and(passes)
        && !MOMENTS.iter().filter_map(|name| moment(&notice.data, name)).any(passes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::notification::model::notice;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    fn waits(kind: &str, data: &Value, expires_at: Option<&str>) -> bool {
        let now = at("2026-03-02T13:00:00Z");
        let notice = Notice { expires_at: expires_at.map(at), ..notice(kind, data, now) };
        may_wait(&notice, now, at("2026-03-02T22:00:00Z"))
    }

    #[test]
    fn what_is_urgent_does_not_wait() {
        for (kind, lead) in [
            ("reservation.payment_declined", ""),
            ("reservation.hold_ending", ""),
            ("session.waiting", ""),
            ("reservation.reminder", "10m"),
            ("payout.account_changed", ""),
            ("security.new_login", ""),
        ] {
            assert!(!waits(kind, &json!({ "lead": lead }), None), "{kind}");
        }
        for (kind, lead) in
            [("reservation.confirmed", ""), ("reservation.reminder", "24h"), ("review.requested", "")]
        {
            assert!(waits(kind, &json!({ "lead": lead }), None), "{kind}");
        }
    }

    #[test]
    fn what_would_come_too_late_does_not_wait() {
        for name in MOMENTS {
            let told = |moment: &str| waits("reservation.confirmed", &json!({ name: moment }), None);
            assert!(!told("2026-03-02T21:00:00Z") && !told("2026-03-02T22:00:00Z"), "{name}: before the end");
            assert!(told("2026-03-02T22:00:01Z"), "{name}: after it");
            assert!(told("2026-03-02T12:00:00Z") && told("soon"), "{name}: what is over does not hurry");
        }
        assert!(!waits("reservation.confirmed", &json!({}), Some("2026-03-02T20:00:00Z")));
    }
}

//! Notices of what lies ahead, held against what has become of it meanwhile. Pure.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::model::Notice;
use crate::clock::Instant;
use crate::job::Lead;
use crate::reservation::{Reservation, State};

const REMINDER: &str = "reservation.reminder";
const HOLD_ENDING: &str = "reservation.hold_ending";
/// A lead that has become shorter by more than this part of it is not named any more.
const TOLERANCE: i32 = 10;

/// A moment that the facts of a notice name.
pub(super) fn moment(facts: &Value, name: &str) -> Option<Instant> {
    let at = DateTime::parse_from_rfc3339(facts[name].as_str()?).ok()?;
    Some(at.to_utc())
}

/// Whether a notice is of use only as long as its reservation stands as it did when it was written.
pub(super) fn lies_ahead(kind: &str) -> bool {
    [REMINDER, HOLD_ENDING].contains(&kind)
}

/// Whether what [`lies_ahead`] still does so: not cancelled, not moved, not paid.
pub(super) fn still_so(kind: &str, facts: &Value, reservation: &Reservation) -> bool {
    match kind {
        REMINDER => {
            reservation.state == State::Confirmed && moment(facts, "startsAt") == Some(reservation.starts_at)
        }
        HOLD_ENDING => {
            reservation.state == State::AwaitingPayment
                && reservation.hold_until.is_some()
                && moment(facts, "holdUntil") == reservation.hold_until
        }
        _ => true,
    }
}

/// Takes the lead out of a reminder that comes so late that it would be wrong. The facts that are stored keep it: by it is
/// judged what is urgent. A mail that goes out a second time, because nobody knows of the first, may say another one.
pub(super) fn correct_lead(notice: &mut Notice, now: Instant) {
    let lead = Lead::ALL.into_iter().find(|lead| notice.data["lead"] == lead.name());
    let (REMINDER, Some(lead), Some(starts_at)) =
        (notice.kind.as_str(), lead, moment(&notice.data, "startsAt"))
    else {
        return;
    };
    let left: TimeDelta = starts_at - now;
    if left < lead.length() - lead.length() / TOLERANCE {
        notice.data["lead"] = json!(if left <= Lead::Hour.length() { "soon" } else { "ahead" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::model::notice;

    fn shown(kind: &str, lead: &str, before: TimeDelta) -> Value {
        let starts_at: Instant = "2026-03-02T13:00:00Z".parse().expect("an instant");
        let now = starts_at - before;
        let mut notice = notice(kind, &json!({ "lead": lead, "startsAt": starts_at }), now);
        correct_lead(&mut notice, now);
        notice.data["lead"].clone()
    }

    #[test]
    fn s58_a_lead_is_named_as_long_as_it_is_true() {
        for (lead, minutes, expected) in [
            ("24h", 24 * 60, "24h"),
            ("24h", 24 * 54, "24h"),
            ("24h", 24 * 54 - 1, "ahead"),
            ("24h", 61, "ahead"),
            ("24h", 60, "soon"),
            ("1h", 54, "1h"),
            ("1h", 53, "soon"),
            ("10m", 9, "10m"),
            ("10m", 8, "soon"),
            ("10m", -1, "soon"),
            ("soon", 5, "soon"),
            ("", 5, ""),
        ] {
            assert_eq!(shown(REMINDER, lead, TimeDelta::minutes(minutes)), expected, "{lead} at {minutes}");
        }
        assert_eq!(shown("reservation.confirmed", "1h", TimeDelta::minutes(5)), "1h", "no reminder");
    }

    #[test]
    fn a_reminder_without_a_start_is_left_as_it_is() {
        let now = "2026-03-02T13:00:00Z".parse().expect("an instant");
        for starts_at in [json!(null), json!("soon"), json!(7)] {
            let mut notice = notice(REMINDER, &json!({ "lead": "1h", "startsAt": starts_at }), now);
            correct_lead(&mut notice, now);
            assert_eq!(notice.data["lead"], "1h");
        }
    }
}

//! A session in its members' calendars (RFC 5545, RFC 5546).
//!
//! One UID for ever: the reservation's. What is sent says how the reservation stands when it is sent, and its SEQUENCE
//! is the reservation's version, which grows with every change: a mail that was delayed can not put an older time in
//! the place of a newer one, and a repeated one says the same again.

use icalendar::{Calendar, CalendarDateTime, Component, Event, EventLike, EventStatus, Property};

use super::query;
use crate::clock::Instant;
use crate::db::Tx;
use crate::id::ReservationId;
use crate::notification::error::Error;
use crate::notification::model::{Channel, Notice};
use crate::notification::texts;
use crate::reservation::{self, Reservation, State};
use crate::user::User;

/// What a calendar is told of a session. Instants are UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    pub reservation_id: ReservationId,
    /// Take it out again.
    pub cancelled: bool,
    /// Grows with every change of the reservation.
    pub sequence: u32,
    pub title: String,
    pub starts_at: Instant,
    pub ends_at: Instant,
    /// When the reservation became what is said of it.
    pub stamp: Instant,
}

/// What the mail of this notice does to its reader's calendar, which is noted.
///
/// Locks: the notice, then the reservation, then what is known of the calendar. No step of a reservation locks a notice.
///
/// An extension makes no entry of its own: it begins while its session goes on.
pub(super) async fn prepare(tx: &mut Tx, notice: &Notice, reader: &User) -> Result<Option<Invite>, Error> {
    let Some(id) = notice.reservation_id.filter(|_| concerns_calendar(notice)) else { return Ok(None) };
    // Locked: what is said stands until it is noted that it was said.
    let Some(session) = reservation::lock(tx, id).await?.filter(|r| !r.is_extension()) else {
        return Ok(None);
    };
    let known = query::lock_invitation(tx, id, reader.id).await?;
    if session.is_paid() {
        query::invite(tx, id, reader.id).await?;
        return Ok(Some(Invite::of(&session, false)));
    }
    // Also again for the notice that did it, whose first try may not have come through; never for somebody who was not
    // invited, or whose calendar was told before.
    let takes_out = known.is_some_and(|by| by.is_none_or(|by| by == notice.id));
    if !takes_out || is_history(session.state) {
        return Ok(None);
    }
    query::withdraw(tx, id, reader.id, notice.id).await?;
    Ok(Some(Invite::of(&session, true)))
}

/// Whether its mail may change what stands in a calendar.
pub(in crate::notification) fn concerns_calendar(notice: &Notice) -> bool {
    let is_news = matches!(
        notice.kind.as_str(),
        "reservation.confirmed"
            | "reservation.rescheduled"
            | "reservation.cancelled"
            | "reservation.capture_reversed"
            | "reservation.expired"
            | "reservation.payment_failed"
    );
    is_news && notice.channel == Channel::Email && notice.reservation_id.is_some()
}

/// Whether the session's time has passed: it may stay in the calendar.
fn is_history(state: State) -> bool {
    matches!(state, State::Completed | State::NoShow)
}

impl Invite {
    fn of(r: &Reservation, cancelled: bool) -> Self {
        Self {
            reservation_id: r.id,
            cancelled,
            sequence: u32::try_from(r.version).unwrap_or(u32::MAX),
            title: r.title.clone(),
            starts_at: r.starts_at,
            ends_at: r.ends_at,
            stamp: r.updated_at,
        }
    }

    pub fn method(&self) -> &'static str {
        if self.cancelled { "CANCEL" } else { "REQUEST" }
    }

    /// The iCalendar object for one attendee. `organiser`: a bare address. `url`: where the session is shown.
    pub(super) fn write(&self, organiser: &str, attendee: &str, url: &str) -> String {
        let mut event = Event::new();
        event
            .uid(&format!("{}@konnect", self.reservation_id))
            .sequence(self.sequence)
            .timestamp(self.stamp)
            .starts(CalendarDateTime::Utc(self.starts_at))
            .ends(CalendarDateTime::Utc(self.ends_at))
            .summary(&texts::clean(&self.title))
            .url(url)
            .status(if self.cancelled { EventStatus::Cancelled } else { EventStatus::Confirmed });
        event.append_property(
            Property::new("ORGANIZER", format!("mailto:{organiser}")).add_parameter("CN", "Konnect").done(),
        );
        // Booked and paid for: nobody is asked to accept it.
        event.append_property(
            Property::new("ATTENDEE", format!("mailto:{attendee}"))
                .add_parameter("ROLE", "REQ-PARTICIPANT")
                .add_parameter("PARTSTAT", "ACCEPTED")
                .add_parameter("RSVP", "FALSE")
                .done(),
        );
        let mut calendar = Calendar::empty();
        for (key, value) in [
            ("VERSION", "2.0"),
            ("PRODID", "-//Konnect//Sessions//KO"),
            ("CALSCALE", "GREGORIAN"),
            ("METHOD", self.method()),
        ] {
            calendar.append_property((key, value));
        }
        calendar.push(event.done()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(title: &str) -> Invite {
        Invite {
            reservation_id: "0190b6f5-8a52-7c3e-9f1d-2b3c4d5e6f70".parse().unwrap(),
            cancelled: false,
            sequence: 4,
            title: title.to_owned(),
            starts_at: "2026-11-24T05:00:00Z".parse().unwrap(),
            ends_at: "2026-11-24T06:00:00Z".parse().unwrap(),
            stamp: "2026-11-20T00:00:00Z".parse().unwrap(),
        }
    }

    fn written(invite: &Invite) -> String {
        invite.write("no-reply@konnect.example", "mina@example.com", "https://konnect.example/reservations/1")
    }

    #[test]
    fn a_session_keeps_its_uid_and_its_method_says_what_to_do() {
        let mut invite = invite("Mock interview");
        let asked = written(&invite);
        invite.cancelled = true;
        invite.sequence = 5;
        let taken_out = written(&invite);
        let line = |text: &str, name: &str| {
            let found = text.split("\r\n").find(|l| l.starts_with(name));
            found.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
        };
        assert_eq!(line(&asked, "UID"), line(&taken_out, "UID"));
        assert_eq!(line(&asked, "METHOD"), "METHOD:REQUEST");
        assert_eq!(
            (line(&asked, "SEQUENCE"), line(&asked, "STATUS")),
            ("SEQUENCE:4".into(), "STATUS:CONFIRMED".into())
        );
        assert_eq!(line(&taken_out, "METHOD"), "METHOD:CANCEL");
        assert_eq!(line(&taken_out, "STATUS"), "STATUS:CANCELLED");
        assert_eq!(line(&asked, "DTSTART"), "DTSTART:20261124T050000Z");
        assert_eq!(asked, written(&self::invite("Mock interview")), "a repeated mail says the same");
    }

    #[test]
    fn lines_are_folded_between_characters_at_75_octets() {
        let text = written(&invite(&"한국어 모의 면접, 질문; 답변 \\ 정리 ".repeat(8)));
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        assert!(text.contains("\\,") && text.contains("\\;") && text.contains("\\\\"), "{text}");
        assert!(!text.replace("\r\n", "").contains('\n'), "every line ends with CRLF");
    }
}

//! Mails: what one says, as text and as HTML, in the reader's language, and what it asks of their calendar.

mod address;
mod invite;
mod layout;
mod query;
mod unsubscribe;
mod words;

use serde_json::Value;

use super::error::Error;
use super::model::Notice;
use crate::db::Tx;
use crate::id::{ReservationId, UserId};
use crate::seal::Sealer;
use crate::user::{Locale, TimeZone, User};

pub use address::{Heard, Mailbox, Undelivered, bounced, mailbox, report_read, resume};
pub(super) use address::{Reach, forgive, reach, refuse};
pub use invite::Invite;
pub(super) use invite::concerns_calendar;
pub use unsubscribe::{read_token, unsubscribe};

/// Where links lead and who invites. The same for every mail of a process.
#[derive(Clone, Debug)]
pub struct MailRoom {
    /// The front end, without a trailing slash.
    pub front_url: String,
    /// The api as the world reaches it, without a trailing slash.
    pub public_url: String,
    /// Signs the links that unsubscribe.
    pub sealer: Sealer,
    /// The bare address that mails come from.
    pub from: String,
}

/// What one mail is made of.
#[derive(Clone, Debug)]
pub struct Letter {
    /// A bare address.
    pub to: String,
    /// The reader's name, as they wrote it.
    pub name: String,
    pub owner: UserId,
    pub locale: Locale,
    pub zone: TimeZone,
    pub kind: String,
    /// Facts for the text.
    pub data: Value,
    pub reservation_id: Option<ReservationId>,
    pub invite: Option<Invite>,
}

/// A mail as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub to: String,
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
    /// An iCalendar object with the method it has.
    pub calendar: Option<(&'static str, String)>,
    /// Where a press unsubscribes from such mails; absent where they cannot be switched off.
    pub unsubscribe: Option<String>,
}

impl Letter {
    /// About something that no notice tells.
    pub fn new(reader: User, kind: &str, data: Value) -> Self {
        Self {
            to: reader.email,
            name: reader.name,
            owner: reader.id,
            locale: reader.locale,
            zone: reader.time_zone,
            kind: kind.to_owned(),
            data,
            reservation_id: None,
            invite: None,
        }
    }

    /// To an address that may be nobody's yet: without a name, and without anything that can be switched off.
    pub fn to_address(to: String, locale: Locale, kind: &str, data: Value) -> Self {
        Self {
            to,
            name: String::new(),
            owner: UserId(uuid::Uuid::nil()),
            locale,
            zone: TimeZone(chrono_tz::UTC),
            kind: kind.to_owned(),
            data,
            reservation_id: None,
            invite: None,
        }
    }

    /// The mail. The same letter gives the same mail.
    pub fn write(&self, room: &MailRoom) -> Written {
        layout::write(self, room)
    }
}

/// The letter of a notice, which is about to be sent: what it does to the reader's calendar is noted.
pub(super) async fn letter(tx: &mut Tx, notice: &Notice, reader: User) -> Result<Letter, Error> {
    let invite = invite::prepare(tx, notice, &reader).await?;
    Ok(Letter {
        reservation_id: notice.reservation_id,
        invite,
        ..Letter::new(reader, &notice.kind, notice.data.0.clone())
    })
}

//! A notice, where it goes, and who is told what. Pure.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::types::Json;

use super::mail::Letter;
use crate::clock::Instant;
use crate::id::{DigestId, NoticeId, ReservationId, UserId};
use crate::reservation::Reservation;
use crate::user::{TimeZone, User};

/// For this long a push service that asks for patience is waited for without counting the attempt.
pub(super) const PATIENCE: TimeDelta = TimeDelta::hours(24);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, poem_openapi::Enum)]
#[oai(rename = "NoticeChannel", rename_all = "snake_case")]
pub enum Channel {
    /// Stored, shown in the app and counted on the person's feed.
    InApp,
    Email,
    /// To every device the person registered.
    Push,
}

/// `Queued` leads to `Sent`, `Failed` or `Skipped`, `Gathered` to `Digested` or `Skipped`; nothing leads out of the
/// others, but that a mail which was sent can come back: it is `Failed` then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// In the app: there is nothing to deliver.
    Stored,
    /// A job will deliver it, or its outcome is not known.
    Queued,
    /// The mail server or push service took it.
    Sent,
    /// Refused for good.
    Failed,
    /// Not sent on purpose.
    Skipped,
    /// Waits to be told in a digest.
    Gathered,
    /// Was told in a digest, whose own notice has the proof.
    Digested,
}

/// Which side of a reservation somebody is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Mentor,
    Mentee,
}

crate::words!(Channel { InApp => "in_app", Email => "email", Push => "push" });
crate::words!(State {
    Stored => "stored",
    Queued => "queued",
    Sent => "sent",
    Failed => "failed",
    Skipped => "skipped",
    Gathered => "gathered",
    Digested => "digested",
});
crate::words!(Role { Mentor => "mentor", Mentee => "mentee" });

impl Channel {
    /// The state a notice of this channel begins in.
    pub(super) fn first_state(self) -> State {
        match self {
            Self::InApp => State::Stored,
            Self::Email | Self::Push => State::Queued,
        }
    }
}

/// A row of `notices`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Notice {
    pub id: NoticeId,
    pub event_key: String,
    pub user_id: UserId,
    pub channel: Channel,
    /// Such as `reservation.confirmed`.
    pub kind: String,
    pub reservation_id: Option<ReservationId>,
    /// Facts for the text.
    pub data: Json<Value>,
    pub state: State,
    pub provider_id: Option<String>,
    pub error: Option<String>,
    pub expires_at: Option<Instant>,
    pub created_at: Instant,
    pub attempted_at: Option<Instant>,
    pub sent_at: Option<Instant>,
    pub read_at: Option<Instant>,
    /// When a push of it was opened, as the device says.
    pub opened_at: Option<Instant>,
    /// The digest that it waits in or was told in.
    pub digest_id: Option<DigestId>,
}

/// What an owner lists.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Notices older than this one: the key of the next page.
    pub before: Option<NoticeId>,
    pub unread_only: bool,
}

/// A page of somebody's notices, newest first, and the zone their times are shown in.
#[derive(Debug)]
pub struct Page {
    pub notices: Vec<Notice>,
    pub time_zone: TimeZone,
}

/// What a delivery has to do.
pub enum Delivery {
    /// There is no such notice, or its outcome is known.
    Over,
    /// It is not to be sent, and why.
    Moot(String),
    /// Not before this instant (UTC): the reader is left alone until then.
    Quiet(Instant),
    /// `to_forgive`: the address refused mails before.
    Mail {
        letter: Box<Letter>,
        to_forgive: bool,
    },
    Push(Pushes),
}

/// One message to every device that has not got it yet.
pub struct Pushes {
    pub owner: UserId,
    pub kind: String,
    pub reservation_id: Option<ReservationId>,
    /// Nothing was handed over before.
    pub is_first: bool,
    /// Registration tokens; empty when no device is left.
    pub tokens: Vec<String>,
    pub title: String,
    pub body: String,
    /// After this instant (UTC) a service that asks for patience is no longer waited for without end.
    pub patient_until: Instant,
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Sent { provider_id: String },
    Failed(String),
    Skipped(String),
}

/// What became of a push on each device.
#[derive(Debug, Default)]
pub struct Receipts {
    /// Token and the service's id of the message.
    pub accepted: Vec<(String, String)>,
    /// Tokens that no device answers to any more.
    pub dead: Vec<String>,
}

/// A notice that somebody took: nothing else is to be written of its delivery.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: NoticeId,
    /// The `Message-ID`, or the push service's id of the first message.
    pub provider_id: String,
    /// Of a push: tokens of devices and the service's ids of their messages.
    pub devices: Vec<(String, String)>,
}

impl Role {
    pub(super) fn of(user: UserId, reservation: &Reservation) -> Option<Self> {
        if reservation.mentor_id == user {
            Some(Self::Mentor)
        } else {
            (reservation.mentee_id == user).then_some(Self::Mentee)
        }
    }
}

/// The channels of a kind for one side. Nobody's phone buzzes for what they have just done themselves or see on
/// their screen; a declined card is the payer's own affair, so the mentor gets no mail about it.
pub(super) fn channels(kind: &str, role: Option<Role>) -> &'static [Channel] {
    const QUIET: &[Channel] = &[Channel::InApp];
    const MAIL: &[Channel] = &[Channel::InApp, Channel::Email];
    const ALL: &[Channel] = &[Channel::InApp, Channel::Email, Channel::Push];
    // A mail comes too late for whoever is waited for.
    const AT_ONCE: &[Channel] = &[Channel::InApp, Channel::Push];
    match (kind, role) {
        ("session.waiting", _) => AT_ONCE,
        // Mails do not reach its reader.
        ("mail.undeliverable", _) => QUIET,
        ("reservation.payment_declined", Some(Role::Mentor)) => QUIET,
        ("reservation.reserved", Some(Role::Mentee)) => MAIL,
        (
            "reservation.approved"
            | "reservation.rejected"
            | "reservation.request_expired"
            | "reservation.expired",
            Some(Role::Mentor),
        ) => MAIL,
        (
            "reservation.reserved"
            | "reservation.request_expired"
            | "reservation.approved"
            | "reservation.rejected"
            | "reservation.confirmed"
            | "reservation.expired"
            | "reservation.payment_failed"
            | "reservation.cancelled"
            | "reservation.reschedule_proposed"
            | "reservation.rescheduled"
            | "reservation.reschedule_declined"
            | "reservation.reschedule_withdrawn"
            | "reservation.reschedule_expired"
            | "reservation.slot_offered"
            | "reservation.reminder"
            | "reservation.hold_ending"
            | "reservation.clock_changed"
            | "review.requested"
            | "chat.messages"
            | "security.new_login"
            | "security.token_reused"
            | "security.password_changed"
            | "security.email_changed"
            | "security.email_restored"
            | "security.identity_linked"
            | "security.factor_off"
            | "security.recovery_code_used"
            | "reservation.capture_reversed"
            | "payment.deposit_awaited"
            | "payment.reversed"
            | "payment.refunded"
            | "payout.account_changed"
            | "payout.account_rejected"
            | "payout.failed"
            | "reservation.no_show"
            | "dispute.opened"
            | "dispute.answered"
            | "dispute.decided",
            _,
        ) => ALL,
        _ => MAIL,
    }
}

/// The facts of one reader's text: those of the event, the reader's side, and what the reservation knows and the
/// event does not say.
pub(super) fn facts(event: &Value, reservation: Option<&Reservation>, reader: &User) -> Value {
    let mut facts = match event {
        Value::Object(facts) => facts.clone(),
        _ => serde_json::Map::new(),
    };
    if let Some(reservation) = reservation {
        facts.entry("title").or_insert_with(|| json!(reservation.title));
        facts.entry("startsAt").or_insert_with(|| json!(reservation.starts_at));
        if let Some(role) = Role::of(reader.id, reservation) {
            facts.insert("role".to_owned(), json!(role.name()));
        }
    }
    Value::Object(facts)
}

/// A mail of these facts that waits for its delivery, to test with.
#[cfg(test)]
pub(super) fn notice(kind: &str, data: &Value, now: Instant) -> Notice {
    Notice {
        id: NoticeId::generate(),
        event_key: String::new(),
        user_id: UserId::generate(),
        channel: Channel::Email,
        kind: kind.to_owned(),
        reservation_id: None,
        data: Json(data.clone()),
        state: State::Queued,
        provider_id: None,
        error: None,
        expires_at: None,
        created_at: now,
        attempted_at: None,
        sent_at: None,
        read_at: None,
        opened_at: None,
        digest_id: None,
    }
}

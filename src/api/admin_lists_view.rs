//! The rows of the back office's lists. All instants are UTC, amounts whole won.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use super::admin_view::{Account, Applicant};
use crate::id::{OfferingId, PaymentId, ReservationId, UserId};
use crate::mentor::{Kind, Mentor, State as MentorState};
use crate::money::Krw;
use crate::office::{Dossier, Line, ListedMentor, ListedOffering, ListedPayment, ListedReservation};
use crate::payment::PaymentState;
use crate::reservation::{Absent, State};
use crate::user::User;

/// Reservations, newest first.
#[derive(Debug, Object)]
#[oai(rename = "AdminReservationPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Reservations {
    pub items: Vec<ReservationRow>,
    /// `before` of the next page; absent on the last one.
    pub next: Option<ReservationId>,
}

/// Payments, newest first.
#[derive(Debug, Object)]
#[oai(rename = "AdminPaymentPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Payments {
    pub items: Vec<PaymentRow>,
    /// `before` of the next page; absent on the last one.
    pub next: Option<PaymentId>,
}

/// Mentors, newest accounts first.
#[derive(Debug, Object)]
#[oai(rename = "AdminMentorPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Mentors {
    pub items: Vec<MentorRow>,
    /// `before` of the next page; absent on the last one.
    pub next: Option<UserId>,
}

/// Offerings, newest first.
#[derive(Debug, Object)]
#[oai(rename = "AdminOfferingPage", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct Offerings {
    pub items: Vec<OfferingRow>,
    /// `before` of the next page; absent on the last one.
    pub next: Option<OfferingId>,
}

/// A reservation with its people and its payment.
#[derive(Debug, Object)]
#[oai(rename = "AdminReservationRow", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ReservationRow {
    id: ReservationId,
    offering_id: OfferingId,
    mentor_id: UserId,
    mentor_name: String,
    mentee_id: UserId,
    mentee_name: String,
    title: String,
    price: Krw,
    state: State,
    version: i64,
    refund: Option<Krw>,
    absent: Option<Absent>,
    /// Of an extension: the session it extends.
    extends: Option<ReservationId>,
    payment_state: Option<PaymentState>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ListedReservation> for ReservationRow {
    fn from(r: ListedReservation) -> Self {
        Self {
            id: r.id,
            offering_id: r.offering_id,
            mentor_id: r.mentor_id,
            mentor_name: r.mentor_name,
            mentee_id: r.mentee_id,
            mentee_name: r.mentee_name,
            title: r.title,
            price: r.price_krw,
            state: r.state,
            version: r.version,
            refund: r.refund_krw,
            absent: r.absent,
            extends: r.extends_id,
            payment_state: r.payment_state,
            starts_at: r.starts_at,
            ends_at: r.ends_at,
            created_at: r.created_at,
            updated_at: r.updated_at,
        }
    }
}

/// A payment with what was given back of it.
#[derive(Debug, Object)]
#[oai(rename = "AdminPaymentRow", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct PaymentRow {
    id: PaymentId,
    reservation_id: ReservationId,
    mentee_id: UserId,
    mentee_name: String,
    amount: Krw,
    state: PaymentState,
    refunded: Krw,
    /// The provider's word for how it was paid.
    method: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ListedPayment> for PaymentRow {
    fn from(p: ListedPayment) -> Self {
        Self {
            id: p.id,
            reservation_id: p.reservation_id,
            mentee_id: p.mentee_id,
            mentee_name: p.mentee_name,
            amount: p.amount_krw,
            state: p.state,
            refunded: p.refunded_krw,
            method: p.method,
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}

/// Somebody who offers sessions, or asked to.
#[derive(Debug, Object)]
#[oai(rename = "AdminMentorRow", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct MentorRow {
    user_id: UserId,
    name: String,
    state: MentorState,
    headline: String,
    /// Also while its owner hides it from others.
    company: Option<String>,
    company_hidden: bool,
    applied_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    /// Offerings on the market.
    offerings: i64,
    strikes: i64,
}

impl From<ListedMentor> for MentorRow {
    fn from(m: ListedMentor) -> Self {
        Self {
            user_id: m.user_id,
            name: m.name,
            state: m.state,
            headline: m.headline,
            company: m.company,
            company_hidden: m.company_hidden,
            applied_at: m.applied_at,
            decided_at: m.decided_at,
            offerings: m.offerings,
            strikes: m.strikes,
        }
    }
}

/// What a mentor sells, or sold.
#[derive(Debug, Object)]
#[oai(rename = "AdminOfferingRow", rename_all = "camelCase")]
pub(super) struct OfferingRow {
    id: OfferingId,
    mentor_id: UserId,
    mentor_name: String,
    title: String,
    price: Krw,
    duration_minutes: u32,
    category: String,
    kind: Kind,
    is_public: bool,
    is_active: bool,
    created_at: DateTime<Utc>,
}

impl From<ListedOffering> for OfferingRow {
    fn from(o: ListedOffering) -> Self {
        Self {
            id: o.id,
            mentor_id: o.mentor_id,
            mentor_name: o.mentor_name,
            title: o.title,
            price: o.price_krw,
            duration_minutes: o.duration_min,
            category: o.category,
            kind: o.kind,
            is_public: o.is_public,
            is_active: o.is_active,
            created_at: o.created_at,
        }
    }
}

/// One line of an account's history.
#[derive(Debug, Object)]
#[oai(rename = "AccountChange", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct LineView {
    version: i64,
    /// Such as `suspended` or `profile`.
    action: String,
    note: Option<String>,
    actor_kind: String,
    actor_id: Option<Uuid>,
    at: DateTime<Utc>,
}

/// What one person has to do with us, in numbers.
#[derive(Debug, Object)]
#[oai(rename = "AccountFigures", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct FiguresView {
    /// Reservations as a mentee.
    booked: i64,
    booked_completed: i64,
    /// Reservations as a mentor.
    given: i64,
    given_completed: i64,
    strikes: i64,
    disputes: i64,
    reviews_written: i64,
    /// Logins that have not ended.
    logins: i64,
    devices: i64,
    last_booked_at: Option<DateTime<Utc>>,
}

/// An account with what is known of its owner.
#[derive(Debug, Object)]
#[oai(rename = "AdminUserDetail", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct UserDetail {
    account: Account,
    mentor: Option<Applicant>,
    figures: FiguresView,
    /// Latest first.
    history: Vec<LineView>,
}

impl UserDetail {
    pub fn new(user: User, mentor: Option<Mentor>, d: Dossier, lines: Vec<Line>) -> Self {
        let line = |line: Line| LineView {
            version: line.version,
            action: line.action,
            note: line.note,
            actor_kind: line.actor_kind,
            actor_id: line.actor_id,
            at: line.at,
        };
        Self {
            account: user.into(),
            mentor: mentor.map(Applicant::from),
            figures: FiguresView {
                booked: d.booked,
                booked_completed: d.booked_completed,
                given: d.given,
                given_completed: d.given_completed,
                strikes: d.strikes,
                disputes: d.disputes,
                reviews_written: d.reviews_written,
                logins: d.logins,
                devices: d.devices,
                last_booked_at: d.last_booked_at,
            },
            history: lines.into_iter().map(line).collect(),
        }
    }
}

//! Lists over many domains: pages by key, newest first, and whole spans of time for files.

mod between;
mod query;

use chrono::TimeDelta;
use sqlx::MySqlPool;
use uuid::Uuid;

use super::error::Error;
use crate::clock::Instant;
use crate::id::{OfferingId, PaymentId, PayoutId, ReservationId, UserId};
use crate::mentor::{Kind, State as MentorState};
use crate::money::Krw;
use crate::payment::PaymentState;
use crate::reservation::{Absent, State};
use crate::user::State as UserState;

pub use between::{Filed, Pages};

/// The longest span of a file.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// The beginning of an id, as people read it off a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub(super) first: Uuid,
    pub(super) last: Uuid,
}

impl Prefix {
    /// 8 to 32 hexadecimal digits, with hyphens or without.
    ///
    /// # Errors
    /// `Prefix`
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if !(8..=32).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::Prefix);
        }
        let filled = |with: &str| format!("{digits}{}", with.repeat(32 - digits.len())).parse();
        match (filled("0"), filled("f")) {
            (Ok(first), Ok(last)) => Ok(Self { first, last }),
            _ => Err(Error::Prefix),
        }
    }
}

/// A span of time: from one instant on, and before another (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Instant,
    pub to: Instant,
}

impl Span {
    /// # Errors
    /// `Span`
    pub fn new(from: Instant, to: Instant) -> Result<Self, Error> {
        if from < to && to - from <= LONGEST { Ok(Self { from, to }) } else { Err(Error::Span) }
    }
}

/// A reservation with its payment. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedReservation {
    pub id: ReservationId,
    pub offering_id: OfferingId,
    pub mentor_id: UserId,
    pub mentor_name: String,
    pub mentee_id: UserId,
    pub mentee_name: String,
    pub title: String,
    pub price_krw: Krw,
    pub state: State,
    pub version: i64,
    pub refund_krw: Option<Krw>,
    pub absent: Option<Absent>,
    pub extends_id: Option<ReservationId>,
    pub payment_state: Option<PaymentState>,
    pub starts_at: Instant,
    pub ends_at: Instant,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What to list; an absent field does not filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReservationFilter {
    pub state: Option<State>,
    pub mentor: Option<UserId>,
    pub mentee: Option<UserId>,
    /// By their start.
    pub from: Option<Instant>,
    pub to: Option<Instant>,
    pub prefix: Option<Prefix>,
    /// Older than this one: the key of the next page.
    pub before: Option<ReservationId>,
}

pub async fn reservations(
    pool: &MySqlPool,
    filter: &ReservationFilter,
    limit: u32,
) -> Result<Vec<ListedReservation>, Error> {
    Ok(query::reservations(pool, filter, limit).await?)
}

/// A payment with what was given back of it. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedPayment {
    pub id: PaymentId,
    pub reservation_id: ReservationId,
    pub mentee_id: UserId,
    pub mentee_name: String,
    pub amount_krw: Krw,
    pub state: PaymentState,
    pub refunded_krw: Krw,
    /// The provider's word for how it was paid.
    pub method: Option<String>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What to list; an absent field does not filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct PaymentFilter {
    pub state: Option<PaymentState>,
    pub mentee: Option<UserId>,
    /// By their creation.
    pub from: Option<Instant>,
    pub to: Option<Instant>,
    pub before: Option<PaymentId>,
}

pub async fn payments(
    pool: &MySqlPool,
    filter: &PaymentFilter,
    limit: u32,
) -> Result<Vec<ListedPayment>, Error> {
    Ok(query::payments(pool, filter, limit).await?)
}

/// Somebody who offers sessions, or asked to. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedMentor {
    pub user_id: UserId,
    pub name: String,
    pub state: MentorState,
    pub headline: String,
    pub company: Option<String>,
    pub company_hidden: bool,
    pub applied_at: Instant,
    pub decided_at: Option<Instant>,
    /// Offerings on the market.
    pub offerings: i64,
    pub strikes: i64,
}

/// What to list; an absent field does not filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct MentorFilter {
    pub state: Option<MentorState>,
    /// Older than this one: the key of the next page.
    pub before: Option<UserId>,
}

pub async fn mentors(
    pool: &MySqlPool,
    filter: &MentorFilter,
    limit: u32,
) -> Result<Vec<ListedMentor>, Error> {
    Ok(query::mentors(pool, filter, limit).await?)
}

/// What a mentor sells, or sold.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedOffering {
    pub id: OfferingId,
    pub mentor_id: UserId,
    pub mentor_name: String,
    pub title: String,
    pub price_krw: Krw,
    pub duration_min: u32,
    pub category: String,
    pub kind: Kind,
    pub is_public: bool,
    pub is_active: bool,
    /// UTC.
    pub created_at: Instant,
}

/// What to list; an absent field does not filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfferingFilter {
    pub mentor: Option<UserId>,
    pub is_active: Option<bool>,
    pub before: Option<OfferingId>,
}

pub async fn offerings(
    pool: &MySqlPool,
    filter: &OfferingFilter,
    limit: u32,
) -> Result<Vec<ListedOffering>, Error> {
    Ok(query::offerings(pool, filter, limit).await?)
}

/// An account for a file. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedUser {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub state: UserState,
    pub is_admin: bool,
    pub mentor_state: Option<MentorState>,
    /// Absent where its owner hides it.
    pub company: Option<String>,
    pub created_at: Instant,
}

/// A transfer to a mentor for a file. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ListedPayout {
    pub id: PayoutId,
    pub mentor_id: UserId,
    pub mentor_name: String,
    pub amount_krw: Krw,
    pub carried_krw: Krw,
    pub state: String,
    pub error_code: Option<String>,
    pub created_at: Instant,
    pub concluded_at: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_a_range() {
        let prefix = Prefix::parse("019AB123-45").unwrap();
        assert_eq!(prefix.first.to_string(), "019ab123-4500-0000-0000-000000000000");
        assert_eq!(prefix.last.to_string(), "019ab123-45ff-ffff-ffff-ffffffffffff");
        let whole = Prefix::parse("019ab123-4567-7abc-8def-0123456789ab").unwrap();
        assert_eq!(whole.first, whole.last);
        for bad in ["", "019ab12", "019ab12g", "----------", &"0".repeat(33), "019ab123%"] {
            assert!(matches!(Prefix::parse(bad), Err(Error::Prefix)), "{bad}");
        }
    }

    #[test]
    fn a_span_has_an_end_and_is_no_longer_than_a_year() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let from = at("2026-01-01T00:00:00Z");
        assert!(Span::new(from, from).is_err() && Span::new(from, at("2025-12-31T00:00:00Z")).is_err());
        assert!(Span::new(from, at("2027-01-03T00:00:00Z")).is_err());
        assert!(Span::new(from, at("2027-01-02T00:00:00Z")).is_ok());
    }
}

use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::Invalid;
use super::text::check;
use crate::clock::Instant;
use crate::id::{OfferingId, UserId};
use crate::money::Krw;

/// Won. The highest keeps one payment far below what cards allow; the lowest pays for its fees.
const PRICE: std::ops::RangeInclusive<i64> = 1_000..=10_000_000;
/// Minutes.
const DURATION: std::ops::RangeInclusive<u32> = 15..=480;
/// Durations of one offering.
const MOST_OPTIONS: usize = 6;
/// Slots are made of quarters of an hour.
const DURATION_STEP: u32 = 15;

/// How a reservation starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case", rename = "OfferingKind")]
pub enum Kind {
    /// The mentee pays at once.
    Instant,
    /// The mentor agrees first.
    Approval,
}

crate::words!(Kind { Instant => "instant", Approval => "approval" });

/// How much a mentee who cancels gets back. What each name means, and since when, stands with the reservations
/// (`src/reservation/policy.rs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum RefundPolicy {
    /// Until shortly before the session.
    Flexible,
    #[default]
    Standard,
    /// Only days before the session.
    Strict,
}

crate::words!(RefundPolicy { Flexible => "flexible", Standard => "standard", Strict => "strict" });

/// One duration of an offering and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceOption {
    /// A multiple of 15.
    pub duration_min: u32,
    /// Zero: a free session, once for each pair.
    pub price_krw: Krw,
}

impl PriceOption {
    fn check(self) -> Result<(), Invalid> {
        if self.price_krw.0 != 0 && !PRICE.contains(&self.price_krw.0) {
            return Err(Invalid::new("priceKrw", "is 0, or lies between 1,000 and 10,000,000"));
        }
        if !DURATION.contains(&self.duration_min) || !self.duration_min.is_multiple_of(DURATION_STEP) {
            return Err(Invalid::new("durationMinutes", "is a multiple of 15 between 15 and 480"));
        }
        Ok(())
    }
}

/// Something a mentor sells. A reservation copies price and duration from it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Offering {
    pub id: OfferingId,
    pub mentor_id: UserId,
    pub title: String,
    pub description: String,
    /// Of the first option, with the duration below.
    pub price_krw: Krw,
    pub duration_min: u32,
    /// The further ones; see [`Offering::options`].
    pub more_options: Option<Json<Vec<PriceOption>>>,
    pub category: String,
    pub kind: Kind,
    /// For bookings from now on; a reservation keeps the version it was made with.
    pub refund_policy: RefundPolicy,
    /// Private offerings are seen by their mentor alone.
    pub is_public: bool,
    /// `false`: retired, for good.
    pub is_active: bool,
    pub version: i64,
    pub created_at: Instant,
}

impl Offering {
    /// Every duration that can be booked, each once.
    pub fn options(&self) -> impl Iterator<Item = PriceOption> {
        let first = PriceOption { duration_min: self.duration_min, price_krw: self.price_krw };
        let more = self.more_options.as_ref().map(|more| more.0.as_slice()).unwrap_or_default();
        std::iter::once(first).chain(more.iter().copied())
    }

    /// The option of this duration, or the first one; `None`: it has none of that duration.
    pub fn option(&self, duration_min: Option<u32>) -> Option<PriceOption> {
        self.options().find(|option| duration_min.is_none_or(|wanted| wanted == option.duration_min))
    }
}

/// What a mentor says about an offering.
#[derive(Clone, Debug)]
pub struct NewOffering {
    /// 1 to 100 characters.
    pub title: String,
    /// At most 4,000 characters.
    pub description: String,
    /// Nothing, or ₩1,000 to ₩10,000,000; of the first option.
    pub price_krw: Krw,
    /// 15 to 480, a multiple of 15; of the first option.
    pub duration_min: u32,
    /// Every option, at most six, the first one first; empty: that one alone. Each has its duration, and one at most is
    /// free.
    pub options: Vec<PriceOption>,
    /// 1 to 40 characters; upper and lower case are the same.
    pub category: String,
    pub kind: Kind,
    pub refund_policy: RefundPolicy,
    pub is_public: bool,
}

impl NewOffering {
    pub fn check(&self) -> Result<(), Invalid> {
        check("title", &self.title, 1, 100, "takes 1 to 100 characters")?;
        check("description", &self.description, 0, 4000, "takes at most 4,000 characters")?;
        check("category", &self.category, 1, 40, "takes 1 to 40 characters")?;
        self.first().check()?;
        self.check_options().map_err(|rule| Invalid::new("options", rule))
    }

    fn check_options(&self) -> Result<(), &'static str> {
        let Some(first) = self.options.first() else { return Ok(()) };
        if *first != self.first() {
            return Err("begins with priceKrw and durationMinutes");
        }
        if self.options.len() > MOST_OPTIONS {
            return Err("has at most 6 entries");
        }
        for (i, option) in self.options.iter().enumerate() {
            option.check().map_err(|invalid| invalid.rule)?;
            if self.options[..i].iter().any(|before| before.duration_min == option.duration_min) {
                return Err("has each duration once");
            }
        }
        if self.options.iter().filter(|option| !option.price_krw.is_positive()).count() > 1 {
            return Err("has one free session at most");
        }
        Ok(())
    }

    fn first(&self) -> PriceOption {
        PriceOption { duration_min: self.duration_min, price_krw: self.price_krw }
    }

    /// What stands beside the first option in a row.
    pub(super) fn more_options(&self) -> Option<Json<&[PriceOption]>> {
        self.options.get(1..).filter(|more| !more.is_empty()).map(Json)
    }
}

/// Which public offerings to list; an absent field does not filter.
#[derive(Clone, Debug, Default)]
pub struct OfferingFilter {
    pub mentor: Option<UserId>,
    pub category: Option<String>,
}

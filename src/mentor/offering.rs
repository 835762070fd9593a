use super::Invalid;
use super::text::check;
use crate::clock::Instant;
use crate::id::{OfferingId, UserId};
use crate::money::Krw;

/// Won. The highest keeps one payment far below what cards allow; the lowest pays for its fees.
const PRICE: std::ops::RangeInclusive<i64> = 1_000..=10_000_000;
/// Minutes.
const DURATION: std::ops::RangeInclusive<u32> = 15..=480;
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

/// Something a mentor sells. A reservation copies price and duration from it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Offering {
    pub id: OfferingId,
    pub mentor_id: UserId,
    pub title: String,
    pub description: String,
    pub price_krw: Krw,
    /// A multiple of 15.
    pub duration_min: u32,
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

/// What a mentor says about an offering.
#[derive(Clone, Debug)]
pub struct NewOffering {
    /// 1 to 100 characters.
    pub title: String,
    /// At most 4,000 characters.
    pub description: String,
    /// ₩1,000 to ₩10,000,000.
    pub price_krw: Krw,
    /// 15 to 480, a multiple of 15.
    pub duration_min: u32,
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
        if !PRICE.contains(&self.price_krw.0) {
            return Err(Invalid::new("priceKrw", "lies between 1,000 and 10,000,000"));
        }
        if !DURATION.contains(&self.duration_min) || !self.duration_min.is_multiple_of(DURATION_STEP) {
            return Err(Invalid::new("durationMinutes", "is a multiple of 15 between 15 and 480"));
        }
        Ok(())
    }
}

/// Which public offerings to list; an absent field does not filter.
#[derive(Clone, Debug, Default)]
pub struct OfferingFilter {
    pub mentor: Option<UserId>,
    pub category: Option<String>,
}

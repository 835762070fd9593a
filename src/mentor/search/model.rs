use chrono::TimeDelta;
use sqlx::types::Json;

use crate::clock::Instant;
use crate::id::UserId;
use crate::mentor::card::{Facts, Stars};
use crate::mentor::{Invalid, language};
use crate::money::Krw;

/// How far from one another the ends of [`Criteria::free`] may lie.
const MOST_DAYS: i64 = 62;
/// Words of a query.
const MOST_WORDS: usize = 10;

/// The order of a list. Ties go by the mentor's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case", rename = "MentorSort")]
pub enum Sort {
    /// The latest approval first.
    #[default]
    Newest,
    /// The best rated first, few reviews drawn towards the middle; then those whom nobody has rated.
    Rating,
    /// The lowest price first; then those who sell nothing.
    Price,
    /// Who can be booked soonest first; then those who cannot.
    NextFree,
}

/// Which mentors to list; what is absent does not filter.
#[derive(Clone, Debug, Default)]
pub struct Criteria {
    /// They offer something in it, within the prices.
    pub category: Option<String>,
    /// Won.
    pub price_from: Option<Krw>,
    pub price_to: Option<Krw>,
    /// Every word is in name, headline, expertise or titles.
    pub text: Option<String>,
    /// Tenths of a star, as averages are shown.
    pub rating_from: Option<i64>,
    /// They speak one of them.
    pub languages: Vec<String>,
    /// Something of theirs can start from the first until before the second.
    pub free: Option<(Instant, Instant)>,
    pub sort: Sort,
}

impl Criteria {
    /// # Errors
    /// The first field that breaks its rule.
    pub fn check(&self) -> Result<(), Invalid> {
        if let (Some(from), Some(to)) = (self.price_from, self.price_to)
            && from > to
        {
            return Err(Invalid::new("priceTo", "is not below priceFrom"));
        }
        if let Some((from, to)) = self.free {
            if to <= from {
                return Err(Invalid::new("freeTo", "is later than freeFrom"));
            }
            if to - from > TimeDelta::days(MOST_DAYS) {
                return Err(Invalid::new("freeTo", "is at most 62 days later than freeFrom"));
            }
        }
        if self.languages.iter().any(|code| !language::is_code(code)) {
            return Err(Invalid::new("language", "is an ISO 639-1 code such as ko"));
        }
        let words = self.text.as_deref().map_or(1, |text| text.split_whitespace().count());
        if !(1..=MOST_WORDS).contains(&words) {
            return Err(Invalid::new("q", "takes 1 to 10 words"));
        }
        Ok(())
    }
}

/// Where a list goes on: what its last entry is ordered by, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Microseconds since 1970 where the order is by an instant, else the number itself.
    pub value: i64,
    pub mentor: UserId,
}

/// A mentor as everybody sees them. A hidden company is not in it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Card {
    pub mentor_id: UserId,
    pub name: String,
    pub headline: String,
    pub bio: String,
    pub expertise: Json<Vec<String>>,
    pub career: String,
    pub company: Option<String>,
    pub languages: String,
    pub approved_at: Instant,
    pub lowest_price_krw: Option<Krw>,
    pub next_free_at: Option<Instant>,
    #[sqlx(flatten)]
    stars: StarRow,
    rating_rank: i64,
    price_order: i64,
    free_order: Instant,
    #[sqlx(flatten)]
    pub facts: Facts,
}

#[derive(Clone, Copy, Debug, sqlx::FromRow)]
struct StarRow {
    stars_1: i64,
    stars_2: i64,
    stars_3: i64,
    stars_4: i64,
    stars_5: i64,
}

impl Card {
    pub fn stars(&self) -> Stars {
        let StarRow { stars_1, stars_2, stars_3, stars_4, stars_5 } = self.stars;
        Stars([stars_1, stars_2, stars_3, stars_4, stars_5])
    }

    /// ISO 639-1.
    pub fn languages(&self) -> Vec<String> {
        self.languages.split(',').filter(|code| !code.is_empty()).map(str::to_owned).collect()
    }

    /// Where a list in this order goes on after this card.
    pub fn after(&self, sort: Sort) -> After {
        let value = match sort {
            Sort::Newest => self.approved_at.timestamp_micros(),
            Sort::Rating => self.rating_rank,
            Sort::Price => self.price_order,
            Sort::NextFree => self.free_order.timestamp_micros(),
        };
        After { value, mentor: self.mentor_id }
    }
}

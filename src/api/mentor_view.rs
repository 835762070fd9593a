//! Mentors as everybody sees them.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};

use super::review_view::{RatingView, RecordView};
use crate::id::UserId;
use crate::mentor::{Badge, Card, Facts};
use crate::money::Krw;
use crate::review::Figures;

/// What a mentor's last 90 days earned them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "MentorBadge", rename_all = "snake_case")]
enum BadgeView {
    /// Half of the requests were answered within two hours.
    QuickAnswers,
    /// At least 95 of 100 sessions took place.
    KeepsSessions,
    /// Missed none.
    AlwaysThere,
}

impl From<Badge> for BadgeView {
    fn from(badge: Badge) -> Self {
        match badge {
            Badge::QuickAnswers => Self::QuickAnswers,
            Badge::KeepsSessions => Self::KeepsSessions,
            Badge::AlwaysThere => Self::AlwaysThere,
        }
    }
}

/// What became of a mentor's bookings in the last 90 days. Each is absent while there are fewer than five to judge by.
#[derive(Debug, Object)]
#[oai(rename = "MentorFacts", rename_all = "camelCase", skip_serializing_if_is_none)]
struct FactsView {
    /// Minutes until half of the requests were answered; those that ran out count in full.
    answer_minutes: Option<i64>,
    /// Sessions that took place, of those that did or that the mentor cancelled or missed.
    completion_percent: Option<i64>,
    /// Sessions that the mentor missed, of the same.
    no_show_percent: Option<i64>,
}

impl From<Facts> for FactsView {
    fn from(facts: Facts) -> Self {
        Self {
            answer_minutes: facts.answer_minutes(),
            completion_percent: facts.completion_percent(),
            no_show_percent: facts.no_show_percent(),
        }
    }
}

/// A mentor as everybody sees them.
#[derive(Debug, Object)]
#[oai(rename = "Mentor", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct MentorView {
    mentor_id: UserId,
    name: String,
    headline: String,
    bio: String,
    expertise: Vec<String>,
    career: String,
    /// Absent when there is none, and when the mentor hides it.
    company: Option<String>,
    /// Languages they speak, by their ISO 639-1 codes; empty where they did not say.
    languages: Vec<String>,
    approved_at: DateTime<Utc>,
    /// Won; the lowest of what everybody can book and that costs something, 0 where all of it is free. Absent where there is
    /// nothing.
    lowest_price_krw: Option<Krw>,
    /// When the shortest of what everybody can book can start first; absent where nothing can. Some seconds old.
    next_free_at: Option<DateTime<Utc>>,
    /// What mentees gave; the reviews are at `/v1/mentors/{id}/reviews`.
    rating: RatingView,
    facts: FactsView,
    badges: Vec<BadgeView>,
    /// Of one mentor; absent in lists.
    record: Option<RecordView>,
}

impl MentorView {
    /// `record`: for one mentor. `now`: what could start before it is not shown.
    pub fn new(card: Card, record: Option<RecordView>, now: DateTime<Utc>) -> Self {
        Self {
            languages: card.languages(),
            rating: Figures::of(card.stars().0).into(),
            facts: card.facts.into(),
            badges: card.facts.badges().into_iter().map(BadgeView::from).collect(),
            record,
            mentor_id: card.mentor_id,
            name: card.name,
            headline: card.headline,
            bio: card.bio,
            expertise: card.expertise.0,
            career: card.career,
            company: card.company,
            approved_at: card.approved_at,
            lowest_price_krw: card.lowest_price_krw,
            next_free_at: card.next_free_at.filter(|at| *at > now),
        }
    }
}

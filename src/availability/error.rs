use super::engine::Refusal;
use super::model::Invalid;
use crate::db::{DbError, database_error};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database")]
    Database(#[from] sqlx::Error),
    #[error("the mentor is taken at this time")]
    SlotTaken,
    #[error("the mentee has another session at this time")]
    OwnConflict,
    #[error("outside the mentor's hours")]
    OutsideHours,
    #[error("too soon for the mentor's notice")]
    TooSoon,
    #[error("in the past")]
    Past,
    #[error("further ahead than the mentor can be booked")]
    BeyondHorizon,
    #[error("not on the mentor's grid of slots")]
    Misaligned,
    /// A listing runs forward, over 62 days at most.
    #[error("not a range of at most 62 days")]
    InvalidRange,
    #[error("{0}")]
    Invalid(Invalid),
    #[error("the schedule changed meanwhile")]
    Stale,
    #[error("the mentor has no schedule")]
    Missing,
    #[error("only an approved mentor may do this")]
    NotApproved,
    #[error("the offering has no such duration")]
    DurationUnknown,
    #[error("no such offering")]
    OfferingNotFound,
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "internal",
            Self::SlotTaken => "slot.taken",
            Self::OwnConflict => "slot.own_conflict",
            Self::OutsideHours => "slot.outside_hours",
            Self::TooSoon => "slot.too_soon",
            Self::Past => "slot.past",
            Self::BeyondHorizon => "slot.beyond_horizon",
            Self::Misaligned => "slot.misaligned",
            Self::InvalidRange => "slot.invalid_range",
            Self::Invalid(_) => "schedule.invalid",
            Self::Stale => "schedule.stale",
            Self::Missing => "schedule.missing",
            Self::NotApproved => "mentor.not_approved",
            Self::DurationUnknown => "slot.duration_unknown",
            Self::OfferingNotFound => "offering.not_found",
        }
    }

    /// The field to blame, as API clients write it.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) => Some(invalid.field),
            Self::InvalidRange => Some("to"),
            Self::DurationUnknown => Some("durationMinutes"),
            _ => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Misaligned => Self::Misaligned,
            Refusal::Past => Self::Past,
            Refusal::TooSoon => Self::TooSoon,
            Refusal::BeyondHorizon => Self::BeyondHorizon,
            Refusal::OutsideHours => Self::OutsideHours,
            Refusal::Taken => Self::SlotTaken,
        }
    }
}

impl DbError for Error {
    fn database(&self) -> Option<&sqlx::Error> {
        database_error(self)
    }
}

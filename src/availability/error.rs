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
    #[error("the mentor closed this time of the date")]
    OverrideClosed,
    #[error("a holiday of the mentor")]
    Holiday,
    #[error("the mentor is on vacation")]
    Vacation,
    #[error("the mentor has as many sessions on this day as they want")]
    LimitDay,
    #[error("the mentor has as many sessions in this week as they want")]
    LimitWeek,
    #[error("the mentee has as many sessions with the mentor in this week as they may")]
    LimitMentee,
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
    #[error("not an IANA zone")]
    InvalidTimeZone,
    /// Neither an instant nor a local time nor a date of our time, or more than one of them.
    #[error("say what is to be explained")]
    InvalidQuestion,
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
            Self::OverrideClosed => "slot.override_closed",
            Self::Holiday => "slot.holiday",
            Self::Vacation => "slot.vacation",
            Self::LimitDay => "slot.limit_day",
            Self::LimitWeek => "slot.limit_week",
            Self::LimitMentee => "slot.limit_mentee",
            Self::TooSoon => "slot.too_soon",
            Self::Past => "slot.past",
            Self::BeyondHorizon => "slot.beyond_horizon",
            Self::Misaligned => "slot.misaligned",
            Self::InvalidRange => "slot.invalid_range",
            Self::InvalidTimeZone => "slot.invalid_time_zone",
            Self::InvalidQuestion => "slot.invalid_question",
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
            Self::InvalidTimeZone => Some("timeZone"),
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
            Refusal::OverrideClosed => Self::OverrideClosed,
            Refusal::Holiday => Self::Holiday,
            Refusal::Vacation => Self::Vacation,
            Refusal::LimitDay => Self::LimitDay,
            Refusal::LimitWeek => Self::LimitWeek,
            Refusal::LimitMentee => Self::LimitMentee,
            Refusal::Taken => Self::SlotTaken,
        }
    }
}

impl DbError for Error {
    fn database(&self) -> Option<&sqlx::Error> {
        database_error(self)
    }
}

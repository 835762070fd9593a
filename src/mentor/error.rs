use super::Invalid;
use crate::db::{DbError, database_error};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database")]
    Database(#[from] sqlx::Error),
    #[error("no such mentor")]
    NotFound,
    #[error("an application waits or was granted already")]
    AlreadyApplied,
    #[error("the application has been decided already")]
    NotPending,
    #[error("the application changed meanwhile")]
    Stale,
    #[error("only an approved mentor may do this")]
    NotApproved,
    #[error("{0}")]
    Invalid(Invalid),
    /// What a list is asked for.
    #[error("{0}")]
    Search(Invalid),
    #[error("no such offering")]
    OfferingNotFound,
    #[error("the offering changed meanwhile")]
    OfferingStale,
    #[error("the offering is retired")]
    OfferingRetired,
    #[error("{0}")]
    OfferingInvalid(Invalid),
}

impl Error {
    /// The stable problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "internal",
            Self::NotFound => "mentor.not_found",
            Self::AlreadyApplied => "mentor.already_applied",
            Self::NotPending => "mentor.not_pending",
            Self::Stale => "mentor.stale",
            Self::NotApproved => "mentor.not_approved",
            Self::Invalid(_) => "mentor.invalid",
            Self::Search(_) => "search.invalid",
            Self::OfferingNotFound => "offering.not_found",
            Self::OfferingStale => "offering.stale",
            Self::OfferingRetired => "offering.retired",
            Self::OfferingInvalid(_) => "offering.invalid",
        }
    }

    /// The field to blame, as API clients write it.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) | Self::Search(invalid) | Self::OfferingInvalid(invalid) => {
                Some(invalid.field)
            }
            _ => None,
        }
    }
}

impl DbError for Error {
    fn database(&self) -> Option<&sqlx::Error> {
        database_error(self)
    }
}

use sqlx::types::Json;

use super::text::check;
use super::{Invalid, language};
use crate::clock::Instant;
use crate::id::UserId;

/// Where a mentor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case", rename = "MentorState")]
pub enum State {
    Applied,
    Approved,
    Rejected,
    Suspended,
}

impl State {
    /// The table of allowed moves.
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Applied, Self::Approved | Self::Rejected)
                | (Self::Rejected, Self::Applied)
                | (Self::Approved, Self::Suspended)
                | (Self::Suspended, Self::Approved)
        )
    }
}

crate::words!(State {
    Applied => "applied",
    Approved => "approved",
    Rejected => "rejected",
    Suspended => "suspended",
});

/// A mentor or applicant, with what only the person and admins may see.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Mentor {
    pub user_id: UserId,
    pub state: State,
    pub headline: String,
    pub bio: String,
    pub expertise: Json<Vec<String>>,
    pub career: String,
    pub company: Option<String>,
    pub company_hidden: bool,
    /// ISO 639-1 codes with commas between them.
    pub languages: String,
    pub rejection_reason: Option<String>,
    pub decided_by: Option<UserId>,
    pub decided_at: Option<Instant>,
    pub applied_at: Instant,
    pub version: i64,
}

/// The last entry of a page: when it was decided (or applied for) and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    pub at: Instant,
    pub user: UserId,
}

/// What an applicant says.
#[derive(Clone, Debug)]
pub struct Application {
    /// 1 to 120 characters.
    pub headline: String,
    /// 1 to 4,000 characters.
    pub bio: String,
    /// 1 to 20 entries of 1 to 40 characters.
    pub expertise: Vec<String>,
    /// At most 4,000 characters.
    pub career: String,
    /// 1 to 100 characters.
    pub company: Option<String>,
    /// The company is shown to admins alone.
    pub company_hidden: bool,
    /// The languages that are spoken, at most ten: ISO 639-1 codes.
    pub languages: Vec<String>,
}

impl Application {
    pub fn check(&self) -> Result<(), Invalid> {
        check("headline", &self.headline, 1, 120, "takes 1 to 120 characters")?;
        check("bio", &self.bio, 1, 4000, "takes 1 to 4,000 characters")?;
        if self.expertise.is_empty() || self.expertise.len() > 20 {
            return Err(Invalid::new("expertise", "takes 1 to 20 entries"));
        }
        for entry in &self.expertise {
            check("expertise", entry, 1, 40, "takes entries of 1 to 40 characters")?;
        }
        check("career", &self.career, 0, 4000, "takes at most 4,000 characters")?;
        if let Some(company) = &self.company {
            check("company", company, 1, 100, "takes 1 to 100 characters")?;
        }
        language::check(&self.languages)
    }
}

/// What an admin says to an application.
#[derive(Clone, Debug)]
pub enum Decision {
    Approve,
    /// The applicant reads the reason: 1 to 1,000 characters.
    Reject {
        reason: String,
    },
}

impl Decision {
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Approve => Ok(()),
            Self::Reject { reason } => check("reason", reason, 1, 1000, "takes 1 to 1,000 characters"),
        }
    }

    pub fn state(&self) -> State {
        match self {
            Self::Approve => State::Approved,
            Self::Reject { .. } => State::Rejected,
        }
    }

    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::Approve => "mentor.approved",
            Self::Reject { .. } => "mentor.rejected",
        }
    }

    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Approve => None,
            Self::Reject { reason } => Some(reason),
        }
    }
}

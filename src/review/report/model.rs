//! A report. Pure.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{ReviewId, ReviewReportId, UserId};
use crate::review::Part;

/// What is wrong with it, in the reporter's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewReportReason")]
pub enum Reason {
    Abusive,
    PersonalData,
    OffTopic,
    Fake,
    Spam,
    Other,
}

crate::words!(Reason {
    Abusive => "abusive",
    PersonalData => "personal_data",
    OffTopic => "off_topic",
    Fake => "fake",
    Spam => "spam",
    Other => "other",
});

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewReportOutcome")]
pub enum Outcome {
    Hidden,
    /// Nothing was wrong with it.
    Kept,
    /// Its author took it back before anybody looked.
    Withdrawn,
}

crate::words!(Outcome { Hidden => "hidden", Kept => "kept", Withdrawn => "withdrawn" });

/// A row of `review_reports`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Report {
    pub id: ReviewReportId,
    pub review_id: ReviewId,
    pub part: Part,
    pub reporter_id: UserId,
    pub reason: Reason,
    pub note: Option<String>,
    pub at: Instant,
    pub closed_at: Option<Instant>,
    pub outcome: Option<Outcome>,
}

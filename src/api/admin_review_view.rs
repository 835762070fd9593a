//! Reviews as administrators see them.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use uuid::Uuid;

use crate::id::{ReservationId, ReviewId, UserId};
use crate::review::{Hidden, HistoryRow, Review, Side};

/// A review with whom it concerns, for administrators.
#[derive(Debug, Object)]
#[oai(rename = "ReviewCase", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct CaseView {
    id: ReviewId,
    reservation_id: ReservationId,
    author_id: UserId,
    subject_id: UserId,
    side: Side,
    stars: u8,
    /// Also while it is hidden.
    text: String,
    hidden: Option<Hidden>,
    /// Whether the stars stand in the figures.
    is_counted: bool,
    reply: Option<String>,
    reply_hidden: Option<Hidden>,
    published_at: Option<DateTime<Utc>>,
    /// Reports that nobody has looked into.
    open_reports: i32,
    version: i64,
}

impl From<Review> for CaseView {
    fn from(review: Review) -> Self {
        Self {
            is_counted: review.counts(),
            id: review.id,
            reservation_id: review.reservation_id,
            author_id: review.author_id,
            subject_id: review.subject_id,
            side: review.side,
            stars: review.stars.get(),
            text: review.body,
            hidden: review.hidden,
            reply: review.reply,
            reply_hidden: review.reply_hidden,
            published_at: review.published_at,
            open_reports: review.open_reports,
            version: review.version,
        }
    }
}

/// One line of a review's history.
#[derive(Debug, Object)]
#[oai(rename = "ReviewChange", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ChangeView {
    version: i64,
    /// Such as `edited` or `hidden`.
    cause: String,
    stars: u8,
    /// What was written, as long as it is kept.
    text: Option<String>,
    /// What an administrator said about it.
    reason: Option<String>,
    actor_kind: String,
    actor_id: Option<Uuid>,
    request_id: String,
    at: DateTime<Utc>,
}

impl From<HistoryRow> for ChangeView {
    fn from(row: HistoryRow) -> Self {
        Self {
            version: row.version,
            cause: row.cause,
            stars: row.stars.get(),
            text: row.words,
            reason: row.reason,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            request_id: row.request_id,
            at: row.at,
        }
    }
}

//! Reviews as readers and their two people see them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};

use super::problem::Problem;
use super::request::{Lang, lang};
use crate::config::Rules;
use crate::core::Core;
use crate::id::{ReservationId, ReviewId, ReviewReportId, UserId};
use crate::reservation::Record;
use crate::review::{Fact, Figures, Hidden, Outcome, Part, Reason, Report, Review, Side, Standing, State};
use crate::user;

/// What somebody is rated by those who met them.
#[derive(Debug, Object)]
#[oai(rename = "Rating", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct RatingView {
    /// Stars, to one decimal; absent where nobody has given any.
    average: Option<f64>,
    count: i64,
    /// How many gave 1, 2, 3, 4 and 5 stars.
    distribution: Vec<i64>,
}

impl From<Figures> for RatingView {
    #[expect(clippy::cast_precision_loss, reason = "tenths of a star are 10 to 50")]
    fn from(figures: Figures) -> Self {
        Self {
            average: figures.tenths().map(|tenths| tenths as f64 / 10.0),
            count: figures.count(),
            distribution: figures.distribution().to_vec(),
        }
    }
}

/// What became of a mentor's bookings: facts that stand beside the stars.
#[derive(Debug, Object)]
#[oai(rename = "MentorRecord", rename_all = "camelCase")]
pub(super) struct RecordView {
    completed_sessions: i64,
    /// Sessions that were paid for and that the mentor cancelled.
    cancelled_sessions: i64,
    /// Sessions to which the mentor did not come.
    no_shows: i64,
}

impl From<Record> for RecordView {
    fn from(record: Record) -> Self {
        Self {
            completed_sessions: record.completed,
            cancelled_sessions: record.cancelled,
            no_shows: record.no_shows,
        }
    }
}

/// The names that are shown beside reviews.
pub(super) struct Names(HashMap<UserId, String>);

impl Names {
    /// Of the authors of these reviews; those who deleted their account have none.
    pub async fn of(core: &Core, reviews: &[Review]) -> Result<Self, Problem> {
        let mut ids: Vec<UserId> = reviews.iter().map(|review| review.author_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let people = user::get_many(core.db.pool(), &ids).await?;
        let alive = people.into_iter().filter(|person| person.state != user::State::Deleted);
        Ok(Self(alive.map(|person| (person.id, person.name)).collect()))
    }

    fn author(&self, id: UserId) -> AuthorView {
        let gone = || match lang() {
            Lang::Ko => "탈퇴한 사용자".to_owned(),
            Lang::En => "Deleted user".to_owned(),
        };
        let name = self.0.get(&id).cloned();
        AuthorView { is_deleted: name.is_none(), name: name.unwrap_or_else(gone) }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "ReviewAuthor", rename_all = "camelCase")]
struct AuthorView {
    /// As the person calls themselves; in the language of the request where the account was deleted.
    name: String,
    is_deleted: bool,
}

/// What the subject says to it.
#[derive(Debug, Object)]
#[oai(rename = "ReviewReply", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ReplyView {
    /// Absent while it is hidden.
    text: Option<String>,
    at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    /// Why an administrator hid it.
    hidden: Option<Hidden>,
}

impl ReplyView {
    fn of(review: &Review) -> Option<Self> {
        Some(Self {
            text: review.shown_reply().map(str::to_owned),
            at: review.replied_at?,
            edited_at: review.reply_edited_at,
            hidden: review.reply_hidden,
        })
    }
}

/// A published review.
#[derive(Debug, Object)]
#[oai(rename = "Review", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ReviewView {
    id: ReviewId,
    author: AuthorView,
    /// The author's.
    side: Side,
    stars: u8,
    /// Absent while it is hidden.
    text: Option<String>,
    /// Why an administrator hid the text.
    hidden: Option<Hidden>,
    published_at: Option<DateTime<Utc>>,
    reply: Option<ReplyView>,
}

impl ReviewView {
    pub fn new(review: &Review, names: &Names) -> Self {
        Self {
            id: review.id,
            author: names.author(review.author_id),
            side: review.side,
            stars: review.stars.get(),
            text: review.shown_words().map(str::to_owned),
            hidden: review.hidden,
            published_at: review.published_at,
            reply: ReplyView::of(review),
        }
    }
}

/// A review in its author's eyes.
#[derive(Debug, Object)]
#[oai(rename = "OwnReview", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct OwnReviewView {
    id: ReviewId,
    reservation_id: ReservationId,
    side: Side,
    stars: u8,
    text: String,
    state: State,
    /// Send it back to change what you saw.
    version: i64,
    /// When it is published at the latest.
    publish_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    /// Why an administrator hid the text from readers.
    hidden: Option<Hidden>,
    reply: Option<ReplyView>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Review> for OwnReviewView {
    fn from(review: Review) -> Self {
        Self {
            reply: ReplyView::of(&review),
            id: review.id,
            reservation_id: review.reservation_id,
            side: review.side,
            stars: review.stars.get(),
            text: review.body,
            state: review.state,
            version: review.version,
            publish_at: review.publish_at,
            published_at: review.published_at,
            hidden: review.hidden,
            created_at: review.created_at,
            updated_at: review.updated_at,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReviewStanding", rename_all = "snake_case")]
enum StandingView {
    /// The session is not over.
    NotYet,
    Open,
    /// The time to write is over.
    Over,
    /// There are no stars to give; `fact` says why.
    Fact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReviewAction", rename_all = "snake_case")]
enum Action {
    Write,
    Edit,
    Withdraw,
    Reply,
}

/// The reviews of one session, as one of its two people sees them.
#[derive(Debug, Object)]
#[oai(rename = "SessionReviews", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct SessionReviewsView {
    standing: StandingView,
    fact: Option<Fact>,
    /// Until when both sides can write; what was written is published then.
    until: Option<DateTime<Utc>>,
    mine: Option<OwnReviewView>,
    /// What the other side says; absent while it is sealed.
    theirs: Option<ReviewView>,
    /// Whether the other side has written; what it says is sealed until the caller has, or the time is over.
    have_they_written: bool,
    /// What the other side is rated by others.
    their_rating: RatingView,
    /// What the caller may do now.
    actions: Vec<Action>,
    /// The server's clock, for countdowns.
    server_now: DateTime<Utc>,
}

impl SessionReviewsView {
    /// `both`: the reviews of the session, sealed ones too.
    pub fn new(
        standing: Standing,
        both: Vec<Review>,
        side: Side,
        figures: Figures,
        names: &Names,
        rules: &Rules,
        now: DateTime<Utc>,
    ) -> Self {
        let (mut mine, mut theirs) = (None, None);
        let is_open = matches!(standing, Standing::Open(_)) && both.iter().all(|r| r.published_at.is_none());
        for review in both.into_iter().filter(|review| review.state != State::Withdrawn) {
            let place = if review.side == side { &mut mine } else { &mut theirs };
            *place = Some(review);
        }
        let mut actions = Vec::new();
        if is_open {
            actions.push(if mine.is_some() { Action::Edit } else { Action::Write });
        }
        if mine.is_some() {
            actions.push(Action::Withdraw);
        }
        let published = theirs.as_ref().filter(|review| review.state == State::Published);
        if published.is_some_and(|review| review.takes_reply(rules, now)) {
            actions.push(Action::Reply);
        }
        let (standing, fact, until) = match standing {
            Standing::NotYet => (StandingView::NotYet, None, None),
            Standing::Open(until) => (StandingView::Open, None, Some(until)),
            Standing::Over(until) => (StandingView::Over, None, Some(until)),
            Standing::Fact(fact) => (StandingView::Fact, Some(fact), None),
        };
        Self {
            standing,
            fact,
            until,
            theirs: published.map(|review| ReviewView::new(review, names)),
            have_they_written: theirs.is_some(),
            mine: mine.map(OwnReviewView::from),
            their_rating: figures.into(),
            actions,
            server_now: now,
        }
    }
}

/// One person's word that something should not be shown.
#[derive(Debug, Object)]
#[oai(rename = "ReviewReport", rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ReportView {
    id: ReviewReportId,
    review_id: ReviewId,
    part: Part,
    reporter_id: UserId,
    reason: Reason,
    note: Option<String>,
    at: DateTime<Utc>,
    /// When an administrator looked at it.
    closed_at: Option<DateTime<Utc>>,
    outcome: Option<Outcome>,
}

impl From<Report> for ReportView {
    fn from(report: Report) -> Self {
        Self {
            id: report.id,
            review_id: report.review_id,
            part: report.part,
            reporter_id: report.reporter_id,
            reason: report.reason,
            note: report.note,
            at: report.at,
            closed_at: report.closed_at,
            outcome: report.outcome,
        }
    }
}

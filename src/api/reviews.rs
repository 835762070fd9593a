//! Reviews: written by the two sides of a session, read by everybody.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use super::answer::{Created, Done, page_size};
use super::caller::Caller;
use super::page_key::{instant_key, key_text};
use super::problem::Problem;
use super::review_view::{
    Names, OwnReviewView, RatingView, RecordView, ReportView, ReviewView, SessionReviewsView,
};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::{ReservationId, ReviewId, UserId};
use crate::review::{
    self, Content, Invalid, NewReport, Order, Own, PageKey, Part, Reason, Review, Side, Stars, Words,
};
use crate::{mentor, reservation};

pub struct ReviewsApi;

#[derive(Debug, Object)]
#[oai(rename = "WriteReview", rename_all = "camelCase", deny_unknown_fields)]
struct WriteRequest {
    #[oai(validator(minimum(value = "1"), maximum(value = "5")))]
    stars: u8,
    /// Without control characters but line ends and tabs.
    #[oai(validator(min_length = 1, max_length = 2000))]
    text: Text,
    /// The version that is overwritten; absent for the first one.
    expected_version: Option<i64>,
}

impl TryFrom<&WriteRequest> for Content {
    type Error = Invalid;

    fn try_from(body: &WriteRequest) -> Result<Self, Invalid> {
        Ok(Self { stars: Stars::new(body.stars)?, words: Words::parse("text", &body.text)? })
    }
}

#[derive(Debug, Object)]
#[oai(rename = "ReplyToReview", rename_all = "camelCase", deny_unknown_fields)]
struct ReplyRequest {
    #[oai(validator(min_length = 1, max_length = 2000))]
    text: Text,
}

#[derive(Debug, Object)]
#[oai(rename = "ReportReview", rename_all = "camelCase", deny_unknown_fields)]
struct ReportRequest {
    part: Part,
    reason: Reason,
    #[oai(validator(min_length = 1, max_length = 1000))]
    note: Option<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReviewOrder", rename_all = "snake_case")]
enum OrderBy {
    Newest,
    /// Most stars first, the newest among equals.
    Highest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "OwnReviews", rename_all = "snake_case")]
enum Which {
    /// What the caller wrote, sealed or published.
    Written,
    /// What was published about the caller.
    Received,
}

/// What mentees say of a mentor.
#[derive(Debug, Object)]
#[oai(rename = "MentorReviews", rename_all = "camelCase", skip_serializing_if_is_none)]
struct MentorReviews {
    rating: RatingView,
    record: RecordView,
    items: Vec<ReviewView>,
    /// Send it as `after` to get the next page; absent on the last one.
    next: Option<String>,
}

/// A review with its session.
#[derive(Debug, Object)]
#[oai(rename = "ReviewOfSession", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ReviewOfSession {
    reservation_id: ReservationId,
    /// Of those that the caller wrote.
    own: Option<OwnReviewView>,
    /// Of those that were written about the caller.
    received: Option<ReviewView>,
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "OwnReviewPage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct OwnPage {
    items: Vec<ReviewOfSession>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<ReviewId>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Reviews")]
impl ReviewsApi {
    /// List the reviews of a mentor
    ///
    /// For everybody: what mentees say of an approved mentor, with the figures. Where the words of a review are hidden
    /// its stars may count all the same: then it is listed without them.
    #[oai(path = "/mentors/:id/reviews", method = "get", operation_id = "listMentorReviews")]
    async fn of_mentor(
        &self,
        app: Data<&Shared>,
        id: Path<UserId>,
        #[oai(default = "newest")] order: Query<OrderBy>,
        /// The `next` of the page before, in the same order.
        #[oai(validator(max_length = 128))]
        after: Query<Option<String>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<MentorReviews>, Problem> {
        let pool = app.core.db.pool();
        let after = after.0.as_deref().map(page_key).transpose()?;
        mentor::card(pool, id.0).await?;
        let order = match order.0 {
            OrderBy::Newest => Order::Newest,
            OrderBy::Highest => Order::Highest,
        };
        let rows = review::page_of_mentor(pool, id.0, order, after, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).and_then(page_text);
        let names = Names::of(&app.core, &rows).await?;
        Ok(Json(MentorReviews {
            rating: review::figures(pool, id.0, Side::Mentor).await?.into(),
            record: reservation::record(pool, id.0).await?.into(),
            items: rows.iter().map(|row| ReviewView::new(row, &names)).collect(),
            next,
        }))
    }

    /// Show the reviews of a session
    ///
    /// To its two people. What the other side wrote is sealed until the caller has written too, or the time is over.
    /// Where there are no stars to give, `fact` says what became of the session.
    #[oai(path = "/reservations/:id/review", method = "get", operation_id = "getReview")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
    ) -> Result<Json<SessionReviewsView>, Problem> {
        Ok(Json(session_reviews(&app, id.0, &caller).await?))
    }

    /// Review a session
    ///
    /// By its two people, until 14 days after it was completed. Both reviews are published once both are written, or
    /// when the time is over; until then the caller can overwrite theirs, and nobody else reads it. The same again
    /// changes nothing.
    #[oai(path = "/reservations/:id/review", method = "put", operation_id = "writeReview")]
    async fn write(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        body: Json<WriteRequest>,
    ) -> Result<Json<SessionReviewsView>, Problem> {
        let content = Content::try_from(&body.0).map_err(review::Error::Invalid)?;
        unit!(app, caller.actor(), tx => {
            let (rules, author) = (&app.core.rules, caller.user_id());
            Ok(review::write(tx, rules, id.0, author, &content, body.expected_version).await?)
        })?;
        Ok(Json(session_reviews(&app, id.0, &caller).await?))
    }

    /// Take the caller's review back
    ///
    /// At any time. One that was published takes its stars with it, and cannot be written again.
    #[oai(path = "/reservations/:id/review", method = "delete", operation_id = "withdrawReview")]
    async fn withdraw(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReservationId>,
        #[oai(name = "expectedVersion")] expected_version: Query<i64>,
    ) -> Result<Done, Problem> {
        unit!(app, caller.actor(), tx => {
            Ok(review::withdraw(tx, id.0, caller.user_id(), expected_version.0).await?)
        })?;
        Ok(Done::Done)
    }

    /// List the caller's reviews
    ///
    /// Those that they wrote, or those that were published about them; newest first.
    #[oai(path = "/me/reviews", method = "get", operation_id = "listMyReviews")]
    async fn mine(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        which: Query<Which>,
        /// The `next` of the page before.
        before: Query<Option<ReviewId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<OwnPage>, Problem> {
        let own = if which.0 == Which::Written { Own::Written } else { Own::Received };
        let pool = app.core.db.pool();
        let rows = review::page_for_member(pool, caller.user_id(), own, before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        let names = Names::of(&app.core, &rows).await?;
        let view = |row: Review| ReviewOfSession {
            reservation_id: row.reservation_id,
            received: (own == Own::Received).then(|| ReviewView::new(&row, &names)),
            own: (own == Own::Written).then(|| row.into()),
        };
        Ok(Json(OwnPage { items: rows.into_iter().map(view).collect(), next }))
    }

    /// Reply to a review
    ///
    /// By whom it is about, once; for 7 days the reply can be overwritten.
    #[oai(path = "/reviews/:id/reply", method = "put", operation_id = "replyToReview")]
    async fn reply(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReviewId>,
        body: Json<ReplyRequest>,
    ) -> Result<Json<ReviewView>, Problem> {
        let words = Words::parse("text", &body.text).map_err(review::Error::Invalid)?;
        let replied = unit!(app, caller.actor(), tx => {
            Ok(review::reply(tx, &app.core.rules, id.0, caller.user_id(), &words).await?)
        })?;
        let names = Names::of(&app.core, std::slice::from_ref(&replied)).await?;
        Ok(Json(ReviewView::new(&replied, &names)))
    }

    /// Report a review, or the reply to it
    ///
    /// By anybody who can read it, once; the first report counts. An administrator looks at it.
    #[oai(path = "/reviews/:id/reports", method = "post", operation_id = "reportReview")]
    async fn report(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReviewId>,
        body: Json<ReportRequest>,
    ) -> Result<Created<ReportView>, Problem> {
        let note = body.note.as_deref().map(|note| Words::parse("note", note)).transpose();
        let note = note.map_err(review::Error::Invalid)?.map(|words| words.as_str().to_owned());
        let new = NewReport { part: body.part, reason: body.reason, note };
        let report = unit!(app, caller.actor(), tx => {
            Ok(review::report(tx, id.0, caller.user_id(), &new).await?)
        })?;
        Ok(Created::Created(Json(report.into())))
    }
}

async fn session_reviews(
    app: &Shared,
    id: ReservationId,
    caller: &Caller,
) -> Result<SessionReviewsView, Problem> {
    let (pool, rules, now) = (app.core.db.pool(), &app.core.rules, app.core.clock.now());
    let found = reservation::find_for_member(pool, id, caller.user_id()).await?;
    let r = found.filter(|r| !r.is_extension()).ok_or_else(|| Problem::new("reservation.not_found"))?;
    let side = Side::of(caller.user_id(), &r).ok_or_else(|| Problem::new("reservation.not_found"))?;
    let standing = review::look(pool, rules, now, &r).await?;
    let both = review::of_member(pool, id, caller.user_id()).await?;
    let names = Names::of(&app.core, &both).await?;
    let figures = review::figures(pool, side.other().person(&r), side.other()).await?;
    Ok(SessionReviewsView::new(standing, both, side, figures, &names, rules, now))
}

fn newest() -> OrderBy {
    OrderBy::Newest
}

/// Stars, instant and id of the last entry of a page, as opaque text.
fn page_text(last: &Review) -> Option<String> {
    let key = key_text(last.published_at?, last.id.0);
    Some(URL_SAFE_NO_PAD.encode(format!("{}.{key}", last.stars.get())))
}

/// # Errors
/// `page.invalid` for text that [`page_text`] did not make.
fn page_key(text: &str) -> Result<PageKey, Problem> {
    let read = || {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (stars, key) = plain.split_once('.')?;
        let (at, id) = instant_key(key)?;
        Some(PageKey { stars: stars.parse().ok()?, at, id: ReviewId(id) })
    };
    read().ok_or_else(|| Problem::new("page.invalid").field("after"))
}

impl From<review::Error> for Problem {
    fn from(error: review::Error) -> Self {
        match error {
            review::Error::Reservation(inner) => inner.into(),
            review::Error::Payment(inner) => inner.into(),
            review::Error::Invalid(invalid) => Self::new("review.invalid")
                .field(invalid.field)
                .context(serde_json::json!({ "rule": invalid.rule })),
            other => Self::of(other.code(), other),
        }
    }
}

//! Moderation: what was reported, what is hidden, and why.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use super::admin_review_view::{CaseView, ChangeView};
use super::answer::{Because, page_size};
use super::caller::Caller;
use super::problem::Problem;
use super::review_view::ReportView;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::ReviewId;
use crate::review::{self, Hidden, Part, Queue};

pub struct AdminReviewsApi;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ReviewQueue", rename_all = "snake_case")]
enum Which {
    /// With reports that nobody has looked into.
    Reported,
    /// With words, or a reply, that are hidden.
    Hidden,
    All,
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "ReviewCases", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Cases {
    items: Vec<CaseView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<ReviewId>,
}

/// A review with everything that bears on it.
#[derive(Debug, Object)]
#[oai(rename = "ReviewFile", rename_all = "camelCase")]
struct File {
    #[oai(flatten)]
    case: CaseView,
    /// Oldest first, as the history.
    reports: Vec<ReportView>,
    history: Vec<ChangeView>,
}

#[derive(Debug, Object)]
#[oai(rename = "HideReview", rename_all = "camelCase", deny_unknown_fields)]
struct HideRequest {
    part: Part,
    /// `abusive`, `personal_data` and `illegal` hide the words and let the stars count; the others say that it is no
    /// review of the session, whose stars do not.
    why: Hidden,
    /// Whoever wrote the words reads it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
}

#[derive(Debug, Object)]
#[oai(rename = "RestoreReview", rename_all = "camelCase", deny_unknown_fields)]
struct RestoreRequest {
    part: Part,
    /// Whoever wrote the words reads it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Text,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Admin")]
impl AdminReviewsApi {
    /// List reviews
    ///
    /// Published ones, newest first. For administrators.
    #[oai(path = "/reviews", method = "get", operation_id = "adminListReviews")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        #[oai(default = "reported")] queue: Query<Which>,
        /// The `next` of the page before.
        before: Query<Option<ReviewId>>,
        #[oai(default = "page_size", validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<
            u32,
        >,
    ) -> Result<Json<Cases>, Problem> {
        caller.admin()?;
        let queue = match queue.0 {
            Which::Reported => Queue::Reported,
            Which::Hidden => Queue::Hidden,
            Which::All => Queue::All,
        };
        let rows = review::page(app.core.db.pool(), queue, before.0, limit.0).await?;
        let next = rows.last().filter(|_| rows.len() == limit.0 as usize).map(|row| row.id);
        Ok(Json(Cases { items: rows.into_iter().map(CaseView::from).collect(), next }))
    }

    /// Show a review with its reports and its history
    ///
    /// One that is sealed or withdrawn is not found. For administrators.
    #[oai(path = "/reviews/:id", method = "get", operation_id = "adminGetReview")]
    async fn get(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReviewId>,
    ) -> Result<Json<File>, Problem> {
        caller.admin()?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// Hide words
    ///
    /// Those of a review or of the reply to it, from everybody but who wrote them. For administrators who are no side of
    /// it.
    #[oai(path = "/reviews/:id/hide", method = "post", operation_id = "adminHideReview")]
    async fn hide(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReviewId>,
        body: Json<HideRequest>,
    ) -> Result<Json<File>, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => {
            Ok(review::hide(tx, id.0, caller.user_id(), body.part, body.why, &body.reason).await?)
        })?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// Show hidden words again
    ///
    /// Stars that did not count do so again. For administrators who are no side of it.
    #[oai(path = "/reviews/:id/restore", method = "post", operation_id = "adminRestoreReview")]
    async fn restore(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReviewId>,
        body: Json<RestoreRequest>,
    ) -> Result<Json<File>, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => {
            Ok(review::restore(tx, id.0, caller.user_id(), body.part, &body.reason).await?)
        })?;
        Ok(Json(file(&app, id.0).await?))
    }

    /// Leave a reported review as it is
    ///
    /// Its reports are closed. For administrators who are no side of it.
    #[oai(path = "/reviews/:id/keep", method = "post", operation_id = "adminKeepReview")]
    async fn keep(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<ReviewId>,
        body: Json<Because>,
    ) -> Result<Json<File>, Problem> {
        let admin = caller.admin()?;
        unit!(app, admin, tx => { Ok(review::keep(tx, id.0, caller.user_id(), &body.reason).await?) })?;
        Ok(Json(file(&app, id.0).await?))
    }
}

fn reported() -> Which {
    Which::Reported
}

async fn file(app: &Shared, id: ReviewId) -> Result<File, Problem> {
    let pool = app.core.db.pool();
    let found = review::find_published(pool, id).await?.ok_or_else(|| Problem::new("review.not_found"))?;
    Ok(File {
        case: found.into(),
        reports: review::reports_of(pool, id).await?.into_iter().map(ReportView::from).collect(),
        history: review::history(pool, id).await?.into_iter().map(ChangeView::from).collect(),
    })
}

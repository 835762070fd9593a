//! The caller's notices in the app.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::{Problem, problem_from};
use super::request::{self, Lang};
use super::{Shared, Tag, unit};
use crate::id::{NoticeId, ReservationId};
use crate::notification::{self, Filter, Notice};
use crate::user::{Locale, TimeZone};

pub struct NoticesApi;

problem_from!(notification::Error);

/// One notice, in the language of `Accept-Language` and the caller's time zone.
#[derive(Debug, Object)]
#[oai(rename = "Notice", rename_all = "camelCase", skip_serializing_if_is_none)]
struct NoticeView {
    id: NoticeId,
    /// Such as `reservation.confirmed`.
    kind: String,
    /// One line of plain text.
    title: String,
    /// Plain text; may have several lines.
    body: String,
    reservation_id: Option<ReservationId>,
    created_at: DateTime<Utc>,
    read_at: Option<DateTime<Utc>>,
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "NoticePage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct NoticePage {
    items: Vec<NoticeView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<NoticeId>,
}

#[derive(Debug, Object)]
#[oai(rename = "UnreadCount", rename_all = "camelCase")]
struct UnreadCount {
    /// The caller's unread notices, as of this answer. Changes arrive as `notice.created`, `notice.read` and
    /// `notice.deleted` events.
    unread: i64,
}

#[OpenApi(prefix_path = "/v1/me/notices", tag = "Tag::Me")]
impl NoticesApi {
    /// List the caller's notices
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listNotices")]
    async fn list(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<NoticeId>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
        /// Only what was not read yet.
        #[oai(default)]
        unread: Query<bool>,
    ) -> Result<Json<NoticePage>, Problem> {
        let filter = Filter { before: before.0, unread_only: unread.0 };
        let pool = app.core.db.pool();
        let page = notification::page_for_owner(pool, caller.user_id(), filter, limit.0).await?;
        let next =
            (page.notices.len() == limit.0 as usize).then(|| page.notices.last().map(|n| n.id)).flatten();
        let items = page.notices.into_iter().map(|notice| NoticeView::new(notice, page.time_zone)).collect();
        Ok(Json(NoticePage { items, next }))
    }

    /// Count the caller's unread notices
    #[oai(path = "/unread-count", method = "get", operation_id = "countUnreadNotices")]
    async fn unread_count(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<UnreadCount>, Problem> {
        let unread = notification::unread_count(app.core.db.pool(), caller.user_id()).await?;
        Ok(Json(UnreadCount { unread }))
    }

    /// Mark a notice as read
    ///
    /// Reading it again changes nothing.
    #[oai(path = "/:id/read", method = "post", operation_id = "readNotice")]
    async fn read(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<NoticeId>,
    ) -> Result<Json<UnreadCount>, Problem> {
        let unread = unit!(app, caller.actor(), tx => {
            Ok(notification::mark_read(tx, id.0, caller.user_id()).await?)
        })?;
        Ok(Json(UnreadCount { unread }))
    }

    /// Say that a push was opened
    ///
    /// For the device that showed it, with the `noticeId` of its data. What it told counts as read from then on.
    #[oai(path = "/:id/opened", method = "post", operation_id = "openNotice")]
    async fn opened(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<NoticeId>,
    ) -> Result<Json<UnreadCount>, Problem> {
        let unread = unit!(app, caller.actor(), tx => {
            Ok(notification::mark_opened(tx, id.0, caller.user_id()).await?)
        })?;
        Ok(Json(UnreadCount { unread }))
    }

    /// Mark all of the caller's notices as read
    #[oai(path = "/read-all", method = "post", operation_id = "readAllNotices")]
    async fn read_all(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<UnreadCount>, Problem> {
        let unread = unit!(app, caller.actor(), tx => {
            Ok(notification::mark_all_read(tx, caller.user_id()).await?)
        })?;
        Ok(Json(UnreadCount { unread }))
    }

    /// Delete a notice
    #[oai(path = "/:id", method = "delete", operation_id = "deleteNotice")]
    async fn delete(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<NoticeId>,
    ) -> Result<Json<UnreadCount>, Problem> {
        let unread = unit!(app, caller.actor(), tx => {
            Ok(notification::delete(tx, id.0, caller.user_id()).await?)
        })?;
        Ok(Json(UnreadCount { unread }))
    }
}

impl NoticeView {
    fn new(notice: Notice, zone: TimeZone) -> Self {
        let locale = match request::lang() {
            Lang::Ko => Locale::Ko,
            Lang::En => Locale::En,
        };
        let text = notification::render(&notice.kind, &notice.data, locale, zone);
        Self {
            id: notice.id,
            kind: notice.kind,
            title: text.title,
            body: text.body,
            reservation_id: notice.reservation_id,
            created_at: notice.created_at,
            read_at: notice.read_at,
        }
    }
}

fn default_limit() -> u32 {
    30
}

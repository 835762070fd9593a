//! When the caller is left alone, and when their digest comes.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::notification::{self, Hours, QuietHours};
use crate::user::{self, TimeZone};

pub struct NoticeHoursApi;

/// Two wall clocks of the caller's time zone, such as 22:00 and 07:00.
#[derive(Debug, Object)]
#[oai(rename = "QuietHours", rename_all = "camelCase", deny_unknown_fields)]
struct QuietView {
    /// `22:00`
    #[oai(validator(max_length = 5))]
    start: Text,
    /// `07:00`; over midnight where it comes before the start.
    #[oai(validator(max_length = 5))]
    end: Text,
}

#[derive(Debug, Object)]
#[oai(rename = "NoticeHours", rename_all = "camelCase", skip_serializing_if_is_none)]
struct HoursView {
    /// Mails and pushes that can wait come at the end of these hours; absent: at any time.
    quiet: Option<QuietView>,
    /// The hour of the day at which the digest comes.
    digest_hour: u8,
    /// The caller's, from the profile.
    time_zone: String,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct HoursRequest {
    /// Not the whole day, and at most 16 hours. Absent: none.
    quiet: Option<QuietView>,
    /// 0 to 23. Absent: 9.
    digest_hour: Option<u8>,
}

#[OpenApi(prefix_path = "/v1/me/notification-hours", tag = "Tag::Me")]
impl NoticeHoursApi {
    /// Show when the caller is left alone
    #[oai(path = "/", method = "get", operation_id = "getNoticeHours")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<HoursView>, Problem> {
        let (pool, me) = (app.core.db.pool(), caller.user_id());
        let hours = notification::hours(pool, me).await?;
        Ok(Json(HoursView::new(hours, user::get(pool, me).await?.time_zone)))
    }

    /// Choose when the caller is left alone
    ///
    /// In place of what was chosen before. Urgent notices come at any time, and so do those that would come too late:
    /// about a session that begins, or a slot that is given up, before the quiet hours end.
    #[oai(path = "/", method = "put", operation_id = "setNoticeHours")]
    async fn set(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<HoursRequest>,
    ) -> Result<Json<HoursView>, Problem> {
        let HoursRequest { quiet, digest_hour } = body.0;
        let blame = |field: &'static str| move |error| Problem::from(error).field(field);
        let quiet = quiet.map(|q| QuietHours::parse(&q.start, &q.end)).transpose().map_err(blame("quiet"))?;
        let hours = Hours::new(quiet, digest_hour).map_err(blame("digestHour"))?;
        let me = caller.user_id();
        let zone = unit!(app, caller.actor(), tx => {
            notification::set_hours(tx, me, &hours).await?;
            Ok(user::get(tx.conn(), me).await?.time_zone)
        })?;
        Ok(Json(HoursView::new(hours, zone)))
    }
}

impl HoursView {
    fn new(hours: Hours, zone: TimeZone) -> Self {
        let quiet = hours.quiet.map(|quiet| {
            let (start, end) = quiet.words();
            QuietView { start: Text(start), end: Text(end) }
        });
        Self { quiet, digest_hour: hours.digest_hour(), time_zone: zone.to_string() }
    }
}

//! A mentor's hours.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::json;

use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::availability::{self, NewSchedule, Schedule, Window};
use crate::id::UserId;

pub struct ScheduleApi;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "lowercase")]
enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// Days after Monday.
    fn number(self) -> u8 {
        self as u8
    }

    fn from_number(number: u8) -> Self {
        Self::ALL[usize::from(number) % Self::ALL.len()]
    }
}

/// Opening hours of one weekday on the mentor's wall clock. Hours that pass midnight are two windows (`22:00` to
/// `24:00`, and `00:00` to `02:00` of the next day); a session may cross from one into the other.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "OpeningHours", rename_all = "camelCase", deny_unknown_fields)]
struct WindowBody {
    weekday: Weekday,
    /// `HH:MM`, at a quarter of an hour.
    #[oai(validator(min_length = 5, max_length = 5))]
    from: Text,
    /// `HH:MM`, at a quarter of an hour; `24:00` is the end of the day.
    #[oai(validator(min_length = 5, max_length = 5))]
    to: Text,
}

impl WindowBody {
    fn parse(&self) -> Option<Window> {
        let weekday = self.weekday.number();
        Some(Window { weekday, from_minute: minutes(&self.from)?, to_minute: minutes(&self.to)? })
    }
}

impl From<Window> for WindowBody {
    fn from(window: Window) -> Self {
        let weekday = Weekday::from_number(window.weekday);
        Self { weekday, from: Text(clock_text(window.from_minute)), to: Text(clock_text(window.to_minute)) }
    }
}

/// The minutes from midnight of `HH:MM`, `00:00` to `24:00`.
fn minutes(text: &str) -> Option<u16> {
    let number = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 24 * 60).then_some(total)
}

fn clock_text(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[derive(Debug, Object)]
#[oai(rename = "NewSchedule", rename_all = "camelCase", deny_unknown_fields)]
struct SetRequest {
    /// The version the caller saw; 0 where there is no schedule yet.
    expected_version: i64,
    /// IANA name, such as `Asia/Seoul`. The hours are those of this zone's wall clock.
    #[oai(validator(min_length = 1, max_length = 64))]
    time_zone: Text,
    /// Distance of slot starts: 15, 30 or 60.
    #[oai(default = "default_interval")]
    slot_interval_minutes: u32,
    /// Kept free before a session: 0 to 120, a multiple of 15.
    #[oai(default)]
    buffer_before_minutes: u32,
    /// Kept free after a session: 0 to 120, a multiple of 15.
    #[oai(default)]
    buffer_after_minutes: u32,
    /// A session is booked at least this long before it starts: 0 to 43,200, a multiple of 15.
    #[oai(default = "default_notice")]
    min_notice_minutes: u32,
    /// A session is booked at most this many days before it starts: 1 to 180.
    #[oai(default = "default_horizon")]
    horizon_days: u32,
    /// No two of one weekday overlap. None: nothing can be booked.
    #[oai(validator(max_items = 672))]
    windows: Vec<WindowBody>,
}

impl SetRequest {
    fn parse(&self) -> Result<NewSchedule, Problem> {
        let windows: Option<Vec<Window>> = self.windows.iter().map(WindowBody::parse).collect();
        let windows = windows.ok_or_else(|| {
            let rule = "have from and to as HH:MM, 00:00 to 24:00";
            Problem::new("schedule.invalid").field("windows").context(json!({ "rule": rule }))
        })?;
        Ok(NewSchedule {
            time_zone: self.time_zone.0.clone(),
            slot_interval_min: self.slot_interval_minutes,
            buffer_before_min: self.buffer_before_minutes,
            buffer_after_min: self.buffer_after_minutes,
            min_notice_min: self.min_notice_minutes,
            horizon_days: self.horizon_days,
            windows,
        })
    }
}

#[derive(Debug, Object)]
#[oai(rename = "Schedule", rename_all = "camelCase")]
struct ScheduleView {
    mentor_id: UserId,
    /// Send it back as `expectedVersion`.
    version: i64,
    /// IANA name.
    time_zone: String,
    slot_interval_minutes: u32,
    buffer_before_minutes: u32,
    buffer_after_minutes: u32,
    min_notice_minutes: u32,
    horizon_days: u32,
    windows: Vec<WindowBody>,
}

impl From<Schedule> for ScheduleView {
    fn from(schedule: Schedule) -> Self {
        let settings = schedule.settings;
        Self {
            mentor_id: schedule.mentor_id,
            version: schedule.version,
            time_zone: settings.time_zone,
            slot_interval_minutes: settings.slot_interval_min,
            buffer_before_minutes: settings.buffer_before_min,
            buffer_after_minutes: settings.buffer_after_min,
            min_notice_minutes: settings.min_notice_min,
            horizon_days: settings.horizon_days,
            windows: settings.windows.into_iter().map(WindowBody::from).collect(),
        }
    }
}

#[OpenApi(prefix_path = "/v1/me/schedule", tag = "Tag::Availability")]
impl ScheduleApi {
    /// Show the caller's hours
    #[oai(path = "/", method = "get", operation_id = "getMySchedule")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<ScheduleView>, Problem> {
        let schedule = availability::schedule(app.core.db.pool(), caller.user_id()).await?;
        Ok(Json(schedule.into()))
    }

    /// Set the caller's hours
    ///
    /// By approved mentors; what stood there is replaced. Reservations that exist keep their instants.
    #[oai(path = "/", method = "put", operation_id = "setMySchedule")]
    async fn set(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<SetRequest>,
    ) -> Result<Json<ScheduleView>, Problem> {
        let mentor = caller.mentor()?;
        let new = body.parse()?;
        let schedule = unit!(app, caller.actor(), tx => {
            Ok(availability::set_schedule(tx, mentor, new.clone(), body.expected_version).await?)
        })?;
        Ok(Json(schedule.into()))
    }
}

fn default_interval() -> u32 {
    NewSchedule::DEFAULT_SLOT_INTERVAL_MIN
}

fn default_notice() -> u32 {
    NewSchedule::DEFAULT_MIN_NOTICE_MIN
}

fn default_horizon() -> u32 {
    NewSchedule::DEFAULT_HORIZON_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clocks_are_read_strictly_and_come_back() {
        for (text, expected) in [("00:00", 0), ("09:15", 555), ("23:45", 1425), ("24:00", 1440)] {
            assert_eq!(minutes(text), Some(expected));
            assert_eq!(clock_text(expected), text);
        }
        for text in
            ["", ":", "9:00", "09:0", "+9:00", "24:15", "99:99", "09:60", "09:00:00", "０９:00", "0900"]
        {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    #[test]
    fn weekdays_count_from_monday() {
        for (weekday, number) in Weekday::ALL.into_iter().zip(0u8..) {
            assert_eq!((weekday.number(), Weekday::from_number(number)), (number, weekday));
        }
    }
}

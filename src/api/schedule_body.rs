//! A mentor's hours as they are sent and shown.

use poem_openapi::{Enum, Object};

use super::problem::Problem;
use super::schedule_dates::{Country, LimitsBody, OverrideBody, VacationBody, invalid};
use super::text::Text;
use crate::availability::{Limits, NewSchedule, Schedule, ScheduleChange, Window};
use crate::id::UserId;

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
pub(super) fn minutes(text: &str) -> Option<u16> {
    let number = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 24 * 60).then_some(total)
}

pub(super) fn clock_text(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[derive(Debug, Object)]
#[oai(rename = "NewSchedule", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SetRequest {
    /// The version the caller saw; 0 where there is no schedule yet.
    pub expected_version: i64,
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
    /// From the start of a run of hours to its first slot: a multiple of 15, less than the interval. Absent: as it is.
    slot_offset_minutes: Option<u32>,
    /// The countries whose national holidays are closed. Absent: as it is.
    #[oai(validator(max_items = 8))]
    holidays: Option<Vec<Country>>,
    /// Dates with hours of their own, each once. Absent: as it is.
    #[oai(validator(max_items = 366))]
    overrides: Option<Vec<OverrideBody>>,
    /// A vacation is stronger than an override, and lasts at most 366 days. Absent: as it is.
    #[oai(validator(max_items = 50))]
    vacations: Option<Vec<VacationBody>>,
    /// Absent: as they are.
    limits: Option<LimitsBody>,
}

impl SetRequest {
    pub fn parse(&self) -> Result<ScheduleChange, Problem> {
        let windows: Option<Vec<Window>> = self.windows.iter().map(WindowBody::parse).collect();
        let overrides = self.overrides.as_ref().map(|all| all.iter().map(OverrideBody::parse).collect());
        let vacations = self.vacations.as_ref().map(|all| all.iter().map(VacationBody::parse).collect());
        let holidays = self.holidays.as_ref();
        Ok(ScheduleChange {
            time_zone: self.time_zone.0.clone(),
            slot_interval_min: self.slot_interval_minutes,
            buffer_before_min: self.buffer_before_minutes,
            buffer_after_min: self.buffer_after_minutes,
            min_notice_min: self.min_notice_minutes,
            horizon_days: self.horizon_days,
            windows: windows
                .ok_or_else(|| invalid("windows", "have from and to as HH:MM, 00:00 to 24:00"))?,
            slot_offset_min: self.slot_offset_minutes,
            holidays: holidays.map(|countries| countries.iter().map(|country| (*country).into()).collect()),
            overrides: overrides.transpose()?,
            vacations: vacations.transpose()?,
            limits: self.limits.as_ref().map(Limits::from),
        })
    }
}

#[derive(Debug, Object)]
#[oai(rename = "Schedule", rename_all = "camelCase")]
pub(super) struct ScheduleView {
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
    slot_offset_minutes: u32,
    holidays: Vec<Country>,
    /// By date.
    overrides: Vec<OverrideBody>,
    vacations: Vec<VacationBody>,
    limits: LimitsBody,
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
            slot_offset_minutes: settings.slot_offset_min,
            holidays: settings.exceptions.holidays.into_iter().map(Country::from).collect(),
            overrides: settings.exceptions.overrides.into_iter().map(OverrideBody::from).collect(),
            vacations: settings.exceptions.vacations.into_iter().map(VacationBody::from).collect(),
            limits: settings.limits.into(),
        }
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
